// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @notice A move: from-square in bits 0 to 5, to-square in bits 6 to 11, the piece a pawn becomes (2 to 5: knight, bishop, rook, queen; else 0) in
/// bits 12 to 14. Castling is the king's move by two squares. Bit 15 is 0.
type Move is uint16;

using {Moves.from, Moves.to, Moves.promotion, Moves.policyIndex} for Move global;

/// @title Reading moves
library Moves {
    /// @notice Planes of the eight queen directions by `3 * sign(rank) + sign(file) + 4`, a nibble each, lowest first.
    uint256 private constant DIRECTIONS = 0x107_2f6_345;
    /// @notice Knight's move number by `5 * rank + file + 12`, a nibble each, lowest first.
    uint256 private constant KNIGHT = 0xf0f7f_1fff6_fffff_2fff5_f3f4f;

    /// @notice The from-square.
    function from(Move move) internal pure returns (uint256) {
        return Move.unwrap(move) & 63;
    }

    /// @notice The to-square.
    function to(Move move) internal pure returns (uint256) {
        return (Move.unwrap(move) >> 6) & 63;
    }

    /// @notice What a pawn becomes, 0 if it stays one. Above 5: no move.
    function promotion(Move move) internal pure returns (uint256) {
        return Move.unwrap(move) >> 12;
    }

    /// @notice The policy index of a legal move (docs/network.md section 2). Of any other the answer means nothing.
    /// @param black Whether Black moves.
    function policyIndex(Move move, bool black) internal pure returns (uint256) {
        unchecked {
            uint256 mirror = black ? 56 : 0;
            uint256 origin = from(move) ^ mirror;
            uint256 target = to(move) ^ mirror;
            uint256 piece = promotion(move);
            // Both shifted by 8 so that they stay positive.
            uint256 rank = 8 + (target >> 3) - (origin >> 3);
            uint256 file = 8 + (target & 7) - (origin & 7);
            if (piece != 0 && piece < 5) return (64 + 3 * (piece - 2) + file - 7) * 64 + origin;
            uint256 ranks = rank > 8 ? rank - 8 : 8 - rank;
            uint256 files = file > 8 ? file - 8 : 8 - file;
            if (ranks * files == 2) return (56 + ((KNIGHT >> (4 * (5 * rank + file - 36))) & 15)) * 64 + origin;
            uint256 distance = ranks > files ? ranks : files;
            uint256 sign = (rank > 8 ? 6 : rank == 8 ? 3 : 0) + (file > 8 ? 2 : file == 8 ? 1 : 0);
            return (((DIRECTIONS >> (4 * sign)) & 15) * 7 + distance - 1) * 64 + origin;
        }
    }
}
