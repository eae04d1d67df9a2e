// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {IllegalMove, MalformedStatement} from "./Errors.sol";
import {Multilinear} from "./Multilinear.sol";

/// @notice A statement's bytes in calldata (docs/proof-format.md section 3), checked and cut into moves.
struct Statement {
    /// @dev Digest of the model.
    bytes32 digest;
    uint256 numMoves;
    /// @dev Temperature of the level in 1/64; 0: no noise.
    uint256 temperature;
    /// @dev Whether the values of the positions are stated.
    bool withValues;
    /// @dev Memory: `WORDS` words a move, see the constants of `Statements`.
    uint256 moves;
}

/// @title Reads statements
/// @notice The mask is what the statement lists: sound with any superset of the legal moves, so a caller may build it with or without legal-move
/// generation. It must ascend, which makes it a set, and hold the move.
library Statements {
    /// @dev Words a move.
    uint256 internal constant WORDS = 6;
    /// @dev Calldata offset of ply, board, side, castling, en passant, clock, last move.
    uint256 internal constant POSITION = 0;
    /// @dev Calldata offset of the mask.
    uint256 internal constant MASK = 1;
    uint256 internal constant MASK_LENGTH = 2;
    /// @dev Policy index of the move.
    uint256 internal constant CHOSEN = 3;
    /// @dev Calldata offset of the seed, if the level has noise.
    uint256 internal constant SEED = 4;
    /// @dev Calldata offset of win, draw, loss, if stated.
    uint256 internal constant VALUE = 5;

    /// @dev Bytes of model digest, game id, number of moves, level, whether values are stated.
    uint256 private constant HEADER_BYTES = 68;
    uint256 private constant POSITION_BYTES = 42;
    uint256 private constant POLICY_SIZE = 73 * 64;
    /// @dev Temperatures of levels 1 to 8 in 1/64, 16 bits each, level 1 highest.
    uint256 private constant TEMPERATURES = 0x00e000900060004000280018000c0000;
    /// @dev 64 entries of a value plane, each below 2^23 in absolute value.
    uint256 private constant VALUE_BOUND = 64 * ((1 << 23) - 1);
    /// @dev Nibbles that are no piece: 7, 8, 15.
    uint256 private constant NO_PIECES = 1 << 7 | 1 << 8 | 1 << 15;

    function read(bytes calldata data) internal pure returns (Statement memory statement) {
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
            uint256 withValues = (header >> 224) & 0xff;
            if (numMoves == 0 || level == 0 || level > 8 || withValues > 1) revert MalformedStatement(64);
            statement.numMoves = numMoves;
            statement.temperature = (TEMPERATURES >> (16 * (8 - level))) & 0xffff;
            statement.withValues = withValues == 1;
            uint256 moves = Multilinear.allocate(WORDS * numMoves);
            statement.moves = moves;
            uint256 end = offset + data.length;
            uint256 tail = 2 + (statement.temperature > 0 ? 32 : 0) + 12 * withValues;
            uint256 cursor = offset + HEADER_BYTES;
            for (uint256 number = 0; number < numMoves; ++number) {
                uint256 length = word(cursor + POSITION_BYTES) >> 240;
                uint256 mask = cursor + POSITION_BYTES + 2;
                uint256 next = mask + 2 * length + tail;
                if (next > end) revert MalformedStatement(data.length);
                checkPosition(cursor, offset);
                uint256 chosen = word(mask + 2 * length) >> 240;
                checkMask(mask, length, chosen, number, offset);
                Multilinear.put(moves, POSITION, cursor);
                Multilinear.put(moves, MASK, mask);
                Multilinear.put(moves, MASK_LENGTH, length);
                Multilinear.put(moves, CHOSEN, chosen);
                Multilinear.put(moves, SEED, mask + 2 * length + 2);
                Multilinear.put(moves, VALUE, next - 12);
                if (withValues == 1) checkValue(next - 12, offset);
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
            uint256 seen;
            for (uint256 board = word(cursor + 4); board != 0; board >>= 4) {
                seen |= 1 << (board & 15);
            }
            if (seen & NO_PIECES != 0) revert MalformedStatement(cursor + 4 - offset);
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

    function checkValue(uint256 cursor, uint256 offset) private pure {
        unchecked {
            for (uint256 j = 0; j < 3; ++j) {
                int256 value = valueAt(cursor, j);
                if (uint256(value < 0 ? -value : value) > VALUE_BOUND) revert MalformedStatement(cursor - offset);
            }
        }
    }
}
