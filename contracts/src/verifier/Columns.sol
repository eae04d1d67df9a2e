// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Axes, AxesOf} from "./Axes.sol";
import {Denominator, Numerator} from "./Errors.sol";
import {Ext} from "./Ext.sol";
import {Geometry} from "./Geometry.sol";
import {Key, Keys} from "./Keys.sol";
import {Multilinear} from "./Multilinear.sol";
import {Statement, Statements} from "./Statements.sol";

/// @notice The evaluations of the columns, in the order on the wire (`ColumnEvals`).
struct ColumnEvals {
    uint256 acc;
    uint256 quotient;
    uint256 activation;
    uint256 logit;
    uint256 winner;
    uint256 activationCount;
    uint256 rangeCount;
    uint256 limb;
}

/// @notice Claims on the leaves and the challenges of their tuples.
struct LeafClaims {
    uint256 numerator;
    uint256 denominator;
    uint256 alpha;
    uint256 beta;
}

/// @title Settles the leaf claims with the columns behind the leaves (engine-circuit/src/argument/columns.rs)
library Columns {
    uint256 private constant TAG_ACTIVATION = 1;
    uint256 private constant TAG_RANGE = 2;
    uint256 private constant SCALE_LOG2 = 14;
    uint256 private constant QUOTIENT_BITS = 16;
    uint256 private constant MAX_ACTIVATION = 255;
    uint256 private constant ACTIVATION_BITS = 8;
    /// @dev What an entry of the head outside the mask adds to its gap.
    uint256 private constant MASKED_GAP = 1 << 27;
    /// @dev Where a factor `MASKED_GAP + noise`, below 2^28, is cut: 64 products of 31 and 14 bits fit a lane.
    uint256 private constant CUT = 14;

    /// @notice Checks the leaf claims against the evaluations, or reverts.
    function check(
        Key key,
        address keyData,
        Statement memory statement,
        Axes memory axes,
        LeafClaims memory leaf,
        ColumnEvals memory evals
    ) internal view {
        unchecked {
            uint256 trunk;
            uint256 inGap;
            {
                // Layers 1 to the last; layer 0 holds the planes.
                uint256 layers = Ext.reduce(Multilinear.sumLazy(axes.eqLayers + 32, key.numLayers()));
                uint256 channels = Multilinear.eqPrefix(axes.channel, key.logChannels(), key.channels());
                trunk = Ext.mul(Ext.mul(layers, axes.moves), channels);
                inGap = Ext.mul(axes.moves, axes.allPlanes);
            }
            uint256 one = 1;
            uint256 numerator = leaf.numerator;
            uint256 denominator = Ext.sub(leaf.denominator, one);
            {
                uint256 weight = sectionWeight(key, axes, 0);
                numerator = Ext.mulAdd(Ext.neg(weight), trunk, numerator);
                denominator = subtract(
                    denominator,
                    weight,
                    leaf,
                    TAG_ACTIVATION,
                    trunk,
                    Ext.mulAdd(leaf.beta, evals.activation, evals.quotient)
                );
                weight = sectionWeight(key, axes, 1);
                numerator = Ext.mulAdd(Ext.neg(weight), trunk, numerator);
                uint256 remainder = Ext.reduce(evals.acc + (Ext.P_LANES - evals.quotient) * (1 << SCALE_LOG2));
                denominator = subtract(denominator, weight, leaf, TAG_RANGE, trunk, remainder);
                weight = sectionWeight(key, axes, 2);
                numerator = Ext.mulAdd(Ext.neg(weight), inGap, numerator);
                denominator = subtract(
                    denominator, weight, leaf, TAG_RANGE, inGap, gapValue(key, keyData, statement, axes, evals)
                );
            }
            {
                uint256 weight = sectionWeight(key, axes, 3);
                numerator = Ext.mulAdd(weight, evals.activationCount, numerator);
                (uint256 quotient, uint256 activation) =
                    activationTable(axes.point + 32 * (axes.variables - QUOTIENT_BITS));
                denominator = subtract(
                    denominator, weight, leaf, TAG_ACTIVATION, one, Ext.mulAdd(leaf.beta, activation, quotient)
                );
                weight = sectionWeight(key, axes, 4);
                numerator = Ext.mulAdd(weight, evals.rangeCount, numerator);
                denominator = subtract(
                    denominator,
                    weight,
                    leaf,
                    TAG_RANGE,
                    one,
                    Multilinear.identityEval(axes.point + 32 * (axes.variables - SCALE_LOG2), SCALE_LOG2)
                );
            }
            if (numerator != 0) revert Numerator();
            if (denominator != 0) revert Denominator();
        }
    }

    /// @dev `denominator - weight (inUse (alpha - tag - 1) - beta tuple)`.
    function subtract(
        uint256 denominator,
        uint256 weight,
        LeafClaims memory leaf,
        uint256 tag,
        uint256 inUse,
        uint256 tuple
    ) private pure returns (uint256) {
        unchecked {
            uint256 shifted = leaf.alpha + Ext.P - (tag + 1);
            uint256 adds = Ext.mulAdd2(inUse, shifted, Ext.neg(leaf.beta), tuple, 0);
            return Ext.mulAdd(Ext.neg(weight), adds, denominator);
        }
    }

    /// @dev eq of a section's cube at the leaf point's leading coordinates.
    function sectionWeight(Key key, Axes memory axes, uint256 index) private pure returns (uint256) {
        unchecked {
            (uint256 numVariables, uint256 cube) = key.section(index);
            return Multilinear.eqIndex(axes.point, axes.variables - numVariables, cube);
        }
    }

    /// @dev The activation table's columns at its point of 16 variables.
    function activationTable(uint256 point) private pure returns (uint256 quotient, uint256 activation) {
        unchecked {
            quotient = Ext.sub(Multilinear.identityEval(point, QUOTIENT_BITS), 1 << (QUOTIENT_BITS - 1));
            // The highest bit says "not negative"; all others above the activation's zero: not saturated.
            uint256 small = Multilinear.eqIndex(point + 32, QUOTIENT_BITS - 1 - ACTIVATION_BITS, 0);
            uint256 low = Multilinear.identityEval(point + 32 * (QUOTIENT_BITS - ACTIVATION_BITS), ACTIVATION_BITS);
            // small low + (1 - small) 255.
            uint256 value = Ext.mulAdd(small, low, MAX_ACTIVATION + (Ext.P_LANES - small) * MAX_ACTIVATION);
            activation = Ext.mul(Multilinear.get(point, 0), value);
        }
    }

    /// @dev The gap's limbs at (limb, group, move, channel, square).
    function gapValue(Key key, address keyData, Statement memory statement, Axes memory axes, ColumnEvals memory evals)
        private
        view
        returns (uint256)
    {
        unchecked {
            uint256 gap = publicGap(key, keyData, statement, axes);
            gap = Ext.mulAdd(axes.allPlanes, evals.winner, gap + Ext.P_LANES - evals.logit);
            uint256 limb0 = Ext.reduce(gap + (Ext.P_LANES - evals.limb) * (1 << SCALE_LOG2));
            uint256 tau = Multilinear.get(axes.limb, 0);
            return Ext.mulAdd(tau, evals.limb + Ext.P_LANES - limb0, limb0);
        }
    }

    /// @dev The public part of the gaps: `n(w) - n(m) + B [m not in mask] - [m < w]` over the head's planes, that is
    /// `(B + n(w)) all - sum over the mask of (B + n(m)) eq(m) - sum over m < w of eq(m)`. With contenders the mask is all that geometry allows but
    /// the illegal contenders, with the largest noise but for the move and the legal contenders, which have theirs.
    function publicGap(Key key, address keyData, Statement memory statement, Axes memory axes)
        private
        view
        returns (uint256 sum)
    {
        unchecked {
            Noise memory noise;
            if (statement.temperature > 0) {
                noise = Noise(Keys.loadNoise(keyData), statement.temperature, key.logitScaleLog2(), 0);
            }
            uint256 largest = MASKED_GAP;
            uint256 allGeometric = 0;
            if (statement.withContenders) {
                if (statement.temperature > 0) largest = factorAt(noise, Keys.NOISE_BYTES / 2 - 1);
                allGeometric = Ext.mulBase(Geometry.sum(axes), largest);
            }
            uint256 planesBelow = sumsBelow(axes.planes, AxesOf.HEAD_PLANES);
            uint256 squaresBelow = sumsBelow(axes.eqSquares, 64);
            for (uint256 number = 0; number < statement.numMoves; ++number) {
                uint256 move = statement.moves + 32 * Statements.WORDS * number;
                uint256 chosen = Multilinear.get(move, Statements.CHOSEN);
                noise.seed = Statements.word(Multilinear.get(move, Statements.SEED));
                (uint256 plane, uint256 square) = (chosen / 64, chosen % 64);
                uint256 below = Ext.mulAdd(
                    Multilinear.get(axes.planes, plane),
                    Ext.near(Multilinear.get(squaresBelow, square)),
                    Multilinear.get(planesBelow, plane)
                );
                uint256 total = Ext.mulBase(axes.allPlanes, factorOf(noise, chosen));
                total = Ext.sub(
                    total,
                    statement.withContenders
                        ? Ext.sub(allGeometric, lessThanAll(noise, move, axes, largest))
                        : maskSum(noise, move, axes)
                );
                sum = Ext.mulAdd(Multilinear.get(axes.eqMoves, number), Ext.sub(total, below), sum);
            }
        }
    }

    /// @dev `sum over the mask of (B + n(m)) eq(m)`; the mask ascends, so a plane's squares come together.
    function maskSum(Noise memory noise, uint256 move, Axes memory axes) private pure returns (uint256 sum) {
        unchecked {
            uint256 cursor = Multilinear.get(move, Statements.MASK);
            uint256 end = cursor + 2 * Multilinear.get(move, Statements.MASK_LENGTH);
            while (cursor < end) {
                uint256 index = Statements.word(cursor) >> 240;
                uint256 plane = index / 64;
                uint256 low = 0;
                uint256 high = 0;
                while (index / 64 == plane) {
                    uint256 eq = Multilinear.get(axes.eqSquares, index % 64);
                    uint256 factor = factorOf(noise, index);
                    low += eq * (factor & ((1 << CUT) - 1));
                    high += eq * (factor >> CUT);
                    cursor += 2;
                    if (cursor == end) break;
                    index = Statements.word(cursor) >> 240;
                }
                sum = Ext.mulAdd(Multilinear.get(axes.planes, plane), Ext.combine(low, high, CUT), sum);
            }
        }
    }

    /// @dev For each entry of a table the sum of those before it, lazy.
    function sumsBelow(uint256 table, uint256 count) private pure returns (uint256 sums) {
        unchecked {
            sums = Multilinear.allocate(count);
            uint256 sum = 0;
            for (uint256 i = 0; i < count; ++i) {
                Multilinear.put(sums, i, sum);
                sum += Multilinear.get(table, i);
            }
        }
    }

    /// @dev What the mask with contenders has less than all that geometry allows with the largest noise: `largest eq(m)` of an illegal contender `m`, and
    /// `(largest - B - n(m)) eq(m)` of the move and of a legal contender.
    function lessThanAll(Noise memory noise, uint256 move, Axes memory axes, uint256 largest)
        private
        pure
        returns (uint256)
    {
        unchecked {
            uint256 verdicts = Multilinear.get(move, Statements.VERDICTS);
            uint256 cursor = Multilinear.get(move, Statements.MASK);
            uint256 end = cursor + 2 * Multilinear.get(move, Statements.MASK_LENGTH);
            uint256 chosen = Multilinear.get(move, Statements.CHOSEN);
            uint256 exact = quieter(noise, axes, chosen, largest);
            uint256 illegal = 0;
            for (; cursor < end; cursor += 2) {
                uint256 index = Statements.word(cursor) >> 240;
                uint256 isLegal;
                assembly ("memory-safe") {
                    isLegal := byte(0, mload(verdicts))
                }
                ++verdicts;
                if (isLegal == 0) illegal += eqAt(axes, index);
                else if (index != chosen) exact += quieter(noise, axes, index, largest);
            }
            return Ext.reduce(exact + Ext.mulBase(Ext.reduce(illegal), largest));
        }
    }

    /// @dev `(largest - B - n(index)) eq(index)`.
    function quieter(Noise memory noise, Axes memory axes, uint256 index, uint256 largest)
        private
        pure
        returns (uint256)
    {
        unchecked {
            if (noise.temperature == 0) return 0;
            return Ext.mulBase(eqAt(axes, index), largest - factorOf(noise, index));
        }
    }

    /// @dev eq of a policy index at (group, channel, square).
    function eqAt(Axes memory axes, uint256 index) private pure returns (uint256) {
        return Ext.mul(Multilinear.get(axes.planes, index / 64), Multilinear.get(axes.eqSquares, index % 64));
    }

    /// @dev Where noise comes from; temperature 0: none.
    struct Noise {
        /// @dev Memory of the table.
        uint256 table;
        uint256 temperature;
        uint256 scaleLog2;
        uint256 seed;
    }

    /// @dev `B + n(index)`, between 2^26 and 2^28 (engine-circuit/src/sampling.rs).
    function factorOf(Noise memory noise, uint256 index) private pure returns (uint256) {
        if (noise.temperature == 0) return MASKED_GAP;
        uint256 seed = noise.seed;
        uint256 entry;
        assembly ("memory-safe") {
            mstore(0, seed)
            mstore(32, shl(240, index))
            // The hash's first 12 bits number an entry of two bytes.
            entry := shr(244, keccak256(0, 34))
        }
        return factorAt(noise, entry);
    }

    /// @dev `B` and the noise of an entry of the table.
    function factorAt(Noise memory noise, uint256 entry) private pure returns (uint256) {
        unchecked {
            uint256 table = noise.table;
            int256 gumbel;
            assembly ("memory-safe") {
                gumbel := sar(240, mload(add(table, add(entry, entry))))
            }
            int256 scaled = (int256(noise.temperature) * gumbel) << noise.scaleLog2;
            return uint256(int256(MASKED_GAP) + (scaled >> 14));
        }
    }
}
