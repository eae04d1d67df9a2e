// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {ChessRules} from "../src/ChessRules.sol";
import {Ending, Rules} from "../src/libraries/Rules.sol";
import {Move} from "../src/types/Move.sol";
import {Board, Meta, Positions} from "../src/types/Position.sol";
import {Notation} from "./Notation.sol";
import {Test} from "./Test.sol";

/// @notice Cases by hand, a fuzzed comparison of the two ways to legality, gas. The comparison with another implementation and perft are
/// `tests/tests/chess_rules.rs`.
contract ChessRulesTest is Test {
    string private constant KIWIPETE = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq - 0 1";

    ChessRules internal rules = new ChessRules();

    function assertLegal(string memory fen, string memory move, bool expected) private view {
        (Board board, Meta meta) = Notation.parse(fen);
        vm.assertEq(rules.isLegal(board, meta, Notation.uci(move)), expected, string.concat(fen, " ", move));
    }

    function assertEnding(string memory fen, Ending expected) private view {
        (Board board, Meta meta) = Notation.parse(fen);
        vm.assertEq(uint256(rules.ending(board, meta)), uint256(expected), fen);
    }

    function assertPlay(string memory fen, string memory move, string memory expected) private view {
        (Board board, Meta meta) = Notation.parse(fen);
        (board, meta) = rules.play(board, meta, Notation.uci(move));
        (Board wantBoard, Meta wantMeta) = Notation.parse(expected);
        vm.assertEq(Board.unwrap(board), Board.unwrap(wantBoard), expected);
        // All but the last move's squares, which a FEN does not have.
        vm.assertEq(Meta.unwrap(meta) >> 16, Meta.unwrap(wantMeta) >> 16, expected);
        vm.assertEq(Meta.unwrap(meta) & 0xffff, (Notation.uci(move).from() << 8) | Notation.uci(move).to(), move);
    }

    function testStartPosition() public view {
        (Board board, Meta meta) = Notation.parse("rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1");
        vm.assertEq(Board.unwrap(board), Board.unwrap(Positions.START_BOARD), "board");
        vm.assertEq(Meta.unwrap(meta), Meta.unwrap(Positions.START_META), "meta");
        vm.assertEq(rules.legalMoves(board, meta).length, 40, "twenty moves");
    }

    function testCastling() public view {
        assertPlay("r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 3 9", "e1g1", "r3k2r/8/8/8/8/8/8/R4RK1 b kq - 4 9");
        assertPlay("r3k2r/8/8/8/8/8/8/R3K2R b KQkq - 3 9", "e8c8", "2kr3r/8/8/8/8/8/8/R3K2R w KQ - 4 10");
        assertPlay("r3k2r/8/8/8/8/8/8/R3K2R w KQkq - 3 9", "h1h8", "r3k2R/8/8/8/8/8/8/R3K3 b Qq - 0 9");
        // Through an attacked square, out of check, into check; past an attacked b1, which is allowed.
        assertLegal("r3kr2/8/8/8/8/8/8/R3K2R w KQq - 0 1", "e1g1", false);
        assertLegal("r2rk3/8/8/8/8/8/8/R3K2R w KQq - 0 1", "e1c1", false);
        assertLegal("4k3/8/8/8/4r3/8/8/R3K2R w KQ - 0 1", "e1g1", false);
        assertLegal("4k1r1/8/8/8/8/8/8/R3K2R w KQ - 0 1", "e1g1", false);
        assertLegal("1r2k3/8/8/8/8/8/8/R3K2R w KQ - 0 1", "e1c1", true);
        // Something between, or the right lost.
        assertLegal("4k3/8/8/8/8/8/8/RN2K1NR w KQ - 0 1", "e1c1", false);
        assertLegal("4k3/8/8/8/8/8/8/RN2K1NR w KQ - 0 1", "e1g1", false);
        assertLegal("4k3/8/8/8/8/8/8/R3K2R w Q - 0 1", "e1g1", false);
        assertLegal("4k3/8/8/8/8/8/8/R3K2R w K - 0 1", "e1c1", false);
    }

    function testEnPassant() public view {
        // The square is named only if a capture is legal.
        assertPlay("4k3/8/8/8/1p6/8/P7/4K3 w - - 5 1", "a2a4", "4k3/8/8/8/Pp6/8/8/4K3 b - a3 0 1");
        assertPlay("4k3/8/8/8/8/8/P7/4K3 w - - 5 1", "a2a4", "4k3/8/8/8/P7/8/8/4K3 b - - 0 1");
        assertPlay("4k3/8/8/8/Pp6/8/8/4K3 b - a3 0 1", "b4a3", "4k3/8/8/8/8/p7/8/4K3 w - - 0 2");
        // Both pawns leave the fourth rank: the king would stand in the rook's fire.
        assertPlay("8/8/8/8/k4p1R/8/4P3/4K3 w - - 0 1", "e2e4", "8/8/8/8/k3Pp1R/8/8/4K3 b - - 0 1");
        assertLegal("8/8/8/8/k3Pp1R/8/8/4K3 b - e3 0 1", "f4e3", false);
        assertLegal("8/8/8/8/k3Pp2/8/8/4K3 b - e3 0 1", "f4e3", true);
        assertLegal("8/8/8/8/k3Pp2/8/8/4K3 b - - 0 1", "f4e3", false);
    }

    function testPromotion() public view {
        string memory fen = "1n2k3/P7/8/8/8/8/8/4K3 w - - 7 30";
        assertPlay(fen, "a7a8n", "Nn2k3/8/8/8/8/8/8/4K3 b - - 0 30");
        assertPlay(fen, "a7b8q", "1Q2k3/8/8/8/8/8/8/4K3 b - - 0 30");
        assertLegal(fen, "a7a8", false);
        (Board board, Meta meta) = Notation.parse(fen);
        for (uint256 piece = 0; piece < 16; ++piece) {
            Move move = Move.wrap(uint16(48 | (56 << 6) | (piece << 12)));
            vm.assertEq(rules.isLegal(board, meta, move), piece >= 2 && piece <= 5, "pieces a pawn may become");
            move = Move.wrap(uint16(4 | (12 << 6) | (piece << 12)));
            vm.assertEq(rules.isLegal(board, meta, move), piece == 0, "a king becomes nothing");
        }
    }

    function testPinsAndChecks() public view {
        assertLegal("4r1k1/8/8/8/8/8/4N3/4K3 w - - 0 1", "e2c3", false);
        assertLegal("4r1k1/8/8/8/8/8/4R3/4K3 w - - 0 1", "e2e8", true);
        assertLegal("4r1k1/8/8/8/8/8/4R3/4K3 w - - 0 1", "e2d2", false);
        assertLegal("4r1k1/8/8/8/8/8/3P4/4K3 w - - 0 1", "d2d3", false);
        assertLegal("4r1k1/8/8/8/8/8/3R4/4K3 w - - 0 1", "d2e2", true);
        assertLegal("4r1k1/8/8/8/8/8/3R4/4K3 w - - 0 1", "e1f2", true);
        assertLegal("4r1k1/8/8/8/8/8/3R4/4K3 w - - 0 1", "e1e2", false);
        // Double check: neither capture nor block.
        assertLegal("4r1k1/8/8/8/8/3n4/8/R3K2Q w - - 0 1", "a1a8", false);
        assertLegal("4r1k1/8/8/8/8/3n4/8/R3K2Q w - - 0 1", "e1d2", true);
    }

    function testEndings() public view {
        assertEnding("rnb1kbnr/pppp1ppp/8/4p3/6Pq/5P2/PPPPP2P/RNBQKBNR w KQkq - 1 3", Ending.Checkmate);
        assertEnding("k7/2Q5/1K6/8/8/8/8/8 b - - 0 1", Ending.Stalemate);
        assertEnding("k7/1Q6/1K6/8/8/8/8/8 b - - 0 1", Ending.Checkmate);
        assertEnding("8/8/4k3/8/8/3K4/8/8 w - - 0 1", Ending.InsufficientMaterial);
        assertEnding("8/8/4k3/8/8/3K4/8/6N1 w - - 0 1", Ending.InsufficientMaterial);
        assertEnding("8/8/4k3/8/8/3K4/8/6B1 w - - 0 1", Ending.InsufficientMaterial);
        assertEnding("8/8/4k3/8/1b6/3K4/8/6B1 w - - 0 1", Ending.InsufficientMaterial);
        assertEnding("8/8/4k3/8/2b5/8/3K4/6B1 w - - 0 1", Ending.None);
        assertEnding("8/8/4k3/8/8/3K4/8/5NN1 w - - 0 1", Ending.None);
        assertEnding("8/8/4k3/8/6n1/3K4/8/6N1 w - - 0 1", Ending.None);
        assertEnding("8/8/4k3/8/8/3K4/8/6R1 w - - 149 90", Ending.None);
        assertEnding("8/8/4k3/8/8/3K4/8/6R1 w - - 150 90", Ending.SeventyFiveMoves);
        // Mate on the last move counts.
        assertEnding("k7/1Q6/1K6/8/8/8/8/8 b - - 150 90", Ending.Checkmate);
    }

    function testIllegalMoveReverts() public {
        Move move = Notation.uci("e1e3");
        vm.expectRevert(
            abi.encodeWithSelector(Rules.IllegalMove.selector, Positions.START_BOARD, Positions.START_META, move)
        );
        rules.play(Positions.START_BOARD, Positions.START_META, move);
    }

    /// @notice In positions of random games the generator and the check of a single move agree on all 28,672 move words.
    /// forge-config: default.fuzz.runs = 24
    function testFuzzLegalityOfEveryMove(uint256 seed, uint256 plies) public view {
        (Board board, Meta meta) = Notation.parse(KIWIPETE);
        for (plies %= 60; plies > 0; --plies) {
            bytes memory list = rules.legalMoves(board, meta);
            if (list.length == 0) break;
            uint256 place = (seed % (list.length / 2)) * 2;
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 index = (uint256(uint8(list[place])) << 8) | uint8(list[place + 1]);
            (board, meta) = rules.play(board, meta, Notation.moveOf(index, board, meta));
        }
        bytes memory indices = rules.legalMoves(board, meta);
        uint256 found;
        for (uint256 code = 0; code < 7 * 4096; ++code) {
            Move move = Move.wrap(uint16(code));
            if (!Rules.isLegal(board, meta, move)) continue;
            ++found;
            uint256 index = move.policyIndex(meta.blackToMove());
            bool listed;
            for (uint256 place = 0; place < indices.length; place += 2) {
                if (((uint256(uint8(indices[place])) << 8) | uint8(indices[place + 1])) == index) listed = true;
            }
            vm.assertTrue(listed);
        }
        vm.assertEq(2 * found, indices.length, "as many moves as the list");
    }

    function testGas() public {
        gas("Kiwipete, White", KIWIPETE, "e2a6");
        gas("Kiwipete, Black", "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R b KQkq - 0 1", "e8g8");
        gas("first position", "rnbqkbnr/pppppppp/8/8/8/8/PPPPPPPP/RNBQKBNR w KQkq - 0 1", "e2e4");
        gas("218 moves", "R6R/3Q4/1Q4Q1/4Q3/2Q4Q/Q4Q2/pp1Q4/kBNN1KB1 w - - 0 1", "h4d8");
        gas("en passant", "4k3/8/8/8/Pp6/8/8/4K3 b - a3 0 1", "b4a3");
    }

    function gas(string memory name, string memory fen, string memory move) private {
        (Board board, Meta meta) = Notation.parse(fen);
        Move word = Notation.uci(move);
        rules.isLegal(board, meta, word);
        vm.snapshotGasLastCall("ChessRules", string.concat("isLegal, ", name));
        rules.play(board, meta, word);
        vm.snapshotGasLastCall("ChessRules", string.concat("play, ", name));
        rules.legalMoves(board, meta);
        vm.snapshotGasLastCall("ChessRules", string.concat("legalMoves, ", name));
        rules.ending(board, meta);
        vm.snapshotGasLastCall("ChessRules", string.concat("ending, ", name));
    }
}
