// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Channel, Channels} from "./Channel.sol";
import {Ext} from "./Ext.sol";
import {Multilinear} from "./Multilinear.sol";

/// @title Sumcheck of a product of two multilinear tables (engine-circuit/src/sumcheck.rs)
library Sumcheck {
    using Channels for Channel;

    /// @notice Verifies `rounds` rounds of a claim, writes the point to `point` and returns the claim there, reduced.
    function verify(Channel memory channel, uint256 claim, uint256 rounds, uint256 point)
        internal
        pure
        returns (uint256)
    {
        unchecked {
            return verifyTo(channel, claim, point, point + 32 * rounds);
        }
    }

    function verifyTo(Channel memory channel, uint256 claim, uint256 point, uint256 end)
        private
        pure
        returns (uint256)
    {
        unchecked {
            for (; point < end; point += 32) {
                (uint256 h0, uint256 quadratic) = channel.receivePair();
                uint256 r = channel.sample();
                // h(r) = h0 + r (linear + r quadratic), h(0) + h(1) = claim.
                uint256 linear = claim + 3 * Ext.P_LANES - h0 - h0 - quadratic;
                claim = Ext.mulAdd(r, Ext.mulAddNear(quadratic, r, linear), h0);
                Multilinear.put(point, 0, r);
            }
            return claim;
        }
    }
}
