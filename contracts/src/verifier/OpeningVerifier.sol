// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Channel, Channels} from "./Channel.sol";
import {Multilinear} from "./Multilinear.sol";
import {Opened, Opening, OpeningClaim} from "./Opening.sol";
import {Schedule} from "./Keys.sol";

/// @notice What is to be opened, and the transcript so far.
struct OpeningCall {
    /// State of the transcript; nothing is pending.
    bytes32 state;
    /// Bytes of the proof before the opening: where errors count from.
    uint256 received;
    uint256[2] roots;
    uint256[2] values;
    /// The schedule's numbers (`Schedules`).
    uint256[2] schedule;
}

/// @title Verifies openings for move verifiers
/// @notice A contract of its own since both together are larger than a contract may be. Stateless, and no model's.
contract OpeningVerifier {
    using Channels for Channel;

    /// @notice Reverts with an error of `Errors.sol`, or returns what is left to show: factors of both tables, `added`, the table's and the last value (`OpeningClaim`),
    /// the number of bytes behind the opening, then the challenges, those of the later words' variables first.
    /// @param rest The proof from the opening on, to its end.
    function verify(OpeningCall memory opening, bytes calldata rest) external pure returns (uint256[] memory left) {
        unchecked {
            uint256 offset;
            uint256 pointer;
            uint256[2] memory schedule = opening.schedule;
            assembly ("memory-safe") {
                offset := rest.offset
                pointer := schedule
            }
            Channel memory channel =
                Channels.open(offset - opening.received, opening.received + rest.length, opening.state, Opening.ROOM);
            channel.position = offset;
            Opened memory opened;
            opened.roots = opening.roots;
            opened.values = opening.values;
            opened.schedule = Schedule.wrap(pointer);
            OpeningClaim memory claim = Opening.verify(channel, opened);
            left = new uint256[](Opening.CHALLENGES + claim.numHigh + claim.numLow);
            (left[0], left[1], left[2], left[3], left[4]) =
            (claim.factors[0], claim.factors[1], claim.added, claim.tableValue, claim.lastValue);
            left[5] = channel.left();
            uint256 challenges = claim.high;
            assembly ("memory-safe") {
                pointer := add(left, 224)
            }
            Multilinear.copy(pointer, challenges, claim.numHigh + claim.numLow);
        }
    }
}
