// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Move} from "../types/Move.sol";
import {Board, Meta} from "../types/Position.sol";
import {Rules} from "./Rules.sol";

/// @title What policy indices mean: plane times 64 plus from-square, seen from the side to move (docs/network.md section 2)
library Policy {
    uint256 internal constant FIRST_UNDER_PROMOTION = 64;
    uint256 internal constant PLANES = 73;

    // Steps of the eight queen directions, one added, and of the eight knight's moves, two added: a nibble each, the first lowest.
    uint256 private constant DIRECTION_RANKS = 0x21000122;
    uint256 private constant DIRECTION_FILES = 0x00012221;
    uint256 private constant KNIGHT_RANKS = 0x43100134;
    uint256 private constant KNIGHT_FILES = 0x10013443;
    uint256 private constant FIRST_KNIGHT = 56;

    /// @notice Ranks and files that a plane's moves go up and to the right, each plus seven.
    function step(uint256 plane) internal pure returns (uint256 ranks, uint256 files) {
        unchecked {
            if (plane < FIRST_KNIGHT) {
                uint256 shift = 4 * (plane / 7);
                uint256 distance = plane % 7 + 1;
                ranks = 7 - distance + ((DIRECTION_RANKS >> shift) & 15) * distance;
                files = 7 - distance + ((DIRECTION_FILES >> shift) & 15) * distance;
            } else if (plane < FIRST_UNDER_PROMOTION) {
                uint256 shift = 4 * (plane - FIRST_KNIGHT);
                ranks = 5 + ((KNIGHT_RANKS >> shift) & 15);
                files = 5 + ((KNIGHT_FILES >> shift) & 15);
            } else {
                ranks = 8;
                files = 6 + (plane - FIRST_UNDER_PROMOTION) % 3;
            }
        }
    }

    /// @notice The target square of an index, and whether there is one: on the board, for an under-promotion from the seventh rank.
    function target(uint256 index) internal pure returns (uint256 square, bool isGeometric) {
        unchecked {
            uint256 plane = index >> 6;
            (uint256 ranks, uint256 files) = step(plane);
            // Below 7: beyond the first rank or file.
            uint256 rank = ((index >> 3) & 7) + ranks - 7;
            uint256 file = (index & 7) + files - 7;
            square = 8 * rank + file;
            isGeometric =
                rank < 8 && file < 8 && (plane < FIRST_UNDER_PROMOTION || (plane < PLANES && (index >> 3) & 7 == 6));
        }
    }

    /// @notice Whether an index is a legal move's; `isGeometric` as of `target`.
    function isLegal(uint256 index, Board board, Meta meta) internal pure returns (bool isLegal_, bool isGeometric) {
        unchecked {
            uint256 to;
            (to, isGeometric) = target(index);
            if (!isGeometric) return (false, false);
            uint256 mirror = meta.blackToMove() ? 56 : 0;
            uint256 from = (index & 63) ^ mirror;
            uint256 piece = 0;
            if (index >> 6 >= FIRST_UNDER_PROMOTION) piece = 2 + ((index >> 6) - FIRST_UNDER_PROMOTION) / 3;
            else if (to > 55 && board.pieceAt(from) & 7 == 1) piece = 5;
            isLegal_ = Rules.isLegal(board, meta, Move.wrap(uint16(from | ((to ^ mirror) << 6) | (piece << 12))));
        }
    }
}
