// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {UnsupportedNumMoves} from "./Errors.sol";

/// @notice The sizes of a circuit in memory: the bytes that `engine export-verifier` writes for a verifying key, cut to one number of moves.
type Key is uint256;

using Keys for Key global;

/// @notice The sizes of an opening in memory: numbers of two bytes.
type Schedule is uint256;

using Schedules for Schedule global;

/// @title Reads a schedule (engine-circuit/src/commitment/schedule.rs)
/// @notice Tables, words, final variables, grinding; per table variables, folds, folds within a leaf, log2 of its tree's leaves; per word folds,
/// log2 of rows, queries.
library Schedules {
    /// @dev Most words of an opening.
    uint256 internal constant MAX_WORDS = 6;
    /// @dev Numbers of a schedule.
    uint256 internal constant LENGTH = 12 + 3 * MAX_WORDS;

    function number(Schedule schedule, uint256 index) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(240, mload(add(schedule, add(index, index))))
        }
    }

    /// @notice All numbers as they lie in memory.
    function words(Schedule schedule) internal pure returns (uint256[2] memory both) {
        assembly ("memory-safe") {
            mcopy(both, schedule, 64)
        }
    }

    function numWords(Schedule schedule) internal pure returns (uint256) {
        return number(schedule, 1);
    }

    function finalVariables(Schedule schedule) internal pure returns (uint256) {
        return number(schedule, 2);
    }

    function grinding(Schedule schedule) internal pure returns (uint256) {
        return number(schedule, 3);
    }

    function tableVariables(Schedule schedule, uint256 t) internal pure returns (uint256) {
        return ofTable(schedule, t, 0);
    }

    function tableFolds(Schedule schedule, uint256 t) internal pure returns (uint256) {
        return ofTable(schedule, t, 1);
    }

    function tableLeafFolds(Schedule schedule, uint256 t) internal pure returns (uint256) {
        return ofTable(schedule, t, 2);
    }

    function tableLogLeaves(Schedule schedule, uint256 t) internal pure returns (uint256) {
        return ofTable(schedule, t, 3);
    }

    function folds(Schedule schedule, uint256 word) internal pure returns (uint256) {
        return ofWord(schedule, word, 0);
    }

    function logRows(Schedule schedule, uint256 word) internal pure returns (uint256) {
        return ofWord(schedule, word, 1);
    }

    function queries(Schedule schedule, uint256 word) internal pure returns (uint256) {
        return ofWord(schedule, word, 2);
    }

    /// @dev One of the four numbers of a table.
    function ofTable(Schedule schedule, uint256 t, uint256 field) private pure returns (uint256) {
        unchecked {
            return number(schedule, 4 + 4 * t + field);
        }
    }

    /// @dev One of the three numbers of a word.
    function ofWord(Schedule schedule, uint256 word, uint256 field) private pure returns (uint256) {
        unchecked {
            return number(schedule, 12 + 3 * word + field);
        }
    }
}

