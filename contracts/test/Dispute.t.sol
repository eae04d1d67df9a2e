// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Settlement} from "../src/Settlement.sol";
import {VerifierRouter} from "../src/VerifierRouter.sol";
import {Rules} from "../src/libraries/Rules.sol";
import {Signatures} from "../src/libraries/Signatures.sol";
import {Claim, Evidence, Games, Outcome, State} from "../src/types/Game.sol";
import {Move} from "../src/types/Move.sol";
import {Meta} from "../src/types/Position.sol";
import {Notation} from "./Notation.sol";
import {HashVerifier, SettlementBase} from "./SettlementBase.sol";

/// @notice Games that do not end in peace. The player is White unless a test says otherwise.
contract DisputeTest is SettlementBase {
    string private constant REPETITION = "g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8 ";

    function timeout() private {
        vm.warp(block.timestamp + offer.responseSeconds + 1);
        settlement.claimTimeout(offer);
    }

    function respondAsOperator(State memory state, string memory move) private {
        Evidence memory proven = evidence(state, move);
        vm.prank(operator);
        settlement.respond(offer, state, Notation.uci(move), proven);
    }

    function testSilentOperatorFromTheStart() public {
        open();
        challengeByPlayer(first(), "e2e4");
        timeout();
        // Both stakes, and the operator's bond for the player's gas.
        assertFinal(3.2 ether, 47.9 ether);
    }

    function testSilentOperatorAsWhite() public {
        offer.playerIsWhite = false;
        open();
        State memory start = first();
        vm.prank(player);
        settlement.challenge(offer, start, "", Move.wrap(0), nothing());
        timeout();
        assertFinal(3.2 ether, 47.9 ether);
    }

    function testSilentOperatorInTheMiddle() public {
        open();
        State memory state = line(first(), "e2e4 e7e5 g1f3 b8c6 ");
        bytes memory signature = signState(OPERATOR_KEY, state);
        Move move = Notation.uci("f1b5");
        vm.prank(player);
        settlement.challenge(offer, state, signature, move, nothing());
        vm.snapshotGasLastCall("Settlement", "challenge by the player");
        vm.expectRevert(
            abi.encodeWithSelector(Settlement.DeadlineAhead.selector, block.timestamp + offer.responseSeconds)
        );
        settlement.claimTimeout(offer);
        vm.warp(block.timestamp + offer.responseSeconds + 1);
        settlement.claimTimeout(offer);
        vm.snapshotGasLastCall("Settlement", "claimTimeout");
        assertFinal(3.2 ether, 47.9 ether);
    }

    function testOperatorAnswersWithProofAndTheGameGoesOn() public {
        open();
        State memory state = line(first(), "e2e4 e7e5 ");
        challengeByPlayer(state, "g1f3");
        state = next(state, "g1f3");
        Evidence memory proven = evidence(state, "b8c6");
        vm.prank(operator);
        settlement.respond(offer, state, Notation.uci("b8c6"), proven);
        vm.snapshotGasLastCall("Settlement", "respond by the operator, without the proof's verification");
        state = next(state, "b8c6");
        vm.assertTrue(settlement.stateOnChain(id) == Games.hash(state));
        // The player builds on the state on chain, no signature needed; then the operator is silent.
        vm.prank(player);
        settlement.challenge(offer, state, "", Notation.uci("f1b5"), nothing());
        timeout();
        assertFinal(3.2 ether, 47.9 ether);
    }

    function testSilentPlayer() public {
        open();
        State memory state = line(first(), "e2e4 ");
        bytes memory signature = signState(PLAYER_KEY, state);
        Evidence memory proven = evidence(state, "e7e5");
        vm.prank(operator);
        settlement.challenge(offer, state, signature, Notation.uci("e7e5"), proven);
        vm.snapshotGasLastCall("Settlement", "challenge by the operator, without the proof's verification");
        timeout();
        assertFinal(0, 51.1 ether);
    }

    function testSilentPlayerAfterTheOperatorAnswered() public {
        open();
        challengeByPlayer(first(), "e2e4");
        State memory state = next(first(), "e2e4");
        respondAsOperator(state, "e7e5");
        state = next(state, "e7e5");
        vm.prank(operator);
        settlement.challenge(offer, state, "", Move.wrap(0), nothing());
        vm.prank(player);
        settlement.respond(offer, state, Notation.uci("g1f3"), nothing());
        vm.snapshotGasLastCall("Settlement", "respond by the player");
        // It is the operator's turn now: what it put on chain does not serve it again.
        vm.prank(operator);
        vm.expectPartialRevert(Settlement.UnfoundedState.selector);
        settlement.challenge(offer, state, "", Move.wrap(0), nothing());
        state = next(state, "g1f3");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongTurn.selector));
        settlement.challenge(offer, state, "", Move.wrap(0), nothing());
    }

    /// @notice The second-best move has no proof: the operator runs out of time.
    function testWrongMoveIsRejected() public {
        open();
        challengeByPlayer(first(), "e2e4");
        State memory state = next(first(), "e2e4");
        Evidence memory proven = evidence(state, "e7e5");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(HashVerifier.NotTheStatementsHash.selector));
        settlement.respond(offer, state, Notation.uci("e7e6"), proven);
        vm.prank(operator);
        vm.expectPartialRevert(VerifierRouter.NotAttested.selector);
        settlement.respond(offer, state, Notation.uci("e7e6"), Evidence(element(1), ""));
        timeout();
        assertFinal(3.2 ether, 47.9 ether);
    }

    function testWrongSeedIsRejected() public {
        open();
        challengeByPlayer(first(), "e2e4");
        State memory state = next(first(), "e2e4");
        // The right proof for a seed that the operator would rather have.
        Evidence memory proven = Evidence(element(2), abi.encodePacked(keccak256(statement(state, "e7e5", element(2)))));
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongSeedElement.selector, 1));
        settlement.respond(offer, state, Notation.uci("e7e5"), proven);
    }

    function testIllegalMoves() public {
        open();
        State memory start = first();
        Move illegal = Notation.uci("e2e5");
        bytes memory reason = abi.encodeWithSelector(Rules.IllegalMove.selector, start.board, start.meta, illegal);
        vm.prank(player);
        vm.expectRevert(reason);
        settlement.challenge(offer, start, "", illegal, nothing());
        challengeByPlayer(start, "e2e4");
        State memory state = next(start, "e2e4");
        illegal = Notation.uci("e7e4");
        reason = abi.encodeWithSelector(Rules.IllegalMove.selector, state.board, state.meta, illegal);
        vm.prank(operator);
        vm.expectRevert(reason);
        settlement.respond(offer, state, illegal, Evidence(element(1), ""));
    }

    function testProofInTwoTransactions() public {
        open();
        challengeByPlayer(first(), "e2e4");
        State memory state = next(first(), "e2e4");
        Evidence memory proven = evidence(state, "e7e5");
        vm.prank(stranger);
        router.attest(statement(state, "e7e5", element(1)), proven.proof);
        vm.prank(operator);
        settlement.respond(offer, state, Notation.uci("e7e5"), Evidence(element(1), ""));
        vm.assertTrue(settlement.stateOnChain(id) == Games.hash(next(state, "e7e5")));
    }

    function testStaleChallengeIsRefuted() public {
        open();
        State memory early = line(first(), "e2e4 e7e5 ");
        State memory later = line(early, "g1f3 b8c6 f1b5 ");
        challengeByPlayer(early, "d2d4");
        bytes memory signature = signState(PLAYER_KEY, later);
        vm.prank(stranger);
        settlement.refute(offer, later, signature);
        vm.snapshotGasLastCall("Settlement", "refute");
        // The player's bond pays for it.
        vm.assertEq(settlement.balances(operator), 48 ether);
        // The same again is refused at once, with and without the bond.
        bytes memory base = signState(OPERATOR_KEY, early);
        Move move = Notation.uci("d2d4");
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.StaleState.selector, 3, 5));
        settlement.challenge{value: 0.1 ether}(offer, early, base, move, nothing());
        // A true challenge needs a new bond.
        State memory latest = next(later, "a7a6");
        base = signState(OPERATOR_KEY, latest);
        move = Notation.uci("b5a4");
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongValue.selector, 0.1 ether, 0));
        settlement.challenge(offer, latest, base, move, nothing());
        vm.prank(player);
        settlement.challenge{value: 0.1 ether}(offer, latest, base, move, nothing());
        timeout();
        assertFinal(3.2 ether, 48 ether);
    }

    function testClaimsWhileSomethingIsPending() public {
        open();
        State memory state = line(first(), REPETITION);
        challengeByPlayer(state, "g1f3");
        state = next(state, "g1f3");
        bytes32[] memory positions = keys("g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8 g1f3 ");
        // The challenger waits for the answer.
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.AnswerPending.selector, Settlement.Pending.Move));
        settlement.claimEnd(offer, state, "", Move.wrap(0), nothing(), Claim.Threefold, positions);
        // The challenged claims the state on chain, without a move and without money.
        State memory other = line(first(), "d2d4 ");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotTheStateOnChain.selector, Games.hash(other)));
        settlement.claimEnd(offer, other, "", Move.wrap(0), nothing(), Claim.Threefold, positions);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongTurn.selector));
        settlement.claimEnd(offer, state, "", Notation.uci("g8f6"), nothing(), Claim.Threefold, positions);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongValue.selector, 0, 1));
        settlement.claimEnd{value: 1}(offer, state, "", Move.wrap(0), nothing(), Claim.Threefold, positions);
        vm.warp(block.timestamp + 3601);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.DeadlinePassed.selector, block.timestamp - 1));
        settlement.claimEnd(offer, state, "", Move.wrap(0), nothing(), Claim.Threefold, positions);
    }

    function testAChallengeTakesNoMoneyWithoutNeed() public {
        open();
        State memory start = first();
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongValue.selector, 0, 1));
        settlement.challenge{value: 1}(offer, start, "", Notation.uci("e2e4"), nothing());
    }

    /// @notice After 2,048 half-moves a game is drawn, and no state is older.
    function testTheLongestGame() public {
        open();
        State memory state = line(first(), "g1f3 g8f6 ");
        state.meta = withPly(state.meta, 2047 - 1);
        bytes memory signature = signState(OPERATOR_KEY, state);
        Move move = Notation.uci("f3g1");
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimNotTrue.selector, Claim.Rules));
        settlement.claimEnd(offer, state, signature, Move.wrap(0), nothing(), Claim.Rules, new bytes32[](0));
        State memory longest = state;
        longest.meta = withPly(state.meta, 2048);
        signature = signState(OPERATOR_KEY, longest);
        vm.prank(player);
        settlement.claimEnd(offer, longest, signature, Move.wrap(0), nothing(), Claim.Rules, new bytes32[](0));
        State memory beyond = next(longest, "f3g1");
        beyond.meta = withPly(beyond.meta, 2049);
        expectNotLater(beyond, PLAYER_KEY);
        timeout();
        assertFinal(1.1 ether, 50 ether);
        offer.expiry = uint40(block.timestamp);
        offer.salt = bytes32(uint256(2));
        open();
        beyond = line(first(), "g1f3 g8f6 ");
        beyond.meta = withPly(beyond.meta, 2050);
        signature = signState(OPERATOR_KEY, beyond);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.UnfoundedState.selector));
        settlement.challenge(offer, beyond, signature, move, nothing());
    }

    function withPly(Meta meta, uint256 ply) private pure returns (Meta) {
        return Meta.wrap(uint80((Meta.unwrap(meta) & 0xffffffffffff) | (ply << 48)));
    }

    function testTwoMovesOfOnePlyAreRefuted() public {
        open();
        State memory base = line(first(), "e2e4 e7e5 ");
        State memory signed = next(base, "g1f3");
        challengeByPlayer(base, "d2d4");
        settlement.refute(offer, signed, signState(PLAYER_KEY, signed));
        vm.assertEq(settlement.balances(operator), 48 ether);
    }

    function testTrueChallengeIsNotRefuted() public {
        open();
        State memory base = line(first(), "e2e4 e7e5 ");
        State memory current = next(base, "g1f3");
        challengeByPlayer(base, "g1f3");
        expectNotLater(current, PLAYER_KEY);
        expectNotLater(line(first(), "e2e4 "), PLAYER_KEY);
        // The operator's own later state shows nothing.
        expectNotLater(next(current, "b8c6"), OPERATOR_KEY);
        State memory forged = line(current, "b8c6 f1b5 ");
        bytes memory signature = signState(OPERATOR_KEY, forged);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, player));
        settlement.refute(offer, forged, signature);
        // Of another game.
        State memory foreign = forged;
        foreign.gameId = bytes32(uint256(id) ^ 1);
        expectNotLater(foreign, PLAYER_KEY);
    }

    function testUnfoundedStates() public {
        open();
        State memory state = line(first(), "e2e4 e7e5 ");
        Move move = Notation.uci("g1f3");
        // Nobody's, one's own, another game's.
        bytes memory signature = signState(PLAYER_KEY, state);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, operator));
        settlement.challenge(offer, state, signature, move, nothing());
        State memory own = line(first(), "e2e4 ");
        signature = signState(PLAYER_KEY, own);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.UnfoundedState.selector));
        settlement.challenge(offer, own, signature, Move.wrap(0), nothing());
        State memory foreign = state;
        foreign.gameId = bytes32(uint256(id) ^ 1);
        signature = signState(OPERATOR_KEY, foreign);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.UnfoundedState.selector));
        settlement.challenge(offer, foreign, signature, move, nothing());
        // A first position with a queen more is no first position, whoever signs it.
        State memory start = first();
        start.history = bytes32(uint256(start.history) ^ 1);
        signature = signState(OPERATOR_KEY, start);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.UnfoundedState.selector));
        settlement.challenge(offer, start, signature, move, nothing());
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongCaller.selector, stranger));
        settlement.challenge(offer, own, "", move, nothing());
    }

    function testOneThingAtATime() public {
        open();
        challengeByPlayer(first(), "e2e4");
        State memory state = next(first(), "e2e4");
        bytes memory signature = signState(PLAYER_KEY, state);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.AnswerPending.selector, Settlement.Pending.Move));
        settlement.challenge(offer, state, signature, Notation.uci("e7e5"), Evidence(element(1), ""));
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongCaller.selector, player));
        settlement.respond(offer, state, Notation.uci("e7e5"), nothing());
        State memory other = line(first(), "d2d4 ");
        Evidence memory proven = evidence(other, "d7d5");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotTheStateOnChain.selector, Games.hash(other)));
        settlement.respond(offer, other, Notation.uci("d7d5"), proven);
        proven = evidence(state, "e7e5");
        vm.warp(block.timestamp + 3601);
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.DeadlinePassed.selector, block.timestamp - 1));
        settlement.respond(offer, state, Notation.uci("e7e5"), proven);
        vm.expectRevert(abi.encodeWithSelector(Settlement.DeadlinePassed.selector, block.timestamp - 1));
        settlement.refute(offer, state, "");
    }

    function testMateIsClaimed() public {
        open();
        State memory state = line(first(), "e2e4 e7e5 f1c4 b8c6 d1h5 g8f6 ");
        bytes memory signature = signState(OPERATOR_KEY, state);
        Move mate = Notation.uci("h5f7");
        vm.prank(player);
        settlement.claimEnd(offer, state, signature, mate, nothing(), Claim.Rules, new bytes32[](0));
        vm.snapshotGasLastCall("Settlement", "claimEnd, mate");
        // The mated side has no answer.
        State memory mated = next(state, "h5f7");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NothingPending.selector, Settlement.Pending.PlayerWins));
        settlement.respond(offer, mated, Notation.uci("e8f7"), nothing());
        timeout();
        assertFinal(3.2 ether, 47.9 ether);
    }

    function testNothingIsRefutedWhereNothingIsPending() public {
        open();
        State memory state = line(first(), "e2e4 ");
        bytes memory signature = signState(PLAYER_KEY, state);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NothingPending.selector, Settlement.Pending.Nothing));
        settlement.refute(offer, state, signature);
    }

    /// @notice The first position founds a challenge of either side, but only White's move from it.
    function testNobodyMovesForTheOther() public {
        open();
        State memory state = first();
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongTurn.selector));
        settlement.challenge(offer, state, "", Notation.uci("e2e4"), nothing());
    }

    function testMissedMateIsRefuted() public {
        open();
        State memory state = line(first(), "e2e4 e7e5 f1c4 b8c6 d1h5 g8f6 ");
        State memory played = next(state, "h5h4");
        bytes memory signature = signState(OPERATOR_KEY, state);
        vm.prank(player);
        settlement.claimEnd(offer, state, signature, Notation.uci("h5f7"), nothing(), Claim.Rules, new bytes32[](0));
        settlement.refute(offer, played, signState(PLAYER_KEY, played));
        vm.warp(block.timestamp + 7200);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NothingPending.selector, Settlement.Pending.Nothing));
        settlement.claimTimeout(offer);
    }

    function testAnswerThatMatesEndsTheGame() public {
        open();
        State memory state = line(first(), "f2f3 e7e5 ");
        challengeByPlayer(state, "g2g4");
        respondAsOperator(next(state, "g2g4"), "d8h4");
        assertFinal(0, 51.1 ether);
    }

    /// @notice A challenge with a stalemating move is a draw by the rules, not a loss by time.
    function testStalematingChallengeIsADraw() public {
        open();
        State memory state =
            line(first(), "e2e3 a7a5 d1h5 a8a6 h5a5 h7h5 h2h4 a6h6 a5c7 f7f6 c7d7 e8f7 d7b7 d8d3 b7b8 d3h7 b8c8 f7g6 ");
        challengeByPlayer(state, "c8e6");
        (,,,,,, Settlement.Pending pending,,,,) = settlement.games(id);
        vm.assertEq(uint256(pending), uint256(Settlement.Pending.Draw));
        timeout();
        assertFinal(1.1 ether, 50 ether);
    }

    function testThreefold() public {
        open();
        State memory state = line(first(), REPETITION);
        bytes32[] memory positions = keys(REPETITION);
        bytes memory signature = signState(OPERATOR_KEY, state);
        vm.prank(player);
        settlement.claimEnd(offer, state, signature, Move.wrap(0), nothing(), Claim.Threefold, positions);
        vm.snapshotGasLastCall("Settlement", "claimEnd, threefold of nine positions");
        timeout();
        assertFinal(1.1 ether, 50 ether);
    }

    function testFalseThreefold() public {
        open();
        string memory moves = "g1f3 g8f6 f3g1 f6g8 ";
        State memory state = line(first(), moves);
        bytes memory signature = signState(OPERATOR_KEY, state);
        expectClaimFails(state, signature, Claim.Threefold, keys(moves));
        // More positions than there were.
        expectClaimFails(state, signature, Claim.Threefold, keys(REPETITION));
        expectClaimFails(state, signature, Claim.Threefold, new bytes32[](0));
        expectClaimFails(state, signature, Claim.FiftyMoves, new bytes32[](0));
        expectClaimFails(state, signature, Claim.Rules, new bytes32[](0));
        expectClaimFails(state, signature, Claim.NotStarted, new bytes32[](0));
    }

    function testAnswerWithAClaimEndsAtOnce() public {
        open();
        State memory state = line(first(), "g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8 ");
        challengeByPlayer(state, "g1f3");
        state = next(state, "g1f3");
        bytes32[] memory positions = keys("g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8 g1f3 ");
        vm.prank(operator);
        settlement.claimEnd(offer, state, "", Move.wrap(0), nothing(), Claim.Threefold, positions);
        assertFinal(1.1 ether, 50 ether);
    }

    function testRefundBeforeTheFirstMove() public {
        open();
        State memory start = first();
        vm.prank(player);
        settlement.claimEnd(offer, start, "", Move.wrap(0), nothing(), Claim.NotStarted, new bytes32[](0));
        timeout();
        assertFinal(1.1 ether, 50 ether);
    }

    function testNoRefundAfterTheFirstMove() public {
        open();
        State memory start = first();
        State memory moved = next(start, "e2e4");
        vm.prank(player);
        settlement.claimEnd(offer, start, "", Move.wrap(0), nothing(), Claim.NotStarted, new bytes32[](0));
        settlement.refute(offer, moved, signState(PLAYER_KEY, moved));
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.StaleState.selector, 0, 1));
        settlement.claimEnd{value: 0.1 ether}(
            offer, start, "", Move.wrap(0), nothing(), Claim.NotStarted, new bytes32[](0)
        );
    }

    function testNothingFromBeforeWhatIsOnChain() public {
        open();
        State memory state = line(first(), "e2e4 e7e5 g1f3 b8c6 ");
        challengeByPlayer(state, "f1b5");
        state = next(state, "f1b5");
        respondAsOperator(state, "a7a6");
        // The operator's signature on an older state, with a better move.
        State memory old = line(first(), "e2e4 e7e5 ");
        bytes memory signature = signState(OPERATOR_KEY, old);
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.StaleState.selector, 3, 6));
        settlement.challenge(offer, old, signature, Notation.uci("d2d4"), nothing());
        State memory start = first();
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimNotTrue.selector, Claim.NotStarted));
        settlement.claimEnd(offer, start, "", Move.wrap(0), nothing(), Claim.NotStarted, new bytes32[](0));
    }

    function testStoppedVerifierRefunds() public {
        open();
        challengeByPlayer(first(), "e2e4");
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.ModelNotStopped.selector, MODEL));
        settlement.refundStopped(offer);
        stopVerifier();
        State memory state = next(first(), "e2e4");
        Evidence memory proven = evidence(state, "e7e5");
        vm.prank(operator);
        vm.expectRevert(
            abi.encodeWithSelector(VerifierRouter.WrongStatus.selector, MODEL, VerifierRouter.Status.Stopped)
        );
        settlement.respond(offer, state, Notation.uci("e7e5"), proven);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Settlement.WrongCaller.selector, stranger));
        settlement.refundStopped(offer);
        timeout();
        assertFinal(1.1 ether, 50 ether);
    }

    function testStoppedVerifierDoesNotSaveTheMated() public {
        open();
        State memory state = line(first(), "e2e4 e7e5 f1c4 b8c6 d1h5 g8f6 ");
        bytes memory signature = signState(OPERATOR_KEY, state);
        vm.prank(player);
        settlement.claimEnd(offer, state, signature, Notation.uci("h5f7"), nothing(), Claim.Rules, new bytes32[](0));
        stopVerifier();
        vm.prank(operator);
        vm.expectRevert(abi.encodeWithSelector(Settlement.AnswerPending.selector, Settlement.Pending.PlayerWins));
        settlement.refundStopped(offer);
        timeout();
        assertFinal(3.2 ether, 47.9 ether);
    }

    function testFrozenVerifierLeavesRunningGamesAlone() public {
        open();
        router.freeze(MODEL);
        challengeByPlayer(first(), "e2e4");
        respondAsOperator(next(first(), "e2e4"), "e7e5");
    }

    /// @notice Two games between the same two: what happens in one leaves the other alone.
    function testTwoGamesAtOnce() public {
        open();
        challengeByPlayer(first(), "e2e4");
        bytes32 firstId = id;
        offer.salt = bytes32(uint256(2));
        open();
        State memory state = line(first(), "d2d4 ");
        bytes memory signature = signState(PLAYER_KEY, state);
        Evidence memory proven = evidence(state, "d7d5");
        vm.prank(operator);
        settlement.challenge(offer, state, signature, Notation.uci("d7d5"), proven);
        timeout();
        (,,,,, Settlement.Status status,,,,,) = settlement.games(firstId);
        vm.assertEq(uint256(status), uint256(Settlement.Status.Open));
        vm.assertTrue(settlement.stateOnChain(firstId) != 0);
        vm.assertEq(address(settlement).balance, settlement.balances(operator) + 3.2 ether);
    }

    function keys(string memory moves) private view returns (bytes32[] memory positions) {
        bytes memory text = bytes(moves);
        State memory state = first();
        positions = new bytes32[](text.length / 5 + 1);
        positions[0] = Games.positionKey(state.board, state.meta);
        for (uint256 i = 0; i < text.length; i += 5) {
            state = next(state, string(abi.encodePacked(text[i], text[i + 1], text[i + 2], text[i + 3])));
            positions[i / 5 + 1] = Games.positionKey(state.board, state.meta);
        }
    }

    function expectNotLater(State memory state, uint256 key) private {
        bytes memory signature = signState(key, state);
        vm.expectRevert(abi.encodeWithSelector(Settlement.NotLater.selector));
        settlement.refute(offer, state, signature);
    }

    function expectClaimFails(State memory state, bytes memory signature, Claim claim, bytes32[] memory positions)
        private
    {
        vm.prank(player);
        vm.expectRevert(abi.encodeWithSelector(Settlement.ClaimNotTrue.selector, claim));
        settlement.claimEnd(offer, state, signature, Move.wrap(0), nothing(), claim, positions);
    }

    /// @dev `HashVerifier` proves anything, so also two answers to one question.
    function stopVerifier() private {
        State memory state = next(first(), "a2a3");
        bytes memory one = statement(state, "e7e5", element(1));
        bytes memory other = statement(state, "e7e6", element(1));
        router.attest(one, abi.encodePacked(keccak256(one)));
        router.attest(other, abi.encodePacked(keccak256(other)));
        vm.assertTrue(router.isStopped(MODEL));
    }
}
