// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Settlement} from "../src/Settlement.sol";
import {Claim, Evidence, Games, Offer, Outcome, State} from "../src/types/Game.sol";
import {Move} from "../src/types/Move.sol";
import {Board, Meta} from "../src/types/Position.sol";
import {Notation} from "./Notation.sol";
import {SettlementBase} from "./SettlementBase.sol";
import {Test} from "./Test.sol";

/// @notice An operator that tries whatever it can against a player that follows the protocol: signs each of its moves once, answers every
/// challenge in time, refutes what is stale. Moves are random legal ones; the operator's proofs are taken for good (`HashVerifier`).
contract Game is SettlementBase {
    /// @notice The states of the game as the player knows it; the one at `i` is of ply `i`, signed by its mover.
    State[] private record;
    bool private underWay;
    /// @notice The player's balance before the game.
    uint256 private balanceBefore;
    /// @notice Games that ended, by outcome as the player's money shows it.
    uint256 public won;
    uint256 public drawn;
    uint256 public lost;
    /// @notice Games that the player lost without being mated.
    uint256 public robbed;
    uint256 public refuted;
    uint256 public answered;
    /// @notice Wei paid in and not withdrawn.
    uint256 public paidIn;

    constructor() {
        setUp();
        paidIn = 50 ether;
    }

    /// @notice Wei that the settlement should hold: balances, and what is in the running game.
    function accountedFor() external view returns (uint256 total) {
        total = settlement.balances(player) + settlement.balances(operator);
        if (underWay) {
            (,,,,,,,,, bool playerBondLost, bool operatorBondLost) = settlement.games(id);
            total += uint256(offer.playerStake) + offer.operatorStake;
            if (!playerBondLost) total += offer.bond;
            if (!operatorBondLost) total += offer.bond;
        }
    }

    function held() external view returns (uint256) {
        return address(settlement).balance;
    }

    /// @notice A game of new terms begins, or a ply is played in peace.
    function play(uint256 seed) public {
        if (!underWay) {
            offer.salt = keccak256(abi.encode(seed, won, drawn, lost));
            offer.playerIsWhite = seed & 1 == 0;
            offer.expiry = uint40(block.timestamp);
            offer.bond = uint128(seed % 1 ether);
            vm.deal(player, 100 ether);
            if (settlement.balances(operator) < 4 ether) {
                vm.deal(operator, 50 ether);
                vm.prank(operator);
                settlement.deposit{value: 50 ether}();
                paidIn += 50 ether;
            }
            balanceBefore = settlement.balances(player);
            open();
            paidIn += uint256(offer.playerStake) + offer.bond;
            underWay = true;
            delete record;
            record.push(first());
            return;
        }
        if (pending() != Settlement.Pending.Nothing) return;
        for (uint256 i = 0; i <= seed % 4; ++i) {
            State memory last = record[record.length - 1];
            if (record.length > 100 || over(last)) return;
            (, State memory after_) = anyMove(last, seed >> i);
            record.push(after_);
        }
    }

    /// @notice The operator puts up any state that the player ever signed, or the one on chain, with any move of its own.
    function operatorChallenges(uint256 seed, bool asEnd, uint8 claim, uint256 which) external {
        play(seed);
        if (!underWay || pending() != Settlement.Pending.Nothing) return;
        // Mostly one of the last states, since those are the dangerous ones.
        uint256 back = which % (which % 3 == 0 ? record.length : 3);
        State memory base = record[record.length - 1 - (back < record.length ? back : 0)];
        Move move;
        if (playersTurn(base) == false && !over(base) && base.meta.ply() < 100) (move,) = anyMove(base, seed);
        bytes memory signature = signState(PLAYER_KEY, base);
        uint256 value = operatorOwesBond() ? offer.bond : 0;
        vm.deal(operator, operator.balance + value);
        Evidence memory proven = evidenceFor(base, move);
        bool presented;
        if (asEnd) {
            bytes32[] memory positions = keys(base.meta.ply());
            vm.prank(operator);
            try settlement.claimEnd{value: value}(
                offer, base, signature, seed & 2 == 0 ? Move.wrap(0) : move, proven, Claim(claim % 4), positions
            ) {
                presented = true;
            } catch {}
        } else {
            vm.prank(operator);
            try settlement.challenge{value: value}(offer, base, signature, move, proven) {
                presented = true;
            } catch {}
        }
        if (presented) {
            paidIn += value;
            defend(base, move, seed);
        }
    }

    /// @notice The player forces a move; the operator answers or not.
    function playerChallenges(uint256 seed, bool answers) external {
        play(seed);
        if (!underWay || pending() != Settlement.Pending.Nothing) return;
        State memory last = record[record.length - 1];
        if (record.length > 100 || over(last)) return;
        State memory state = last;
        Move move;
        State memory base = last;
        if (playersTurn(last)) {
            (move, state) = anyMove(last, seed);
            record.push(state);
        } else if (record.length > 1 && settlement.stateOnChain(id) != Games.hash(last)) {
            base = record[record.length - 2];
            move = moveBetween(base, last);
        }
        bytes memory signature = signState(OPERATOR_KEY, base);
        vm.prank(player);
        settlement.challenge(offer, base, signature, move, nothing());
        if (over(state) || !answers) return;
        (move, last) = anyMove(state, seed);
        Evidence memory proven = evidenceFor(state, move);
        vm.prank(operator);
        settlement.respond(offer, state, move, proven);
        record.push(last);
        note(last);
    }

    /// @notice Time passes; who can claim does.
    function timePasses(uint256 howLong) external {
        vm.warp(block.timestamp + howLong % 7200);
        if (!underWay) return;
        try settlement.claimTimeout(offer) {
            note(record[record.length - 1]);
        } catch {}
    }

    /// @notice The operator tries to take the stakes with its own signatures, or gives up.
    function operatorSettles(uint256 seed) external {
        if (!underWay) return;
        bytes memory own = sign(OPERATOR_KEY, settlement.resultDigest(id, Outcome(seed % 3)));
        vm.prank(operator);
        try settlement.settle(offer, Outcome(seed % 3), own, own) {
            note(record[record.length - 1]);
        } catch {}
    }

    function withdraw(uint256 amount, bool byPlayer) external {
        // While a game is under way the player's balance shows how it stands.
        if (byPlayer && underWay) return;
        address account = byPlayer ? player : operator;
        amount %= 3 ether;
        vm.prank(account);
        try settlement.withdraw(amount, payable(account)) {
            paidIn -= amount;
        } catch {}
    }

    /// @dev The player's answer to what the operator put up.
    function defend(State memory base, Move move, uint256 seed) private {
        State memory state = base;
        if (settlement.stateOnChain(id) != Games.hash(base)) {
            (Board board, Meta meta) = rules.play(base.board, base.meta, move);
            state = State(id, board, meta, Games.historyAfter(base.history, board, meta));
        }
        uint256 ply = state.meta.ply();
        // A later signature of the operator's, or another of the same ply.
        for (uint256 i = record.length - 1; i >= ply && i > 0; --i) {
            if (playersTurn(record[i]) && Games.hash(record[i]) != Games.hash(state)) {
                settlement.refute(offer, record[i], signState(OPERATOR_KEY, record[i]));
                ++refuted;
                return;
            }
        }
        if (ply == record.length) record.push(state);
        if (pending() != Settlement.Pending.Move) return;
        State memory after_;
        if (ply + 1 < record.length) {
            after_ = record[ply + 1];
            move = moveBetween(state, after_);
        } else {
            (move, after_) = anyMove(state, seed);
            record.push(after_);
        }
        vm.prank(player);
        settlement.respond(offer, state, move, nothing());
        ++answered;
        note(after_);
    }

    /// @dev Notes the end of the game, if it ended.
    function note(State memory last) private {
        (,,,,, Settlement.Status status,,,,,) = settlement.games(id);
        if (status != Settlement.Status.Final) return;
        underWay = false;
        uint256 got = settlement.balances(player) - balanceBefore;
        if (got > uint256(offer.playerStake) + offer.bond) ++won;
        else if (got == uint256(offer.playerStake) + offer.bond) ++drawn;
        else ++lost;
        bool mated = playersTurn(last) && rules.legalMoves(last.board, last.meta).length == 0
            && rules.inCheck(last.board, last.meta);
        if (got < uint256(offer.playerStake) + offer.bond && !mated) ++robbed;
    }

    function pending() private view returns (Settlement.Pending answer) {
        (,,,,,, answer,,,,) = settlement.games(id);
    }

    function operatorOwesBond() private view returns (bool owes) {
        (,,,,,,,,,, owes) = settlement.games(id);
    }

    function playersTurn(State memory state) private view returns (bool) {
        return state.meta.blackToMove() != offer.playerIsWhite;
    }

    function over(State memory state) private view returns (bool) {
        return uint256(rules.ending(state.board, state.meta)) != 0;
    }

    function anyMove(State memory state, uint256 seed) private view returns (Move move, State memory after_) {
        bytes memory list = rules.legalMoves(state.board, state.meta);
        uint256 place = 2 * (uint256(keccak256(abi.encode(seed))) % (list.length / 2));
        uint256 index = (uint256(uint8(list[place])) << 8) | uint8(list[place + 1]);
        move = Notation.moveOf(index, state.board, state.meta);
        (Board board, Meta meta) = rules.play(state.board, state.meta, move);
        after_ = State(state.gameId, board, meta, Games.historyAfter(state.history, board, meta));
    }

    /// @dev The move that leads from one state to the next, by its squares and what stands there.
    function moveBetween(State memory state, State memory after_) private pure returns (Move) {
        uint256 from = (Meta.unwrap(after_.meta) >> 8) & 63;
        uint256 to = Meta.unwrap(after_.meta) & 63;
        uint256 piece = state.board.pieceAt(from) & 7;
        uint256 became = after_.board.pieceAt(to) & 7;
        return Move.wrap(uint16(from | (to << 6) | (became == piece ? 0 : became << 12)));
    }

    function keys(uint256 ply) private view returns (bytes32[] memory positions) {
        uint256 start = ply - record[ply].meta.halfmoves();
        positions = new bytes32[](ply - start + 1);
        for (uint256 i = start; i <= ply; ++i) {
            positions[i - start] = Games.positionKey(record[i].board, record[i].meta);
        }
    }
}