/// @title Reads the verifying key's bytes (engine-circuit/src/chain.rs writes them)
/// @notice Words first, then numbers of two bytes. Nothing here is computed: everything is the Rust circuit's.
library Keys {
    /// @dev First word: which layout and which constants of the circuit the bytes were written for.
    bytes32 internal constant FORMAT = keccak256(
        "fairmate verifier key 1: planes 20, head 76, scale 14, quotient 16, limbs 2, masked 134217728, words 6, noise 12"
    );
    uint256 private constant NUMBERS = 192;
    /// @dev Numbers before the lists of kernels and skips.
    uint256 private constant LISTS = 16;
    /// @dev Numbers that depend on the number of moves: sizes, then the schedule.
    uint256 private constant SIZES = 19;
    uint256 private constant VARIANT = SIZES + Schedules.LENGTH;
    /// @dev Bytes of the noise table behind everything.
    uint256 internal constant NOISE_BYTES = 8192;

    /// @notice Loads a key's constant part and the sizes for `numMoves` from a data contract's code (a stop byte first).
    function load(address data, uint256 numMoves) internal view returns (Key key) {
        unchecked {
            uint256 pointer;
            assembly ("memory-safe") {
                pointer := mload(0x40)
                extcodecopy(data, pointer, 1, add(NUMBERS, 64))
            }
            key = Key.wrap(pointer);
            uint256 lists = NUMBERS + 2 * (LISTS + 2 * (key.number(12) + key.number(13)));
            if (numMoves > key.number(14)) revert UnsupportedNumMoves(numMoves);
            uint256 offset = lists + 2 * VARIANT * (numMoves - 1);
            uint256 length = 2 * VARIANT;
            assembly ("memory-safe") {
                extcodecopy(data, pointer, 1, lists)
                // The numbers of this many moves follow the constant part in memory.
                extcodecopy(data, add(pointer, lists), add(offset, 1), length)
                mstore(0x40, and(add(add(pointer, lists), add(length, 63)), not(31)))
            }
        }
    }

    /// @notice Loads the noise table: `int16` entries.
    function loadNoise(address data) internal view returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := mload(0x40)
            extcodecopy(data, pointer, sub(extcodesize(data), NOISE_BYTES), NOISE_BYTES)
            mstore(0x40, add(pointer, add(NOISE_BYTES, 32)))
        }
    }

    function wordAt(Key key, uint256 offset) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(key, offset))
        }
    }

    /// @notice Number `index` of the constant part.
    function number(Key key, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(240, mload(add(add(key, NUMBERS), add(index, index))))
        }
    }

    function digest(Key key) internal pure returns (bytes32) {
        return bytes32(wordAt(key, 32));
    }

    /// @notice Root of the weights' commitment, 26 bytes as a number.
    function weightsRoot(Key key) internal pure returns (uint256) {
        return wordAt(key, 64);
    }

    /// @notice The weights' fixed out-of-domain point.
    function weightsPoint(Key key) internal pure returns (uint256) {
        return wordAt(key, 96);
    }

    /// @notice The committed weights there.
    function weightsValue(Key key) internal pure returns (uint256) {
        return wordAt(key, 128);
    }

    /// @notice First state of every transcript.
    function protocolState(Key key) internal pure returns (bytes32) {
        return bytes32(wordAt(key, 160));
    }

    function channels(Key key) internal pure returns (uint256) {
        return key.number(0);
    }

    function numLayers(Key key) internal pure returns (uint256) {
        return key.number(1);
    }

    function logChannels(Key key) internal pure returns (uint256) {
        return key.number(2);
    }

    function logLayers(Key key) internal pure returns (uint256) {
        return key.number(3);
    }

    function logSources(Key key) internal pure returns (uint256) {
        return key.number(4);
    }

    function logSlots(Key key) internal pure returns (uint256) {
        return key.number(5);
    }

    function logHeadGroups(Key key) internal pure returns (uint256) {
        return key.number(6);
    }

    function headGroups(Key key) internal pure returns (uint256) {
        return key.number(7);
    }

    function skipSlot(Key key) internal pure returns (uint256) {
        return key.number(9);
    }

    function firstBiasSlot(Key key) internal pure returns (uint256) {
        return key.number(10);
    }

    function logitScaleLog2(Key key) internal pure returns (uint256) {
        return key.number(11);
    }

    /// @notice Groups of nine kernel slots.
    function numKernels(Key key) internal pure returns (uint256) {
        return key.number(12);
    }

    function numSkips(Key key) internal pure returns (uint256) {
        return key.number(13);
    }

    function weightVariables(Key key) internal pure returns (uint256) {
        return key.number(15);
    }

    /// @notice Layer and source of a group of nine kernel slots.
    function kernel(Key key, uint256 index) internal pure returns (uint256 layer, uint256 source) {
        unchecked {
            layer = key.number(LISTS + 2 * index);
            source = key.number(LISTS + 2 * index + 1);
        }
    }

    /// @notice Layer that a skip joins, and the factor of its input.
    function skip(Key key, uint256 index) internal pure returns (uint256 layer, uint256 factor) {
        return key.kernel(key.numKernels() + index);
    }

    /// @notice The numbers for this many moves.
    function variant(Key key, uint256 index) private pure returns (uint256) {
        unchecked {
            return key.number(LISTS + 2 * (key.number(12) + key.number(13)) + index);
        }
    }

    function logMoves(Key key) internal pure returns (uint256) {
        return variant(key, 0);
    }

    function logLeaves(Key key) internal pure returns (uint256) {
        return variant(key, 1);
    }

    function witnessVariables(Key key) internal pure returns (uint256) {
        return variant(key, 2);
    }

    /// @notice A section's variables and its first leaf in cubes. 0 activation, 1 remainder, 2 gap, 3 activation table, 4 range table.
    function section(Key key, uint256 index) internal pure returns (uint256 numVariables, uint256 cube) {
        unchecked {
            numVariables = variant(key, 3 + 2 * index);
            cube = variant(key, 4 + 2 * index);
        }
    }

    /// @notice First block of a part of the witness: 0 activations, 1 quotients, 2 logits, 3 limbs; 4 and 5: first cube of the activation and
    /// range counts.
    function part(Key key, uint256 index) internal pure returns (uint256) {
        unchecked {
            return variant(key, 13 + index);
        }
    }

    /// @notice The schedule of the opening.
    function schedule(Key key) internal pure returns (Schedule) {
        unchecked {
            uint256 first = LISTS + 2 * (key.number(12) + key.number(13)) + SIZES;
            return Schedule.wrap(Key.unwrap(key) + NUMBERS + 2 * first);
        }
    }
}
