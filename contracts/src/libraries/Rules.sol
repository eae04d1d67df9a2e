// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Move} from "../types/Move.sol";
import {Board, Meta, Positions} from "../types/Position.sol";
import {Attacks} from "./Attacks.sol";
import {Bitboards} from "./Bitboards.sol";
import {LegalMoves} from "./LegalMoves.sol";

/// @notice How the rules alone end a game, without anybody's claim.
enum Ending {
    None,
    Checkmate,
    Stalemate,
    InsufficientMaterial,
    SeventyFiveMoves
}

/// @title The rules of chess
library Rules {
    using Bitboards for uint256;

    /// @notice The move is not legal in the position.
    error IllegalMove(Board board, Meta meta, Move move);

    /// @dev Castling rights that are gone once a move leaves or reaches a square, a nibble a square like a board.
    uint256 private constant RIGHTS_LOST = 0x200030010000000000000000000000000000000000000000000000008000c004;
    uint256 private constant PAWN = 1;
    uint256 private constant KNIGHT = 2;
    uint256 private constant BISHOP = 3;
    uint256 private constant ROOK = 4;
    uint256 private constant KING = 6;

    /// @notice Whether a move is legal: it moves as its piece does, and leaves the own king unattacked.
    function isLegal(Board board, Meta meta, Move move) internal pure returns (bool) {
        unchecked {
            uint256 from = move.from();
            uint256 to = move.to();
            if (meta.blackToMove()) {
                from ^= 56;
                to ^= 56;
            }
            (board, meta) = Positions.oriented(board, meta);
            uint256 word = Board.unwrap(board);
            uint256 piece = board.pieceAt(from);
            uint256 target = board.pieceAt(to);
            uint256 promotion = move.promotion();
            // An own piece moves to a square without one; only a pawn on its last step becomes another piece, and it must.
            if (piece == 0 || piece > KING || (target != 0 && target < 8)) return false;
            bool promotes = piece == PAWN && to > 55;
            if (promotes ? promotion < KNIGHT || promotion > 5 : promotion != 0) return false;

            uint256 kingSquare = ownKing(word);
            uint256 ranks = distance(from >> 3, to >> 3);
            uint256 files = distance(from & 7, to & 7);
            uint256 captured;
            if (piece == PAWN) {
                if (to < from || ranks > 2) return false;
                if (files == 0) {
                    if (target != 0 || ranks == 0) return false;
                    if (ranks == 2 && (from > 15 || board.pieceAt(from + 8) != 0)) return false;
                } else {
                    if (files != 1 || ranks != 1) return false;
                    if (target == 0) {
                        if (to != meta.epSquare() || from >> 3 != 4 || board.pieceAt(to - 8) != 9) return false;
                        captured = 15 << (252 - 4 * (to - 8));
                    }
                }
            } else if (piece == KNIGHT) {
                if (ranks * files != 2) return false;
            } else if (piece == KING) {
                if (ranks > 1 || files > 1) return castles(word, meta.castling(), from, to);
                kingSquare = to;
            } else {
                if (piece == BISHOP ? ranks != files : (ranks * files != 0 && (piece == ROOK || ranks != files))) {
                    return false;
                }
                if (Bitboards.between(from, to) & (word | (word >> 1) | (word >> 2)) != 0) return false;
            }
            uint256 moved = (promotes ? promotion : piece) << (252 - 4 * to);
            word = (word & ~((15 << (252 - 4 * from)) | (15 << (252 - 4 * to)) | captured)) | moved;
            return Attacks.attackers(word, kingSquare) == 0;
        }
    }

    /// @notice Whether the side to move has a legal move.
    function hasLegalMove(Board board, Meta meta) internal pure returns (bool) {
        return LegalMoves.policyIndices(board, meta).length != 0;
    }

    /// @notice Whether the side to move is in check.
    function inCheck(Board board, Meta meta) internal pure returns (bool) {
        (board,) = Positions.oriented(board, meta);
        uint256 word = Board.unwrap(board);
        return Attacks.attackers(word, ownKing(word)) != 0;
    }

    /// @notice The position after a move.
    /// @dev Reverts with `IllegalMove` if it is not legal.
    function play(Board board, Meta meta, Move move) internal pure returns (Board, Meta) {
        if (!isLegal(board, meta, move)) revert IllegalMove(board, meta, move);
        return playUnchecked(board, meta, move);
    }

    /// @notice The position after a move that is known to be legal; after any other the answer means nothing.
    function playUnchecked(Board board, Meta meta, Move move) internal pure returns (Board, Meta) {
        unchecked {
            uint256 word = Board.unwrap(board);
            uint256 from = move.from();
            uint256 to = move.to();
            uint256 piece = board.pieceAt(from);
            uint256 kind = piece & 7;
            uint256 files = distance(from & 7, to & 7);
            bool quiet = kind != PAWN && board.pieceAt(to) == 0;
            uint256 removed = (15 << (252 - 4 * from)) | (15 << (252 - 4 * to));
            uint256 placed = (move.promotion() == 0 ? piece : (piece & 8) | move.promotion()) << (252 - 4 * to);
            uint256 passed = Positions.NO_SQUARE;
            if (kind == PAWN) {
                // A capture on an empty square takes the pawn beside the from-square.
                if (files != 0 && board.pieceAt(to) == 0) removed |= 15 << (252 - 4 * ((from & 56) | (to & 7)));
                else if (distance(from, to) == 16) passed = (from + to) >> 1;
            } else if (kind == KING && files == 2) {
                uint256 rook = to > from ? to + 1 : to - 2;
                removed |= 15 << (252 - 4 * rook);
                placed |= (piece ^ (KING ^ ROOK)) << (252 - 4 * ((from + to) >> 1));
            }
            word = (word & ~removed) | placed;

            uint256 rights = meta.castling();
            rights &= ~((RIGHTS_LOST >> (252 - 4 * from)) | (RIGHTS_LOST >> (252 - 4 * to)));
            uint256 clock = quiet ? meta.halfmoves() + 1 : 0;
            if (clock > 255) clock = 255;
            uint256 rest = ((meta.ply() + 1) << 48) | (meta.blackToMove() ? 0 : 1 << 40) | (rights << 32)
                | (Positions.NO_SQUARE << 24) | (clock << 16) | (from << 8) | to;
            if (passed != Positions.NO_SQUARE && epCapturable(word, rest, passed)) {
                rest ^= (passed ^ Positions.NO_SQUARE) << 24;
            }
            return (Board.wrap(word), Meta.wrap(uint80(rest)));
        }
    }

    /// @notice How the rules end the game here, if they do. Repetition needs the game's history and is not seen.
    function ending(Board board, Meta meta) internal pure returns (Ending) {
        if (!hasLegalMove(board, meta)) return inCheck(board, meta) ? Ending.Checkmate : Ending.Stalemate;
        if (insufficientMaterial(board)) return Ending.InsufficientMaterial;
        if (meta.halfmoves() >= 150) return Ending.SeventyFiveMoves;
        return Ending.None;
    }

    /// @notice Whether neither side has the pieces to mate: bare kings, one knight besides, or bishops of one square colour.
    function insufficientMaterial(Board board) internal pure returns (bool) {
        unchecked {
            uint256 word = Board.unwrap(board);
            uint256 bit1 = word >> 1;
            uint256 bit2 = word >> 2;
            uint256 kings = bit1 & bit2 & Bitboards.ALL;
            uint256 others = (word | bit1 | bit2) & Bitboards.ALL & ~kings;
            uint256 knights = bit1 & ~word & ~bit2 & Bitboards.ALL;
            if (others == knights) return knights & (knights - 1) == 0 || knights == 0;
            uint256 bishops = word & bit1 & ~bit2 & Bitboards.ALL;
            // a1 is dark: even files of even ranks, odd files of odd ranks.
            uint256 dark = 0x1010101001010101101010100101010110101010010101011010101001010101;
            return others == bishops && (bishops & dark == 0 || bishops & ~dark == 0);
        }
    }

    /// @dev Whether the king's move by more than a step is a legal castling, on an oriented board.
    function castles(uint256 word, uint256 rights, uint256 from, uint256 to) private pure returns (bool) {
        if (from != 4) return false;
        uint256 rank = word >> 224;
        if (to == 6) {
            if (rights & 1 == 0 || rank & 0xffff != 0x6004) return false;
        } else if (to == 2) {
            if (rights & 2 == 0 || rank & 0xfffff000 != 0x40006000) return false;
        } else {
            return false;
        }
        return Attacks.attackers(word, 4) == 0 && Attacks.attackers(word, (4 + to) >> 1) == 0
            && Attacks.attackers(word, to) == 0;
    }

    /// @dev Whether the pawn that passed over a square may legally be captured there by the side to move.
    function epCapturable(uint256 word, uint256 rest, uint256 passed) private pure returns (bool) {
        (Board board,) = Positions.oriented(Board.wrap(word), Meta.wrap(uint80(rest)));
        word = Board.unwrap(board);
        // Seen from the capturing side the square passed over is on the sixth rank.
        return LegalMoves.epSources(word, ownKing(word), 40 | (passed & 7)) != 0;
    }

    /// @dev The square of the own king, on an oriented board.
    function ownKing(uint256 word) private pure returns (uint256) {
        return ((word >> 1) & (word >> 2) & ~(word >> 3) & Bitboards.ALL).lowest();
    }

    function distance(uint256 a, uint256 b) private pure returns (uint256) {
        unchecked {
            return a > b ? a - b : b - a;
        }
    }
}
