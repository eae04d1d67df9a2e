// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {IllegalMove, MalformedStatement} from "./Errors.sol";
import {Multilinear} from "./Multilinear.sol";
import {ChessRules} from "../ChessRules.sol";
import {Bitboards} from "../libraries/Bitboards.sol";
import {Board, Meta} from "../types/Position.sol";

/// @notice A statement's bytes in calldata (docs/proof-format.md section 3), checked and cut into moves.
struct Statement {
    /// @dev Digest of the model.
    bytes32 digest;
    uint256 numMoves;
    /// @dev Temperature of the level in 1/64; 0: no noise.
    uint256 temperature;
    /// @dev Whether the values of the positions are stated.
    bool withValues;
    /// @dev Whether contenders are listed in the place of the mask.
    bool withContenders;
    /// @dev Memory: `WORDS` words a move, see the constants of `Statements`.
    uint256 moves;
}

/// @title Reads statements
/// @notice Without contenders the mask is what the statement lists, and the caller answers for it. It must ascend, which makes it a set, and hold the
/// move. Contenders must ascend and be geometric; which of them are legal, and that the move is, the rules decide here.
library Statements {
    /// @dev Words a move.
    uint256 internal constant WORDS = 7;
    /// @dev Calldata offset of ply, board, side, castling, en passant, clock, last move.
    uint256 internal constant POSITION = 0;
    /// @dev Calldata offset of the mask, or of the contenders.
    uint256 internal constant MASK = 1;
    uint256 internal constant MASK_LENGTH = 2;
    /// @dev Policy index of the move.
    uint256 internal constant CHOSEN = 3;
    /// @dev Calldata offset of the seed, if the level has noise.
    uint256 internal constant SEED = 4;
    /// @dev Calldata offset of win, draw, loss, if stated.
    uint256 internal constant VALUE = 5;
    /// @dev Memory: with contenders a byte for each, 1 if it is legal.
    uint256 internal constant VERDICTS = 6;

    /// @dev Bytes of model digest, game id, number of moves, level, flags.
    uint256 private constant HEADER_BYTES = 68;
    uint256 private constant POSITION_BYTES = 42;
    uint256 private constant POLICY_SIZE = 73 * 64;
    /// @dev Temperatures of levels 1 to 8 in 1/64, 16 bits each, level 1 highest.
    uint256 private constant TEMPERATURES = 0x00e000900060004000280018000c0000;
    /// @dev 64 entries of a value plane, each below 2^23 in absolute value.
    uint256 private constant VALUE_BOUND = 64 * ((1 << 23) - 1);

    function read(bytes calldata data, ChessRules rules) internal pure returns (Statement memory statement) {
        unchecked {
            if (data.length < HEADER_BYTES) revert MalformedStatement(data.length);
            uint256 offset;
            assembly ("memory-safe") {
                offset := data.offset
            }
            statement.digest = bytes32(word(offset));
            uint256 header = word(offset + 64);
            uint256 numMoves = header >> 240;
            uint256 level = (header >> 232) & 0xff;
            uint256 flags = (header >> 224) & 0xff;
            if (numMoves == 0 || level == 0 || level > 8 || flags > 3) revert MalformedStatement(64);
            statement.numMoves = numMoves;
            statement.temperature = (TEMPERATURES >> (16 * (8 - level))) & 0xffff;
            statement.withValues = flags & 1 == 1;
            statement.withContenders = flags & 2 == 2;
            uint256 moves = Multilinear.allocate(WORDS * numMoves);
            statement.moves = moves;
            uint256 end = offset + data.length;
            uint256 tail = 2 + (statement.temperature > 0 ? 32 : 0) + 12 * (flags & 1);
            uint256 cursor = offset + HEADER_BYTES;
            for (uint256 number = 0; number < numMoves; ++number) {
                uint256 length = word(cursor + POSITION_BYTES) >> 240;
                uint256 mask = cursor + POSITION_BYTES + 2;
                uint256 next = mask + 2 * length + tail;
                if (next > end) revert MalformedStatement(data.length);
                checkPosition(cursor, offset);
                uint256 chosen = word(mask + 2 * length) >> 240;
                if (flags & 2 == 0) {
                    checkMask(mask, length, chosen, number, offset);
                } else {
                    Multilinear.put(moves, VERDICTS, judge(rules, cursor, mask, length, number, offset));
                }
                Multilinear.put(moves, POSITION, cursor);
                Multilinear.put(moves, MASK, mask);
                Multilinear.put(moves, MASK_LENGTH, length);
                Multilinear.put(moves, CHOSEN, chosen);
                Multilinear.put(moves, SEED, mask + 2 * length + 2);
                Multilinear.put(moves, VALUE, next - 12);
                if (flags & 1 == 1) checkValue(next - 12, offset);
                moves += 32 * WORDS;
                cursor = next;
            }
            if (cursor != end) revert MalformedStatement(cursor - offset);
        }
    }

    /// @notice A word of calldata.
    function word(uint256 offset) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := calldataload(offset)
        }
    }

    /// @notice Stated value `j` (0 win, 1 draw, 2 loss) at a move's `VALUE` offset.
    function valueAt(uint256 offset, uint256 j) internal pure returns (int256) {
        unchecked {
            return int256(int32(uint32(word(offset + 4 * j) >> 224)));
        }
    }

    /// @dev Side, castling, squares and pieces in range.
    function checkPosition(uint256 cursor, uint256 offset) private pure {
        unchecked {
            uint256 rest = word(cursor + 36) >> 208;
            // side, castling, en passant, clock, from, to; 64 is no square.
            if (
                rest >> 40 > 1 || (rest >> 32) & 0xff > 15 || (rest >> 24) & 0xff > 64 || (rest >> 8) & 0xff > 64
                    || rest & 0xff > 64
            ) revert MalformedStatement(cursor + 36 - offset);
            // No piece: 7, 8, 15.
            uint256 board = word(cursor + 4);
            uint256 all = board & (board >> 1) & (board >> 2);
            uint256 none = (board >> 3) & ~(board | (board >> 1) | (board >> 2));
            if ((all | none) & Bitboards.ALL != 0) revert MalformedStatement(cursor + 4 - offset);
        }
    }

    /// @dev Ascending policy indices, the chosen one among them.
    function checkMask(uint256 mask, uint256 length, uint256 chosen, uint256 number, uint256 offset) private pure {
        unchecked {
            uint256 previous;
            bool found;
            for (uint256 cursor = mask; cursor < mask + 2 * length; cursor += 2) {
                uint256 index = word(cursor) >> 240;
                if (index < previous || index >= POLICY_SIZE) revert MalformedStatement(cursor - offset);
                previous = index + 1;
                if (index == chosen) found = true;
            }
            if (!found) revert IllegalMove(number);
        }
    }

    /// @dev The rules' verdicts on a list of contenders (memory, a byte each), which must ascend and be indices that geometry allows. The chosen move follows
    /// the list and must be legal.
    function judge(ChessRules rules, uint256 position, uint256 list, uint256 length, uint256 number, uint256 offset)
        private
        pure
        returns (uint256 verdicts)
    {
        unchecked {
            (Board board, Meta meta) = positionAt(position);
            bytes calldata indices;
            assembly ("memory-safe") {
                indices.offset := list
                indices.length := add(add(length, length), 2)
            }
            bytes memory judged = rules.judge(board, meta, indices);
            uint256 previous;
            for (uint256 i = 0; i < length; ++i) {
                uint256 index = word(list + 2 * i) >> 240;
                if (index < previous || judged[i] == 0x02) revert MalformedStatement(list + 2 * i - offset);
                previous = index + 1;
            }
            if (judged[length] != 0x01) revert IllegalMove(number);
            assembly ("memory-safe") {
                verdicts := add(judged, 32)
            }
        }
    }

    /// @notice The position at a move's `POSITION` offset.
    function positionAt(uint256 offset) private pure returns (Board, Meta) {
        unchecked {
            return
                (
                    Board.wrap(word(offset + 4)),
                    Meta.wrap(uint80((word(offset) >> 224 << 48) | (word(offset + 36) >> 208)))
                );
        }
    }

    function checkValue(uint256 cursor, uint256 offset) private pure {
        unchecked {
            for (uint256 j = 0; j < 3; ++j) {
                int256 value = valueAt(cursor, j);
                if (uint256(value < 0 ? -value : value) > VALUE_BOUND) revert MalformedStatement(cursor - offset);
            }
        }
    }
}
