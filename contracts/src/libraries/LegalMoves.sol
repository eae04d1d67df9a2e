// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Board, Meta, Positions} from "../types/Position.sol";
import {Attacks} from "./Attacks.sol";
import {Bitboards} from "./Bitboards.sol";

/// @title All legal moves of a position, plane by plane
/// @notice Works on whole sets: a policy plane (docs/network.md section 2) is one direction and distance, so its legal moves are the set of
/// from-squares whose step ends well. No loop over squares or pieces until the indices are written out.
library LegalMoves {
    using Bitboards for uint256;

    uint256 private constant RANK_3 = 0x11111111 << 160;
    uint256 private constant RANK_7 = 0x11111111 << 32;

    /// @dev What decides where a step may end, and where the list goes on. All sets.
    struct Generator {
        /// Address after the last index written.
        uint256 end;
        /// Squares without an own piece.
        uint256 notOwn;
        /// Squares without a piece.
        uint256 empty;
        /// Squares that end a check: all if there is none, none if there are two.
        uint256 allowed;
        /// The king's square, and where it may step.
        uint256 king;
        uint256 kingTargets;
    }

    /// @notice Policy indices of all legal moves, ascending, two bytes each, highest first: as a statement has them.
    function policyIndices(Board board, Meta meta) internal pure returns (bytes memory indices) {
        (board, meta) = Positions.oriented(board, meta);
        uint256 word = Board.unwrap(board);
        Generator memory g;
        assembly ("memory-safe") {
            indices := mload(0x40)
            // No game reaches a position with more than 218 moves. Boards that no game reaches may have more: nothing else is
            // allocated until the list's end is known.
            mstore(0x40, add(indices, 1024))
        }
        uint256 start;
        assembly ("memory-safe") {
            start := add(indices, 32)
        }
        g.end = start;
        unchecked {
            uint256 bit1 = word >> 1;
            uint256 bit2 = word >> 2;
            uint256 occupied = (word | bit1 | bit2) & Bitboards.ALL;
            uint256 own = occupied & ~(word >> 3);
            g.notOwn = Bitboards.ALL & ~own;
            g.empty = Bitboards.ALL & ~occupied;
            g.king = own & bit1 & bit2;
            uint256 kingSquare = g.king.lowest();
            uint256 attacked = Attacks.attacked(word ^ (g.king * 6));
            g.kingTargets = kingSquare.kingSteps() & g.notOwn & ~attacked;
            uint256 checkers = Attacks.attackers(word, kingSquare);
            g.allowed = Bitboards.ALL;
            if (checkers != 0) {
                g.allowed = checkers;
                if (checkers & (checkers - 1) != 0) g.allowed = 0;
                // Nothing comes between a knight and the king.
                else if (checkers & (word | bit2) != 0) g.allowed |= Bitboards.between(checkers.lowest(), kingSquare);
            }
            uint256 castling = checkers == 0 ? castlingPlanes(word, meta.castling(), attacked) : 0;
            emitAll(g, word, own, kingSquare, meta.epSquare(), castling);
            uint256 end = g.end;
            assembly ("memory-safe") {
                mstore(indices, sub(end, start))
                mstore(0x40, and(add(end, 63), not(31)))
            }
        }
    }

    /// @notice Own pawns that may legally capture en passant.
    /// @param word The oriented board's word.
    /// @param kingSquare The own king's square.
    /// @param epSquare The square passed over, on the sixth rank.
    function epSources(uint256 word, uint256 kingSquare, uint256 epSquare) internal pure returns (uint256 sources) {
        unchecked {
            uint256 target = epSquare.bit();
            // The square passed over is empty, the pawn that passed stands south of it.
            uint256 passed = target << 32;
            if ((word / target) & 15 != 0 || (word / passed) & 15 != 9 || epSquare >> 3 != 5) return 0;
            uint256 pawns = word & ~(word >> 1) & ~(word >> 2) & ~(word >> 3);
            uint256 candidates =
                (((target & Bitboards.NOT_A_FILE) << 36) | ((target & Bitboards.NOT_H_FILE) << 28)) & pawns;
            while (candidates != 0) {
                uint256 source = candidates.isolateLowest();
                candidates ^= source;
                if (Attacks.attackers(word ^ source ^ (passed * 9) ^ target, kingSquare) == 0) sources |= source;
            }
        }
    }

    /// @dev Bit 0: king-side castling is legal, bit 1: queen-side. The king is not in check.
    function castlingPlanes(uint256 word, uint256 rights, uint256 attacked) private pure returns (uint256 planes) {
        // Ranks 2 to 8 are the low 224 bits: the first rank in 8 nibbles.
        uint256 rank = word >> 224;
        uint256 danger = attacked >> 224;
        if (rights & 1 != 0 && rank & 0x0000ffff == 0x00006004 && danger & 0x00000110 == 0) planes = 1;
        if (rights & 2 != 0 && rank & 0xfffff000 == 0x40006000 && danger & 0x00110000 == 0) planes |= 2;
    }

    /// @dev Writes the planes in order.
    function emitAll(
        Generator memory g,
        uint256 word,
        uint256 own,
        uint256 kingSquare,
        uint256 epSquare,
        uint256 castling
    ) private pure {
        unchecked {
            uint256 straight = own & (word >> 2) & ~(word >> 1);
            uint256 diagonal = own & word & ((word >> 1) ^ (word >> 2));
            uint256 knights = own & (word >> 1) & ~word & ~(word >> 2);
            uint256 pawns = own & word & ~(word >> 1) & ~(word >> 2);
            uint256 file;
            uint256 rank;
            uint256 rising;
            uint256 falling;
            {
                (file, rank, rising, falling) = Attacks.pinned(word, kingSquare);
                uint256 free = ~(file | rank | rising | falling);
                file |= free;
                rank |= free;
                rising |= free;
                falling |= free;
                knights &= free;
            }
            // Pawns: one step, two, towards the h-file, towards the a-file.
            uint256 push = ((pawns & file) >> 32) & g.empty;
            uint256 doublePush = (((push & RANK_3) >> 32) & g.empty & g.allowed) << 64;
            push = (push & g.allowed) << 32;
            uint256 victims = (word >> 3) & g.allowed;
            uint256 east = ((((pawns & rising) >> 36) & Bitboards.NOT_A_FILE) & victims) << 36;
            uint256 west = ((((pawns & falling) >> 28) & Bitboards.NOT_H_FILE) & victims) << 28;
            if (epSquare < 64) {
                uint256 sources = epSources(word, kingSquare, epSquare);
                east |= sources & (epSquare.bit() << 36);
                west |= sources & (epSquare.bit() << 28);
            }

            emitDirection(g, 0, straight & file, push, doublePush, 32, 0, Bitboards.ALL);
            emitDirection(g, 7, diagonal & rising, east, 0, 36, 0, Bitboards.NOT_A_FILE);
            emitDirection(g, 14, straight & rank, 0, castling & 1 != 0 ? g.king : 0, 4, 0, Bitboards.NOT_A_FILE);
            emitDirection(g, 21, diagonal & falling, 0, 0, 0, 28, Bitboards.NOT_A_FILE);
            emitDirection(g, 28, straight & file, 0, 0, 0, 32, Bitboards.ALL);
            emitDirection(g, 35, diagonal & rising, 0, 0, 0, 36, Bitboards.NOT_H_FILE);
            emitDirection(g, 42, straight & rank, 0, castling & 2 != 0 ? g.king : 0, 0, 4, Bitboards.NOT_H_FILE);
            emitDirection(g, 49, diagonal & falling, west, 0, 28, 0, Bitboards.NOT_H_FILE);
            if (knights != 0) emitKnights(g, knights);

            push &= RANK_7;
            east &= RANK_7;
            west &= RANK_7;
            if (push | east | west != 0) {
                for (uint256 plane = 64; plane < 73; plane += 3) {
                    emitSet(g, plane, west);
                    emitSet(g, plane + 1, push);
                    emitSet(g, plane + 2, east);
                }
            }
        }
    }

    /// @dev The seven planes of a direction. One of `right` and `left` is the number of bits of a step, the other is 0.
    /// @param pieces Sliders that may move in it.
    /// @param first From-squares of other pieces that move one step (the king is added here).
    /// @param second From-squares of other pieces that move two.
    /// @param board Squares on which a step in this direction can end.
    function emitDirection(
        Generator memory g,
        uint256 plane,
        uint256 pieces,
        uint256 first,
        uint256 second,
        uint256 right,
        uint256 left,
        uint256 board
    ) private pure {
        unchecked {
            first |= (((((g.king >> right) << left) & board) & g.kingTargets) << right) >> left;
            uint256 reached = ((pieces >> right) << left) & board & g.notOwn;
            emitSet(g, plane, ((((reached & g.allowed) << right) >> left)) | first);
            if (second != 0) {
                // Pawns and a castling king share this plane with the sliders.
                reached = (((reached & g.empty) >> right) << left) & board & g.notOwn;
                emitSet(g, plane + 1, ((((reached & g.allowed) << (2 * right)) >> (2 * left))) | second);
                if (reached == 0) return;
                emitFar(g, plane, reached, 3, right, left, board);
            } else if (reached != 0) {
                emitFar(g, plane, reached, 2, right, left, board);
            }
        }
    }

    /// @dev The planes of sliders from a number of steps on.
    /// @param reached Where they stand one step before.
    function emitFar(
        Generator memory g,
        uint256 plane,
        uint256 reached,
        uint256 steps,
        uint256 right,
        uint256 left,
        uint256 board
    ) private pure {
        unchecked {
            board &= g.notOwn;
            uint256 empty = g.empty;
            uint256 allowed = g.allowed;
            for (;; ++steps) {
                reached = (((reached & empty) >> right) << left) & board;
                if (reached == 0) return;
                emitSet(g, plane + steps - 1, ((reached & allowed) << (steps * right)) >> (steps * left));
            }
        }
    }

    /// @dev The eight planes of the knights.
    function emitKnights(Generator memory g, uint256 knights) private pure {
        unchecked {
            uint256 targets = g.notOwn & g.allowed;
            uint256 oneEast = targets & Bitboards.NOT_A_FILE;
            uint256 oneWest = targets & Bitboards.NOT_H_FILE;
            uint256 twoEast = oneEast & (Bitboards.NOT_A_FILE >> 4);
            uint256 twoWest = oneWest & (Bitboards.NOT_H_FILE << 4);
            emitSet(g, 56, knights & (oneEast << 68));
            emitSet(g, 57, knights & (twoEast << 40));
            emitSet(g, 58, knights & (twoEast >> 24));
            emitSet(g, 59, knights & (oneEast >> 60));
            emitSet(g, 60, knights & (oneWest >> 68));
            emitSet(g, 61, knights & (twoWest >> 40));
            emitSet(g, 62, knights & (twoWest << 24));
            emitSet(g, 63, knights & (oneWest << 60));
        }
    }

    /// @dev Writes the indices of one plane, from-squares ascending.
    function emitSet(Generator memory g, uint256 plane, uint256 sources) private pure {
        if (sources == 0) return;
        assembly ("memory-safe") {
            let end := mload(g)
            let base := shl(6, plane)
            for {} sources {} {
                let zeros := clz(sources)
                mstore(end, shl(240, or(base, shr(2, zeros))))
                end := add(end, 2)
                sources := xor(sources, shr(zeros, shl(255, 1)))
            }
            mstore(g, end)
        }
    }
}
