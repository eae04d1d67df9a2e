// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Bitboards} from "./Bitboards.sol";

/// @title Who attacks what, on a board seen from the side to move
/// @notice "Own" pieces are nibbles 1 to 6 and move north, the opponent's are 9 to 14 (`Positions.oriented`).
library Attacks {
    using Bitboards for uint256;

    /// @notice The opponent's pieces that attack a square.
    /// @param board The oriented board's word.
    /// @param square 0 to 63.
    function attackers(uint256 board, uint256 square) internal pure returns (uint256 set) {
        unchecked {
            uint256 bit1 = board >> 1;
            uint256 bit2 = board >> 2;
            uint256 occupied = (board | bit1 | bit2) & Bitboards.ALL;
            uint256 up = square << 2;
            uint256 down = 252 - up;
            {
                uint256 above = square.filesAbove();
                uint256 below = square.filesBelow();
                uint256 row = Bitboards.ROW << (224 - ((square & 56) << 2));
                uint256 nearest = ((Bitboards.NORTH >> up) & occupied).isolateLowest()
                    | (above & row & occupied).isolateLowest() | ((Bitboards.SOUTH << down) & occupied).isolateHighest()
                    | (below & row & occupied).isolateHighest();
                // Rook 100 and queen 101.
                set = nearest & bit2 & ~bit1;
                nearest = ((Bitboards.NORTH_EAST >> up) & above & occupied).isolateLowest()
                    | ((Bitboards.NORTH_WEST >> up) & below & occupied).isolateLowest()
                    | ((Bitboards.SOUTH_EAST << down) & above & occupied).isolateHighest()
                    | ((Bitboards.SOUTH_WEST << down) & below & occupied).isolateHighest();
                // Bishop 011 and queen 101.
                set |= nearest & board & (bit1 ^ bit2);
            }
            uint256 near = square.nearFiles();
            // Knight 010, king 110, pawn 001; the opponent's pawns take southwards.
            set |= ((Bitboards.KNIGHT_UP >> up) | (Bitboards.KNIGHT_DOWN << down)) & near & bit1 & ~board & ~bit2;
            set |= ((Bitboards.KING_UP >> up) | (Bitboards.KING_DOWN << down)) & near & bit1 & bit2;
            set |= (Bitboards.PAWN_UP >> up) & near & board & ~bit1 & ~bit2;
            set &= board >> 3;
        }
    }

    /// @notice All squares that the opponent attacks.
    /// @param board The oriented board's word; without the own king it tells where that king may not step.
    function attacked(uint256 board) internal pure returns (uint256 set) {
        uint256 bit1 = board >> 1;
        uint256 bit2 = board >> 2;
        uint256 opponent = (board >> 3) & Bitboards.ALL;
        uint256 empty = Bitboards.ALL & ~(board | bit1 | bit2);
        uint256 eastward = Bitboards.NOT_A_FILE;
        uint256 westward = Bitboards.NOT_H_FILE;

        uint256 pieces = opponent & bit2 & ~bit1;
        set = slideUp(pieces, empty, 32, Bitboards.ALL) | slideDown(pieces, empty, 32, Bitboards.ALL)
            | slideUp(pieces, empty, 4, eastward) | slideDown(pieces, empty, 4, westward);
        pieces = opponent & board & (bit1 ^ bit2);
        set |= slideUp(pieces, empty, 36, eastward) | slideDown(pieces, empty, 36, westward)
        | slideUp(pieces, empty, 28, westward) | slideDown(pieces, empty, 28, eastward);

        pieces = opponent & bit1 & ~board & ~bit2;
        uint256 oneEast = (pieces >> 4) & eastward;
        uint256 oneWest = (pieces << 4) & westward;
        uint256 one = oneEast | oneWest;
        uint256 two = ((oneEast >> 4) & eastward) | ((oneWest << 4) & westward);
        set |= (one >> 64) | (one << 64) | (two >> 32) | (two << 32);

        pieces = opponent & bit1 & bit2;
        one = ((pieces >> 4) & eastward) | ((pieces << 4) & westward);
        set |= one;
        one |= pieces;
        set |= (one >> 32) | (one << 32);

        pieces = (opponent & board & ~bit1 & ~bit2) << 32;
        set |= ((pieces >> 4) & eastward) | ((pieces << 4) & westward);
    }

    /// @notice Squares that sliders reach in the direction of higher squares, blockers included.
    /// @param shift Bits of one step.
    /// @param board Squares on which a step in this direction can end.
    function slideUp(uint256 pieces, uint256 empty, uint256 shift, uint256 board) internal pure returns (uint256) {
        // Kogge-Stone: 1, 2, then 4 steps at once through runs of empty squares.
        unchecked {
            empty &= board;
            pieces |= empty & (pieces >> shift);
            empty &= empty >> shift;
            pieces |= empty & (pieces >> (2 * shift));
            empty &= empty >> (2 * shift);
            pieces |= empty & (pieces >> (4 * shift));
            return (pieces >> shift) & board;
        }
    }

    /// @notice The same in the direction of lower squares.
    function slideDown(uint256 pieces, uint256 empty, uint256 shift, uint256 board) internal pure returns (uint256) {
        unchecked {
            empty &= board;
            pieces |= empty & (pieces << shift);
            empty &= empty << shift;
            pieces |= empty & (pieces << (2 * shift));
            empty &= empty << (2 * shift);
            pieces |= empty & (pieces << (4 * shift));
            return (pieces << shift) & board;
        }
    }

    /// @notice Own pieces that are pinned to a square, by axis: each may only move along its own.
    /// @param board The oriented board's word.
    /// @param square The own king's.
    function pinned(uint256 board, uint256 square)
        internal
        pure
        returns (uint256 file, uint256 rank, uint256 rising, uint256 falling)
    {
        unchecked {
            uint256 occupied = (board | (board >> 1) | (board >> 2)) & Bitboards.ALL;
            uint256 opponent = (board >> 3) & Bitboards.ALL;
            uint256 straight = opponent & (board >> 2) & ~(board >> 1);
            uint256 diagonal = opponent & board & ((board >> 1) ^ (board >> 2));
            uint256 up = square << 2;
            uint256 down = 252 - up;
            uint256 above = square.filesAbove();
            uint256 below = square.filesBelow();
            uint256 row = Bitboards.ROW << (224 - ((square & 56) << 2));
            file = pinnedUp((Bitboards.NORTH >> up) & occupied, straight)
                | pinnedDown((Bitboards.SOUTH << down) & occupied, straight);
            rank = pinnedUp(above & row & occupied, straight) | pinnedDown(below & row & occupied, straight);
            rising = pinnedUp((Bitboards.NORTH_EAST >> up) & above & occupied, diagonal)
                | pinnedDown((Bitboards.SOUTH_WEST << down) & below & occupied, diagonal);
            falling = pinnedUp((Bitboards.NORTH_WEST >> up) & below & occupied, diagonal)
                | pinnedDown((Bitboards.SOUTH_EAST << down) & above & occupied, diagonal);
        }
    }

    /// @notice The first piece of a ray if the second is a slider along it. A piece of the opponent's may come back too: it has no own moves.
    /// @param ray The pieces on the ray, nearest lowest.
    function pinnedUp(uint256 ray, uint256 sliders) private pure returns (uint256 first) {
        first = ray.isolateLowest();
        if ((ray ^ first).isolateLowest() & sliders == 0) first = 0;
    }

    /// @notice The same, nearest highest.
    function pinnedDown(uint256 ray, uint256 sliders) private pure returns (uint256 first) {
        first = ray.isolateHighest();
        if ((ray ^ first).isolateHighest() & sliders == 0) first = 0;
    }
}
