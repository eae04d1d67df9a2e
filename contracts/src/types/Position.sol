// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Bitboards} from "../libraries/Bitboards.sol";

/// @notice The 64 squares of a position in one word, square a1 in the highest nibble, h8 in the lowest: square
/// `s = rank * 8 + file` is bits `252 - 4s .. 255 - 4s`. A nibble is 0 (empty), 1 to 6 (pawn, knight, bishop, rook, queen, king)
/// of White, or that plus 8 of Black. As 32 bytes it is the board of a statement (docs/proof-format.md section 3); in hex it reads
/// a1, b1, .., h8.
type Board is uint256;

/// @notice All of a position but its board, in ten bytes, highest first: ply (4 bytes), side to move (1 = Black), castling rights
/// (bit 0 White king-side, 1 White queen-side, 2 and 3 Black), en-passant square if a capture is legal there, else 64, half-move clock
/// (at most 255), from- and to-square of the last move, 64 each if unknown. The last six bytes stand in a statement as they are.
type Meta is uint80;

using {Positions.pieceAt} for Board global;
using {
    Positions.ply,
    Positions.blackToMove,
    Positions.castling,
    Positions.epSquare,
    Positions.halfmoves
} for Meta global;

/// @title What can be read off a position without knowing the rules
library Positions {
    /// @notice The board before the first move of standard chess.
    Board internal constant START_BOARD =
        Board.wrap(0x42356324111111110000000000000000000000000000000099999999cabdebac);
    /// @notice The rest of the position before the first move: ply 0, White to move, all castling rights, no en passant, no last move.
    Meta internal constant START_META = Meta.wrap(0x00000000_00_0f_40_00_40_40);
    /// @notice Stands for no square.
    uint256 internal constant NO_SQUARE = 64;

    /// @notice The nibble of a square: 0 if empty.
    /// @param square 0 (a1) to 63 (h8).
    function pieceAt(Board board, uint256 square) internal pure returns (uint256) {
        return (Board.unwrap(board) >> (252 - 4 * square)) & 15;
    }

    /// @notice Half-moves of the game before this position.
    function ply(Meta meta) internal pure returns (uint256) {
        return Meta.unwrap(meta) >> 48;
    }

    /// @notice Whether Black is to move.
    function blackToMove(Meta meta) internal pure returns (bool) {
        return (Meta.unwrap(meta) >> 40) & 0xff != 0;
    }

    /// @notice Castling rights: bit 0 White king-side, 1 White queen-side, 2 Black king-side, 3 Black queen-side.
    function castling(Meta meta) internal pure returns (uint256) {
        return (Meta.unwrap(meta) >> 32) & 0xff;
    }

    /// @notice The square passed over by a pawn that may legally be captured there, or `NO_SQUARE`.
    function epSquare(Meta meta) internal pure returns (uint256) {
        return (Meta.unwrap(meta) >> 24) & 0xff;
    }

    /// @notice Half-moves since the last capture or pawn move, at most 255.
    function halfmoves(Meta meta) internal pure returns (uint256) {
        return (Meta.unwrap(meta) >> 16) & 0xff;
    }

    /// @notice The same position seen from the side to move, as if it were White: for Black ranks are mirrored, files kept, colours and
    /// castling rights exchanged (docs/network.md section 1). Ply, clock and side to move stay as they are.
    /// @dev Input planes read off the result: a piece `n` is plane `n - 1` if `n < 8`, else `n - 3`; castling right `r` is plane `12 + r`.
    function oriented(Board board, Meta meta) internal pure returns (Board, Meta) {
        if (!meta.blackToMove()) return (board, meta);
        unchecked {
            uint256 word = Board.unwrap(board);
            word = (word >> 128) | (word << 128);
            word = ((word >> 64) & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff)
                | ((word & 0x0000000000000000ffffffffffffffff0000000000000000ffffffffffffffff) << 64);
            word = ((word >> 32) & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff)
                | ((word & 0x00000000ffffffff00000000ffffffff00000000ffffffff00000000ffffffff) << 32);
            uint256 occupied = (word | (word >> 1) | (word >> 2)) & Bitboards.ALL;
            word ^= occupied << 3;

            uint256 rest = Meta.unwrap(meta);
            uint256 rights = (rest >> 32) & 15;
            rest ^= (rights ^ (((rights >> 2) | (rights << 2)) & 15)) << 32;
            // The three squares, unless they are NO_SQUARE, which has bit 6.
            rest ^= (((rest >> 6) & 0x01000101) ^ 0x01000101) * 56;
            return (Board.wrap(word), Meta.wrap(uint80(rest)));
        }
    }

    /// @notice The 42 bytes of a position in a statement (docs/proof-format.md section 3): ply, board, then six bytes.
    function statementBytes(Board board, Meta meta) internal pure returns (bytes memory) {
        uint80 word = Meta.unwrap(meta);
        return abi.encodePacked(uint32(word >> 48), Board.unwrap(board), uint48(word));
    }
}
