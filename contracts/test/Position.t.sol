// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Board, Meta, Positions} from "../src/types/Position.sol";
import {Test} from "./Test.sol";

contract PositionTest is Test {
    function testStartPosition() public pure {
        bytes memory backRank = hex"0402030506030204";
        for (uint256 file = 0; file < 8; ++file) {
            vm.assertEq(Positions.START_BOARD.pieceAt(file), uint8(backRank[file]));
            vm.assertEq(Positions.START_BOARD.pieceAt(56 + file), 8 + uint8(backRank[file]));
            vm.assertEq(Positions.START_BOARD.pieceAt(8 + file), 1);
            vm.assertEq(Positions.START_BOARD.pieceAt(48 + file), 9);
            for (uint256 rank = 2; rank < 6; ++rank) {
                vm.assertEq(Positions.START_BOARD.pieceAt(8 * rank + file), 0);
            }
        }
        Meta meta = Positions.START_META;
        vm.assertEq(meta.ply(), 0);
        vm.assertTrue(!meta.blackToMove());
        vm.assertEq(meta.castling(), 15);
        vm.assertEq(meta.epSquare(), Positions.NO_SQUARE);
        vm.assertEq(meta.halfmoves(), 0);
    }

    function testStatementBytes(uint256 board, uint32 ply, uint48 rest) public pure {
        Meta meta = Meta.wrap((uint80(ply) << 48) | rest);
        vm.assertEq(
            Positions.statementBytes(Board.wrap(board), meta), bytes.concat(bytes4(ply), bytes32(board), bytes6(rest))
        );
    }
}
