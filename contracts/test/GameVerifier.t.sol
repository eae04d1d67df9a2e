// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {GameEnd, GameEvidence, GameVerifier, ProvenGame} from "../src/GameVerifier.sol";
import {ProvenGames} from "../src/ProvenGames.sol";
import {ProvenTokens} from "../src/ProvenTokens.sol";
import {VerifierRouter} from "../src/VerifierRouter.sol";
import {Ending, Rules} from "../src/libraries/Rules.sol";
import {Move} from "../src/types/Move.sol";
import {Board, Meta, Positions} from "../src/types/Position.sol";
import {Notation} from "./Notation.sol";
import {HashVerifier, SettlementBase} from "./SettlementBase.sol";

contract GameVerifierTest is SettlementBase {
    string private constant MATE = "f2f3 e7e5 g2g4 d8h4";

    GameVerifier private games;
    ProvenGames private token;
    ProvenGame private game;
    bytes32 private elementOfLast;

    function setUp() public override {
        super.setUp();
        games = new GameVerifier(router);
        token = new ProvenGames(games);
        game = ProvenGame({
            modelDigest: MODEL,
            gameId: id,
            level: 4,
            networkIsBlack: true,
            seedHead: element(0),
            nonce: bytes32(uint256(NONCE)),
            board: Positions.START_BOARD,
            meta: Positions.START_META
        });
        elementOfLast = element(2);
    }

    /// @dev Moves of four letters, a space between, two bytes each.
    function words(string memory text) private pure returns (bytes memory moves) {
        bytes memory letters = bytes(text);
        for (uint256 i = 0; i < letters.length; i += 5) {
            string memory uci = string(abi.encodePacked(letters[i], letters[i + 1], letters[i + 2], letters[i + 3]));
            moves = bytes.concat(moves, bytes2(Move.unwrap(Notation.uci(uci))));
        }
    }

    /// @dev The statement written down a second time: of positions before the network's moves, move by move.
    function expected(bytes memory moves, bytes memory contenders) private view returns (bytes memory text) {
        (Board board, Meta meta) = (game.board, game.meta);
        uint256 count = 0;
        uint256 listed = 0;
        for (uint256 i = 0; i < moves.length; i += 2) {
            Move move = Move.wrap(uint16(uint8(moves[i])) << 8 | uint8(moves[i + 1]));
            if (meta.blackToMove() == game.networkIsBlack) {
                ++count;
                bytes memory list = rules.legalMoves(board, meta);
                list = bytes.concat(bytes2(uint16(list.length / 2)), list);
                if (contenders.length > 0) {
                    uint256 size = 2 + 2 * uint256(uint8(contenders[listed + 1]));
                    list = new bytes(size);
                    for (uint256 j = 0; j < size; ++j) {
                        list[j] = contenders[listed + j];
                    }
                    listed += size;
                }
                text = bytes.concat(
                    text, rules.statementBytes(board, meta), list, bytes2(uint16(rules.policyIndex(meta, move)))
                );
                bytes32 link = element(count);
                uint32 ply = uint32(meta.ply());
                if (game.level < 8) {
                    text = bytes.concat(text, keccak256(abi.encodePacked("fairmate seed 1", game.nonce, link, ply)));
                }
            }
            (board, meta) = rules.play(board, meta, move);
        }
        bytes memory flags = contenders.length > 0 ? bytes(hex"02") : bytes(hex"00");
        return bytes.concat(abi.encodePacked(MODEL, game.gameId, uint16(count), game.level), flags, text);
    }

    function evidenceOf(bytes memory moves, bytes memory contenders) private view returns (GameEvidence memory) {
        return GameEvidence(elementOfLast, contenders, abi.encodePacked(keccak256(expected(moves, contenders))));
    }

    function testAMateIsProven() public view {
        bytes memory moves = words(MATE);
        (bytes memory text,) = games.statement(game, moves, elementOfLast, "");
        vm.assertEq(text, expected(moves, ""));
        GameEnd memory end = games.verify(game, moves, evidenceOf(moves, ""));
        vm.assertTrue(end.ending == Ending.Checkmate && !end.drawn);
        vm.assertEq(end.meta.ply(), 4);
        vm.assertTrue(end.board.pieceAt(31) == 13, "the queen on h4");
    }

    function testEitherSideAndAnyStart() public {
        bytes memory moves = words(MATE);
        game.networkIsBlack = false;
        games.verify(game, moves, evidenceOf(moves, ""));
        moves = words("e2e4");
        elementOfLast = element(1);
        games.verify(game, moves, evidenceOf(moves, ""));
        (game.board, game.meta) = rules.play(game.board, game.meta, Notation.uci("e2e4"));
        game.networkIsBlack = true;
        moves = words("e7e5");
        games.verify(game, moves, evidenceOf(moves, ""));
    }

    function testTheStrongestLevelHasNoSeeds() public {
        (game.level, game.seedHead, game.nonce, elementOfLast) = (8, 0, 0, 0);
        bytes memory moves = words(MATE);
        games.verify(game, moves, evidenceOf(moves, ""));
        bytes memory reason = abi.encodeWithSelector(GameVerifier.UnacceptableLevel.selector, 8);
        game.nonce = bytes32(uint256(1));
        vm.expectRevert(reason);
        games.statement(game, moves, 0, "");
        (game.nonce, game.seedHead) = (0, bytes32(uint256(1)));
        vm.expectRevert(reason);
        games.statement(game, moves, 0, "");
        game.seedHead = 0;
        vm.expectRevert(reason);
        games.statement(game, moves, bytes32(uint256(1)), "");
        game.level = 0;
        vm.expectRevert(abi.encodeWithSelector(GameVerifier.UnacceptableLevel.selector, 0));
        games.statement(game, moves, 0, "");
        game.level = 9;
        vm.expectRevert(abi.encodeWithSelector(GameVerifier.UnacceptableLevel.selector, 9));
        games.statement(game, moves, 0, "");
    }

    function testSeedsAreThoseOfTheChain() public {
        bytes memory moves = words(MATE);
        vm.expectRevert(
            abi.encodeWithSelector(GameVerifier.WrongSeedElement.selector, keccak256(abi.encode(element(0))))
        );
        games.statement(game, moves, element(1), "");
        vm.expectRevert(abi.encodeWithSelector(GameVerifier.WrongSeedElement.selector, element(1)));
        games.statement(game, moves, element(3), "");
    }

    function testIllegalAndMalformedMoves() public {
        bytes memory moves = words("f2f3 e7e5 g2g4 d8h5");
        vm.expectPartialRevert(Rules.IllegalMove.selector);
        games.statement(game, moves, elementOfLast, "");
        // The other side's moves too.
        moves = words("f2f5 e7e5 g2g4 d8h4");
        vm.expectPartialRevert(Rules.IllegalMove.selector);
        games.statement(game, moves, elementOfLast, "");
        moves = bytes.concat(words(MATE), hex"00");
        vm.expectRevert(abi.encodeWithSelector(GameVerifier.MalformedMoves.selector, 9));
        games.statement(game, moves, elementOfLast, "");
        vm.expectRevert(abi.encodeWithSelector(GameVerifier.MalformedMoves.selector, 0));
        games.statement(game, "", elementOfLast, "");
        moves = words("e2e4");
        vm.expectRevert(abi.encodeWithSelector(GameVerifier.MalformedMoves.selector, 2));
        games.statement(game, moves, elementOfLast, "");
    }

    /// @notice Another game, side, level, model or move has no proof.
    function testOnlyWhatIsProven() public {
        bytes memory moves = words(MATE);
        GameEvidence memory shown = evidenceOf(moves, "");
        bytes memory reason = abi.encodeWithSelector(HashVerifier.NotTheStatementsHash.selector);
        game.gameId ^= bytes32(uint256(1));
        vm.expectRevert(reason);
        games.verify(game, moves, shown);
        game.gameId = id;
        game.level = 5;
        vm.expectRevert(reason);
        games.verify(game, moves, shown);
        game.level = 4;
        game.nonce ^= bytes32(uint256(1));
        vm.expectRevert(reason);
        games.verify(game, moves, shown);
        game.nonce ^= bytes32(uint256(1));
        game.networkIsBlack = false;
        vm.expectRevert(reason);
        games.verify(game, moves, shown);
        game.networkIsBlack = true;
        bytes memory other = words("f2f3 e7e5 g2g4 d8g5");
        vm.expectRevert(reason);
        games.verify(game, other, shown);
        game.modelDigest = keccak256("another model");
        vm.expectPartialRevert(VerifierRouter.UnknownModel.selector);
        games.verify(game, moves, shown);
    }

    function testContendersStandInTheStatement() public {
        bytes memory moves = words(MATE);
        bytes memory lists = hex"000200070009" hex"0000";
        (bytes memory text,) = games.statement(game, moves, elementOfLast, lists);
        vm.assertEq(text, expected(moves, lists));
        vm.assertTrue(text[67] == 0x02);
        games.verify(game, moves, evidenceOf(moves, lists));
        bytes[4] memory wrong = [
            bytes(hex"000200070009" hex"00"),
            bytes(hex"000200070009" hex"0001"),
            bytes(hex"000200070009" hex"000000"),
            bytes(hex"000200070009")
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(GameVerifier.MalformedContenders.selector, wrong[i].length));
            games.statement(game, moves, elementOfLast, wrong[i]);
        }
    }

    function testAnAttestedGameNeedsNoProof() public {
        bytes memory moves = words(MATE);
        GameEvidence memory shown = evidenceOf(moves, "");
        GameEvidence memory none = GameEvidence(elementOfLast, "", "");
        vm.expectPartialRevert(VerifierRouter.NotAttested.selector);
        games.verify(game, moves, none);
        games.attest(game, moves, shown);
        vm.assertTrue(router.attested(keccak256(expected(moves, ""))));
        games.verify(game, moves, none);
        // A second answer to the same questions stops the verifier; another game's does not.
        bytes memory other = words("f2f3 e7e5 g2g4 d8g5");
        game.gameId ^= bytes32(uint256(1));
        games.attest(game, other, evidenceOf(other, ""));
        vm.assertTrue(!router.isStopped(MODEL));
        game.gameId = id;
        games.attest(game, other, evidenceOf(other, ""));
        vm.assertTrue(router.isStopped(MODEL));
        vm.expectPartialRevert(VerifierRouter.WrongStatus.selector);
        games.verify(game, moves, none);
    }

    /// @notice Contenders are evidence: with other lists the question is the same.
    function testContendersAreNoPartOfTheQuestion() public {
        bytes memory moves = words("f2f3 e7e5");
        elementOfLast = element(1);
        bytes memory lists = hex"000200070009";
        games.attest(game, moves, evidenceOf(moves, lists));
        bytes memory others = hex"0000";
        games.attest(game, moves, evidenceOf(moves, others));
        vm.assertTrue(!router.isStopped(MODEL));
        bytes memory other = words("f2f3 e7e6");
        games.attest(game, other, evidenceOf(other, lists));
        vm.assertTrue(router.isStopped(MODEL));
    }

    function testDraws() public {
        bytes memory moves = words("g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1");
        elementOfLast = element(3);
        vm.assertTrue(!games.verify(game, moves, evidenceOf(moves, "")).drawn, "twice");
        moves = bytes.concat(moves, words("f6g8"));
        elementOfLast = element(4);
        vm.assertTrue(games.verify(game, moves, evidenceOf(moves, "")).drawn, "three times");
        // The same board with another right to castle is another position.
        moves = words("g1f3 g8f6 h1g1 h8g8 g1h1 g8h8 f3g1 f6g8 g1f3 g8f6 f3g1 f6g8");
        elementOfLast = element(6);
        vm.assertTrue(!games.verify(game, moves, evidenceOf(moves, "")).drawn, "without castling only twice");
        (game.board, game.meta) = Notation.parse("4k3/8/8/8/8/8/8/R3K3 w - - 98 90");
        moves = words("a1a2 e8e7");
        elementOfLast = element(1);
        vm.assertTrue(games.verify(game, moves, evidenceOf(moves, "")).drawn, "fifty moves");
        (game.board, game.meta) = Notation.parse("4k3/8/8/8/8/8/8/R3K3 w - - 97 90");
        vm.assertTrue(!games.verify(game, moves, evidenceOf(moves, "")).drawn, "not quite");
    }

    function testAFinishedGameIsMinted() public {
        bytes memory prompt = abi.encode(token.PROMPT_DOMAIN(), game);
        uint256 tokenId = uint256(keccak256(prompt));
        bytes memory moves = words(MATE);
        bytes memory shown = abi.encode(evidenceOf(moves, ""));
        bytes memory none = abi.encode(GameEvidence(elementOfLast, "", ""));
        vm.assertTrue(token.verify(prompt, moves, shown));
        vm.assertTrue(!token.verify(prompt, moves, none));
        vm.assertTrue(!token.verify(prompt, moves, "no evidence"));
        vm.assertTrue(!token.verify(prompt, words("f2f3 e7e5 g2g4 d8g5"), shown));
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.NotProven.selector, tokenId));
        token.addAigcData(tokenId, prompt, moves, none);
        games.attest(game, moves, evidenceOf(moves, ""));
        vm.prank(player);
        token.addAigcData(tokenId, prompt, moves, none);
        vm.assertTrue(token.ownerOf(tokenId) == player);
        vm.assertTrue(token.movesHash(tokenId) == keccak256(moves));
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.AlreadyMinted.selector, tokenId));
        token.addAigcData(tokenId, prompt, moves, none);
        vm.assertTrue(token.supportsInterface(0x702c55a6));
    }

    /// @notice A game that goes on is no token, proven or not.
    function testAnUnfinishedGameIsNot() public {
        bytes memory prompt = abi.encode(token.PROMPT_DOMAIN(), game);
        bytes memory moves = words("f2f3 e7e5 g2g4 d8g5");
        bytes memory shown = abi.encode(evidenceOf(moves, ""));
        games.verify(game, moves, evidenceOf(moves, ""));
        vm.assertTrue(!token.verify(prompt, moves, shown));
        vm.expectRevert(abi.encodeWithSelector(ProvenTokens.NotProven.selector, uint256(keccak256(prompt))));
        token.addAigcData(uint256(keccak256(prompt)), prompt, moves, shown);
    }

    /// @notice Bytes that are no game prove nothing, and do not revert.
    function testFuzzMalformed(bytes calldata noise, uint256 place, bytes1 change) public view {
        bytes memory prompt = abi.encode(token.PROMPT_DOMAIN(), game);
        bytes memory moves = words(MATE);
        bytes memory shown = abi.encode(evidenceOf(moves, ""));
        vm.assertTrue(!token.verify(noise, moves, shown));
        vm.assertTrue(!token.verify(prompt, noise, shown));
        vm.assertTrue(!token.verify(prompt, moves, noise));
        // En passant, clock and last move of a first position from which the other side moves a pawn leave no trace in what is proven.
        place %= prompt.length - 4;
        if (change == 0) return;
        prompt[place] ^= change;
        vm.assertTrue(!token.verify(prompt, moves, shown));
    }
}