contract SettlementInvariantTest is Test {
    struct FuzzSelector {
        address target;
        bytes4[] selectors;
    }

    Game private game;

    function setUp() public {
        game = new Game();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(game);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](6);
        selectors[0] = Game.play.selector;
        selectors[1] = Game.operatorChallenges.selector;
        selectors[2] = Game.playerChallenges.selector;
        selectors[3] = Game.timePasses.selector;
        selectors[4] = Game.operatorSettles.selector;
        selectors[5] = Game.withdraw.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(game), selectors);
    }

    /// @notice Money in is money out, at every moment.
    function invariantMoney() external view {
        vm.assertEq(game.held(), game.paidIn(), "held is what was paid in");
        vm.assertEq(game.held(), game.accountedFor(), "all of it is somebody's");
    }

    /// @notice The operator above does get through to disputes: else the invariants would say nothing.
    function testTheOperatorTriesEverything() external {
        for (uint256 seed = 0; seed < 400; ++seed) {
            uint256 random = uint256(keccak256(abi.encode(seed)));
            game.play(random);
            game.operatorChallenges(random, random & 4 == 0, uint8(random >> 8), random >> 16);
            game.playerChallenges(random >> 32, random & 8 == 0);
            game.timePasses(random >> 64);
            if (random % 16 == 0) game.operatorSettles(random >> 96);
        }
        vm.assertTrue(game.refuted() > 2, "refuted");
        vm.assertTrue(game.answered() > 2, "answered");
        vm.assertTrue(game.won() > 2, "won");
        vm.assertTrue(game.drawn() > 0, "drawn");
        vm.assertEq(game.robbed(), 0);
        vm.assertEq(game.held(), game.accountedFor());
    }

    /// @notice A player that follows the protocol loses its stake or bond to mate only.
    function invariantNobodyIsRobbed() external view {
        vm.assertEq(game.robbed(), 0);
    }
}
