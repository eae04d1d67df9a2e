// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Move} from "../src/types/Move.sol";
import {Board, Meta, Positions} from "../src/types/Position.sol";

/// @title FEN and UCI for tests
library Notation {
    bytes private constant PIECES = ".PNBRQK..pnbrqk";

    /// @notice Reads a FEN of six fields. Its en-passant square is taken as it stands: name one only if a capture is legal.
    function parse(string memory fen) internal pure returns (Board, Meta) {
        bytes memory text = bytes(fen);
        uint256 word;
        uint256 square = 56;
        uint256 cursor;
        for (; text[cursor] != " "; ++cursor) {
            bytes1 symbol = text[cursor];
            if (symbol == "/") {
                square -= 16;
            } else if (symbol >= "1" && symbol <= "8") {
                square += uint8(symbol) - 48;
            } else {
                uint256 piece = 1;
                while (PIECES[piece] != symbol) ++piece;
                word |= piece << (252 - 4 * square++);
            }
        }
        uint256 black = text[++cursor] == "b" ? 1 : 0;
        uint256 rights;
        for (cursor += 2; text[cursor] != " "; ++cursor) {
            if (text[cursor] == "K") rights |= 1;
            if (text[cursor] == "Q") rights |= 2;
            if (text[cursor] == "k") rights |= 4;
            if (text[cursor] == "q") rights |= 8;
        }
        uint256 passed = Positions.NO_SQUARE;
        if (text[++cursor] != "-") {
            passed = squareAt(text, cursor++);
        }
        (uint256 clock, uint256 next) = number(text, cursor + 2);
        (uint256 fullMove,) = number(text, next + 1);
        uint256 rest = ((2 * (fullMove - 1) + black) << 48) | (black << 40) | (rights << 32) | (passed << 24)
            | (clock << 16) | (Positions.NO_SQUARE << 8) | Positions.NO_SQUARE;
        return (Board.wrap(word), Meta.wrap(uint80(rest)));
    }

    /// @notice Reads a move such as e2e4 or e7e8n.
    function uci(string memory move) internal pure returns (Move) {
        bytes memory text = bytes(move);
        uint256 promotion;
        if (text.length == 5) {
            promotion = 2;
            while (PIECES[promotion + 8] != text[4]) ++promotion;
        }
        return Move.wrap(uint16(squareAt(text, 0) | (squareAt(text, 2) << 6) | (promotion << 12)));
    }

    /// @notice The move of a legal move's policy index.
    function moveOf(uint256 index, Board board, Meta meta) internal pure returns (Move) {
        int256 from = int256(index & 63);
        uint256 plane = index >> 6;
        int256 step;
        uint256 piece;
        if (plane < 56) {
            int8[8] memory directions = [int8(8), 9, 1, -7, -8, -9, -1, 7];
            step = int256(directions[plane / 7]) * int256(plane % 7 + 1);
        } else if (plane < 64) {
            int8[8] memory jumps = [int8(17), 10, -6, -15, -17, -10, 6, 15];
            step = jumps[plane - 56];
        } else {
            step = int256(7 + (plane - 64) % 3);
            piece = 2 + (plane - 64) / 3;
        }
        uint256 mirror = meta.blackToMove() ? 56 : 0;
        uint256 origin = uint256(from) ^ mirror;
        if (board.pieceAt(origin) & 7 == 1 && from + step > 55 && piece == 0) piece = 5;
        return Move.wrap(uint16(origin | ((uint256(from + step) ^ mirror) << 6) | (piece << 12)));
    }

    function squareAt(bytes memory text, uint256 cursor) private pure returns (uint256) {
        return uint256(uint8(text[cursor])) - 97 + 8 * (uint256(uint8(text[cursor + 1])) - 49);
    }

    function number(bytes memory text, uint256 cursor) private pure returns (uint256 value, uint256 end) {
        for (end = cursor; end < text.length && text[end] != " "; ++end) {
            value = 10 * value + uint8(text[end]) - 48;
        }
    }
}
