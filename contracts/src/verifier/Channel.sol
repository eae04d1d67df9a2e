// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Ext} from "./Ext.sol";
import {Merkle} from "./Merkle.sol";
import {Grinding, NonCanonical, Truncated} from "./Errors.sol";

/// @notice A proof's bytes in calldata, and the transcript over them.
struct Channel {
    /// @dev Calldata offset of the next byte.
    uint256 position;
    /// @dev Calldata offset behind the last byte.
    uint256 end;
    /// @dev Calldata offset of the first byte.
    uint256 start;
    /// @dev Memory: 32 bytes of state, behind it what was absorbed since.
    uint256 state;
    /// @dev Bytes absorbed since the last sample.
    uint256 pending;
}

/// @title Reads a proof; whatever is received as a message is absorbed (docs/proof-format.md sections 1 and 2)
/// @notice Callers keep what they absorb between two samples within the room that `open` was given.
library Channels {
    using Channels for Channel;

    /// @notice A channel over calldata bytes whose transcript starts with `state`; room for `room` bytes between two samples.
    function open(uint256 start, uint256 length, bytes32 state, uint256 room)
        internal
        pure
        returns (Channel memory channel)
    {
        unchecked {
            channel.position = start;
            channel.start = start;
            channel.end = start + length;
            uint256 buffer;
            assembly ("memory-safe") {
                buffer := mload(0x40)
                mstore(0x40, add(buffer, and(add(add(room, 32), 63), not(31))))
                mstore(buffer, state)
            }
            channel.state = buffer;
        }
    }

    /// @notice Bytes received so far: where an error is.
    function received(Channel memory channel) internal pure returns (uint256) {
        unchecked {
            return channel.position - channel.start;
        }
    }

    /// @notice The state after the last sample, if nothing was absorbed since.
    function lastState(Channel memory channel) internal pure returns (bytes32 state) {
        assembly ("memory-safe") {
            state := mload(mload(add(channel, 0x60)))
        }
    }

    /// @notice Absorbs calldata bytes that are no message.
    function observe(Channel memory channel, uint256 offset, uint256 length) internal pure {
        assembly ("memory-safe") {
            let pending := mload(add(channel, 0x80))
            calldatacopy(add(add(mload(add(channel, 0x60)), 32), pending), offset, length)
            mstore(add(channel, 0x80), add(pending, length))
        }
    }

    /// @notice The next state: the hash of state and pending bytes.
    function advance(Channel memory channel) internal pure returns (uint256 state) {
        assembly ("memory-safe") {
            let buffer := mload(add(channel, 0x60))
            state := keccak256(buffer, add(mload(add(channel, 0x80)), 32))
            mstore(buffer, state)
            mstore(add(channel, 0x80), 0)
        }
    }

    /// @notice A challenge, reduced.
    function sample(Channel memory channel) internal pure returns (uint256) {
        return challenge(channel.advance());
    }

    /// @notice The challenge that a state gives: coefficient `d` is bytes `6 d .. 6 d + 6`, mod p.
    function challenge(uint256 state) internal pure returns (uint256 result) {
        uint256 p = Ext.P;
        assembly ("memory-safe") {
            let mask := 0xffffffffffff
            result := or(
                or(mod(shr(208, state), p), shl(51, mod(and(shr(160, state), mask), p))),
                or(
                    or(shl(102, mod(and(shr(112, state), mask), p)), shl(153, mod(and(shr(64, state), mask), p))),
                    shl(204, mod(and(shr(16, state), mask), p))
                )
            )
        }
    }

    /// @notice Receives `length` bytes, not absorbed; returns their calldata offset.
    function take(Channel memory channel, uint256 length) internal pure returns (uint256 offset) {
        unchecked {
            offset = channel.position;
            channel.position = offset + length;
            if (offset + length > channel.end) revert Truncated(channel.end - channel.start);
        }
    }

    /// @notice Receives an extension element.
    function receiveExt(Channel memory channel) internal pure returns (uint256 result) {
        uint256 offset = channel.take(20);
        channel.observe(offset, 20);
        assembly ("memory-safe") {
            result := calldataload(offset)
        }
        result = Ext.decode(result);
        if (!Ext.inRange(result)) revert NonCanonical(channel.received());
    }

    /// @notice Receives two extension elements.
    function receivePair(Channel memory channel) internal pure returns (uint256 first, uint256 second) {
        uint256 offset = channel.take(40);
        channel.observe(offset, 40);
        assembly ("memory-safe") {
            first := calldataload(offset)
            second := calldataload(add(offset, 20))
        }
        first = Ext.decode(first);
        second = Ext.decode(second);
        unchecked {
            if (((first + Ext.ABOVE_P) | (second + Ext.ABOVE_P)) & Ext.BIT32 != 0) {
                revert NonCanonical(channel.received());
            }
        }
    }

    /// @notice Receives `count` extension elements to `out`.
    function receiveTo(Channel memory channel, uint256 out, uint256 count) internal pure {
        unchecked {
            uint256 offset = channel.take(20 * count);
            channel.observe(offset, 20 * count);
            uint256 bad;
            for (uint256 end = out + 32 * count; out < end; out += 32) {
                uint256 value;
                assembly ("memory-safe") {
                    value := calldataload(offset)
                }
                value = Ext.decode(value);
                bad |= value + Ext.ABOVE_P;
                assembly ("memory-safe") {
                    mstore(out, value)
                }
                offset += 20;
            }
            if (bad & Ext.BIT32 != 0) revert NonCanonical(channel.received());
        }
    }

    /// @notice Receives a root: 26 bytes, as a number.
    function receiveRoot(Channel memory channel) internal pure returns (uint256 root) {
        uint256 offset = channel.take(Merkle.NODE_BYTES);
        channel.observe(offset, Merkle.NODE_BYTES);
        assembly ("memory-safe") {
            root := calldataload(offset)
        }
        root >>= Merkle.SPARE_BITS;
    }

    /// @notice Receives a nonce and checks its work.
    function checkGrind(Channel memory channel, uint256 bits) internal pure {
        channel.advance();
        channel.observe(channel.take(4), 4);
        uint256 state = channel.advance();
        unchecked {
            // A shift by 256 leaves nothing.
            if (state >> (256 - bits) != 0) revert Grinding(channel.received());
        }
    }

    /// @notice Bytes not received.
    function left(Channel memory channel) internal pure returns (uint256) {
        unchecked {
            return channel.end - channel.position;
        }
    }
}
