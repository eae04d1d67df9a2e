// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @title Sets of squares, and how pieces reach across them
/// @notice A set has one bit for each of its squares: the lowest of the square's nibble in a `Board`, bit `252 - 4s`. So a step to a
/// higher square is a shift to the right, and the lowest square of a set is its highest bit, which `CLZ` (EIP-7939) finds.
/// A board word shifted and masked with `ALL` gives the set of a piece kind without a loop over squares.
library Bitboards {
    /// @notice All 64 squares.
    uint256 internal constant ALL = 0x1111111111111111111111111111111111111111111111111111111111111111;
    /// @notice All squares but the a-file: where a step towards the h-file can end.
    uint256 internal constant NOT_A_FILE = 0x0111111101111111011111110111111101111111011111110111111101111111;
    /// @notice All squares but the h-file: where a step towards the a-file can end.
    uint256 internal constant NOT_H_FILE = 0x1111111011111110111111101111111011111110111111101111111011111110;
    /// @notice Copies a row of 32 bits to all eight ranks when multiplied with it.
    uint256 internal constant EVERY_RANK = 0x0000000100000001000000010000000100000001000000010000000100000001;
    /// @notice All squares of a rank, as a row of 32 bits.
    uint256 internal constant ROW = 0x11111111;

    // Squares seen from a1 towards higher squares, to be shifted right by 4s ("up"), and seen from h8 towards lower squares, to be shifted left by
    // 252 - 4s ("down"); what would leave the board over a side is masked off, what leaves it at an end falls off.
    uint256 internal constant NORTH = 0x0000000010000000100000001000000010000000100000001000000010000000;
    uint256 internal constant SOUTH = 0x0000000100000001000000010000000100000001000000010000000100000000;
    uint256 internal constant NORTH_EAST = 0x0000000001000000001000000001000000001000000001000000001000000001;
    uint256 internal constant SOUTH_WEST = 0x1000000001000000001000000001000000001000000001000000001000000000;
    uint256 internal constant NORTH_WEST = 0x0000000100000010000001000000100000010000001000000100000000000000;
    uint256 internal constant SOUTH_EAST = 0x0000000000000010000001000000100000010000001000000100000010000000;
    uint256 internal constant KNIGHT_UP = 0x0000001000100001010000000000000000000000000000000000000000000000;
    uint256 internal constant KNIGHT_DOWN = 0x101000010001000000;
    uint256 internal constant KING_UP = 0x0100000111000000000000000000000000000000000000000000000000000000;
    uint256 internal constant KING_DOWN = 0x1110000010;
    uint256 internal constant PAWN_UP = 0x0000000101000000000000000000000000000000000000000000000000000000;

    /// @notice The set of one square.
    function bit(uint256 square) internal pure returns (uint256 set) {
        assembly ("memory-safe") {
            set := shr(shl(2, square), shl(252, 1))
        }
    }

    /// @notice The lowest square of a set: 64 of the empty set.
    function lowest(uint256 set) internal pure returns (uint256 square) {
        assembly ("memory-safe") {
            square := shr(2, clz(set))
        }
    }

    /// @notice The set of the lowest square of a set: empty of the empty set.
    function isolateLowest(uint256 set) internal pure returns (uint256 lowestSet) {
        assembly ("memory-safe") {
            lowestSet := shl(sub(255, clz(set)), 1)
        }
    }

    /// @notice The set of the highest square of a set: empty of the empty set.
    function isolateHighest(uint256 set) internal pure returns (uint256 highestSet) {
        assembly ("memory-safe") {
            highestSet := and(set, sub(0, set))
        }
    }

    /// @notice The files from two below to two above that of a square: no knight or king leaves them in one move.
    function nearFiles(uint256 square) internal pure returns (uint256) {
        unchecked {
            return (((0x11111 << 28) >> (4 * (square & 7) + 8)) & ROW) * EVERY_RANK;
        }
    }

    /// @notice The files above that of a square, towards the h-file.
    function filesAbove(uint256 square) internal pure returns (uint256) {
        unchecked {
            return (ROW >> (4 * (square & 7) + 4)) * EVERY_RANK;
        }
    }

    /// @notice The files below that of a square, towards the a-file.
    function filesBelow(uint256 square) internal pure returns (uint256) {
        unchecked {
            return ((ROW << (32 - 4 * (square & 7))) & ROW) * EVERY_RANK;
        }
    }

    /// @notice The squares a king reaches from a square.
    function kingSteps(uint256 square) internal pure returns (uint256) {
        unchecked {
            return ((KING_UP >> (4 * square)) | (KING_DOWN << (252 - 4 * square))) & nearFiles(square);
        }
    }

    /// @notice The squares strictly between two that share a rank, file or diagonal. Of any others the answer means nothing.
    function between(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
            uint256 line;
            if ((low ^ high) & 56 == 0) line = ALL >> 4;
            else if ((low ^ high) & 7 == 0) line = NORTH;
            else if (high & 7 > low & 7) line = NORTH_EAST;
            else line = NORTH_WEST;
            // Squares below `high` are the bits above its own.
            return (line >> (4 * low)) & (0 - (bit(high) << 1));
        }
    }
}
