// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Channel, Channels} from "./Channel.sol";
import {Level, RootDenominator, RootNumerator} from "./Errors.sol";
import {Ext} from "./Ext.sol";
import {Multilinear} from "./Multilinear.sol";

/// @title The fractional sumcheck of all lookups (engine-circuit/src/argument/lookups.rs)
library Lookups {
    using Channels for Channel;

    /// @notice Verifies a tree with `2^logLeaves` leaves. Returns the leaf point (`logLeaves` words) and the numerator and denominator there.
    function verify(Channel memory channel, uint256 logLeaves)
        internal
        pure
        returns (uint256 point, uint256 numerator, uint256 denominator)
    {
        unchecked {
            point = Multilinear.allocate(logLeaves);
            uint256 next = Multilinear.allocate(logLeaves);
            for (uint256 level = 0; level < logLeaves; ++level) {
                uint256 claim;
                uint256 mix;
                if (level > 0) {
                    mix = channel.sample();
                    claim = Ext.mulAdd(mix, denominator, numerator);
                    claim = rounds(channel, claim, point, next + 32, level);
                }
                (uint256 n0, uint256 n1) = channel.receivePair();
                (uint256 d0, uint256 d1) = channel.receivePair();
                uint256 r = channel.sample();
                if (level == 0) {
                    if (Ext.mulAdd2(n0, d1, n1, d0, 0) != 0) revert RootNumerator();
                    if (Ext.mul(d0, d1) == 0) revert RootDenominator();
                } else if (Ext.mulAdd2(Ext.mulAdd(mix, d0, n0), d1, n1, d0, 0) != claim) {
                    revert Level(level);
                }
                numerator = Ext.mulAdd(r, n1 + Ext.P_LANES - n0, n0);
                denominator = Ext.mulAdd(r, d1 + Ext.P_LANES - d0, d0);
                Multilinear.put(next, 0, r);
                (point, next) = (next, point);
            }
        }
    }

    /// @dev The rounds of one level: `claim' = claim - z (linear + quadratic) + r (linear + r quadratic)`.
    function rounds(Channel memory channel, uint256 claim, uint256 z, uint256 out, uint256 count)
        private
        pure
        returns (uint256)
    {
        unchecked {
            for (uint256 end = out + 32 * count; out < end; out += 32) {
                (uint256 linear, uint256 quadratic) = channel.receivePair();
                uint256 r = channel.sample();
                claim = Ext.mulAdd2(
                    r, Ext.mulAddNear(quadratic, r, linear), Ext.neg(Multilinear.get(z, 0)), linear + quadratic, claim
                );
                Multilinear.put(out, 0, r);
                z += 32;
            }
            return claim;
        }
    }
}
