// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Axes, AxesOf} from "./Axes.sol";
import {ColumnEvals} from "./Columns.sol";
import {Ext} from "./Ext.sol";
import {Key} from "./Keys.sol";
import {LinearClaims} from "./Linear.sol";
import {Multilinear} from "./Multilinear.sol";
import {Statement, Statements} from "./Statements.sol";

/// @title All claims on the witness as one linear functional (engine-circuit/src/argument/packing.rs)
library Packing {
    uint256 private constant SCALE_LOG2 = 14;
    uint256 private constant QUOTIENT_BITS = 16;
    uint256 private constant FIRST_VALUE_PLANE = 73;

    // Powers of the batching challenge by claim.
    uint256 private constant OUT_OF_DOMAIN = 0;
    uint256 private constant QUOTIENT = 1;
    uint256 private constant ACTIVATION = 2;
    uint256 private constant LOGIT = 3;
    uint256 private constant WINNER = 4;
    uint256 private constant ACTIVATION_COUNT = 5;
    uint256 private constant RANGE_COUNT = 6;
    uint256 private constant LIMB = 7;
    uint256 private constant SOURCE = 8;
    uint256 private constant VALUES = 9;
    /// @dev Where the weights' claims follow those of the witness: the fixed out-of-domain value, then the evaluation.
    uint256 internal constant WEIGHTS = VALUES + 3;

    /// @dev Parts of the witness, see `Keys.part`.
    uint256 private constant ACTIVATIONS_AT = 0;
    uint256 private constant QUOTIENTS_AT = 1;
    uint256 private constant LOGITS_AT = 2;
    uint256 private constant LIMBS_AT = 3;
    uint256 private constant ACTIVATION_COUNTS_AT = 4;
    uint256 private constant RANGE_COUNTS_AT = 5;

    /// @notice Powers of the batching challenge: memory.
    function powersOf(uint256 batch) internal pure returns (uint256 factors) {
        unchecked {
            factors = Multilinear.allocate(WEIGHTS + 2);
            uint256 power = 1;
            for (uint256 i = 0; i < WEIGHTS + 2; ++i) {
                Multilinear.put(factors, i, power);
                power = Ext.mul(power, batch);
            }
        }
    }

    /// @notice The batched value.
    function value(
        Statement memory statement,
        Axes memory axes,
        ColumnEvals memory evals,
        uint256 source,
        uint256 outOfDomain,
        uint256 factors
    ) internal pure returns (uint256 sum) {
        unchecked {
            sum = Ext.mulAdd(Multilinear.get(factors, QUOTIENT), evals.quotient, outOfDomain);
            sum = Ext.mulAdd(Multilinear.get(factors, ACTIVATION), evals.activation, sum);
            sum = Ext.mulAdd(Multilinear.get(factors, LOGIT), evals.logit, sum);
            sum = Ext.mulAdd(Multilinear.get(factors, WINNER), evals.winner, sum);
            sum = Ext.mulAdd(Multilinear.get(factors, ACTIVATION_COUNT), evals.activationCount, sum);
            sum = Ext.mulAdd(Multilinear.get(factors, RANGE_COUNT), evals.rangeCount, sum);
            sum = Ext.mulAdd(Multilinear.get(factors, LIMB), evals.limb, sum);
            sum = Ext.mulAdd(Multilinear.get(factors, SOURCE), source, sum);
            if (!statement.withValues) return sum;
            for (uint256 number = 0; number < statement.numMoves; ++number) {
                uint256 offset = Multilinear.get(statement.moves + 32 * Statements.WORDS * number, Statements.VALUE);
                uint256 batched = 0;
                for (uint256 j = 0; j < 3; ++j) {
                    int256 stated = Statements.valueAt(offset, j);
                    uint256 base = uint256(stated < 0 ? stated + int256(Ext.P) : stated);
                    batched += Ext.mulBase(Multilinear.get(factors, VALUES + j), base);
                }
                sum = Ext.mulAdd(Multilinear.get(axes.eqMoves, number), Ext.reduce(batched), sum);
            }
        }
    }

    /// @dev What the weights' evaluation needs again and again.
    struct View {
        uint256 point;
        uint256 variables;
        /// @dev The last variables, (channel, square).
        uint256 blockPoint;
        /// @dev eq of a block's number: of its upper bits, and of its `logLow` lower ones.
        uint256 eqUpper;
        uint256 eqLower;
        uint256 logLow;
        uint256 factors;
    }

    /// @notice The batched weights' multilinear extension at a point, but for the out-of-domain claim at `z`, which is added too.
    function weightAt(
        Key key,
        Statement memory statement,
        Axes memory axes,
        LinearClaims memory linear,
        uint256 factors,
        uint256 z,
        uint256 point
    ) internal pure returns (uint256 sum) {
        unchecked {
            uint256 logBlock = key.logChannels() + AxesOf.LOG_SQUARES;
            uint256 variables = key.witnessVariables();
            View memory here;
            here.point = point;
            here.variables = variables;
            here.blockPoint = point + 32 * (variables - logBlock);
            here.logLow = (variables - logBlock) / 2;
            uint256 upper = variables - logBlock - here.logLow;
            here.eqUpper = Multilinear.eqTable(point, upper);
            here.eqLower = Multilinear.eqTable(point + 32 * upper, here.logLow);
            here.factors = factors;

            sum = Multilinear.powersEval(z, point, variables);
            {
                uint256 layers = key.numLayers();
                uint256 activations = movesSums(key, here, statement, axes, ACTIVATIONS_AT, layers);
                uint256 atTau = blocks(here, activations, ACTIVATION, axes.eqLayers + 32, layers);
                uint256 sums = movesSums(key, here, statement, axes, QUOTIENTS_AT, layers);
                atTau += blocks(here, sums, QUOTIENT, axes.eqLayers + 32, layers);
                uint256 groups = key.headGroups();
                sums = movesSums(key, here, statement, axes, LOGITS_AT, groups);
                atTau += blocks(here, sums, LOGIT, axes.eqGroups, groups);
                sums = movesSums(key, here, statement, axes, LIMBS_AT, groups);
                atTau += blocks(here, sums, LIMB, axes.eqGroups, groups);
                // (channel, square) of the leaf point: the channels and squares lie side by side.
                sum = Ext.mulAdd(
                    Multilinear.eqEval(
                        axes.point + 32 * (axes.variables - AxesOf.LOG_SQUARES - key.logChannels()),
                        here.blockPoint,
                        key.logChannels()
                    ),
                    Ext.mul(
                        Multilinear.eqEval(axes.square, here.blockPoint + 32 * key.logChannels(), AxesOf.LOG_SQUARES),
                        Ext.reduce(atTau)
                    ),
                    sum
                );
                uint256 eqSources = Multilinear.eqTable(linear.sigmaSource, key.logSources());
                uint256 atSigma = blocks(here, activations, SOURCE, eqSources + 32, layers);
                uint256 eq = Ext.mul(
                    Multilinear.eqEval(linear.rhoChannel, here.blockPoint, key.logChannels()),
                    Multilinear.eqEval(linear.sigmaSquare, here.blockPoint + 32 * key.logChannels(), AxesOf.LOG_SQUARES)
                );
                sum = Ext.mulAdd(eq, atSigma, sum);
            }
            sum = Ext.mulAdd(
                Multilinear.get(factors, ACTIVATION_COUNT),
                table(axes, here, key.part(ACTIVATION_COUNTS_AT), QUOTIENT_BITS),
                sum
            );
            sum = Ext.mulAdd(
                Multilinear.get(factors, RANGE_COUNT), table(axes, here, key.part(RANGE_COUNTS_AT), SCALE_LOG2), sum
            );
            sum = Ext.mulAdd(Multilinear.get(factors, WINNER), winners(key, statement, axes, here), sum);
            if (statement.withValues) sum = Ext.reduce(sum + values(key, statement, axes, here));
        }
    }

    /// @dev For `count` layers or groups of a part `sum over moves of eq_move eq(point, block)`, in memory.
    function movesSums(
        Key key,
        View memory here,
        Statement memory statement,
        Axes memory axes,
        uint256 part,
        uint256 count
    ) private pure returns (uint256 sums) {
        unchecked {
            sums = Multilinear.allocate(count);
            uint256 first = key.part(part);
            uint256 numMoves = statement.numMoves;
            for (uint256 i = 0; i < count; ++i) {
                // One move's eq is 1.
                Multilinear.put(
                    sums, i, numMoves == 1 ? eqBlock(here, first) : runSum(here, first, axes.eqMoves, numMoves)
                );
                first += numMoves;
            }
        }
    }

    /// @dev eq of a block's number.
    function eqBlock(View memory here, uint256 number) private pure returns (uint256) {
        unchecked {
            uint256 upper = Multilinear.get(here.eqUpper, number >> here.logLow);
            return Ext.mul(upper, Multilinear.get(here.eqLower, number & ((1 << here.logLow) - 1)));
        }
    }

    /// @dev `sum of weights[i] eq(first + i)` over `count` consecutive blocks: those with the same upper bits at a time.
    function runSum(View memory here, uint256 first, uint256 weights, uint256 count)
        private
        pure
        returns (uint256 sum)
    {
        unchecked {
            uint256 size = 1 << here.logLow;
            for (uint256 end = first + count; first < end;) {
                uint256 low = first & (size - 1);
                uint256 length = size - low;
                if (length > end - first) length = end - first;
                uint256 inner = Multilinear.dot(weights, here.eqLower + 32 * low, length);
                sum = Ext.mulAdd(Multilinear.get(here.eqUpper, first >> here.logLow), inner, sum);
                first += length;
                weights += 32 * length;
            }
        }
    }

    /// @dev `factor * sum over first of eq_first sums[first]`.
    function blocks(View memory here, uint256 sums, uint256 factor, uint256 eqFirst, uint256 count)
        private
        pure
        returns (uint256)
    {
        return Ext.mul(Multilinear.dot(eqFirst, sums, count), Multilinear.get(here.factors, factor));
    }

    /// @dev A multiplicity table's claim: its cube's eq times eq at the leaf point's last coordinates.
    function table(Axes memory axes, View memory here, uint256 cube, uint256 log) private pure returns (uint256) {
        unchecked {
            uint256 prefix = here.variables - log;
            return Ext.mul(
                Multilinear.eqIndex(here.point, prefix, cube),
                Multilinear.eqEval(here.point + 32 * prefix, axes.point + 32 * (axes.variables - log), log)
            );
        }
    }

    /// @dev `sum over moves of eq_move eq(point, entry of the winner's logit)`.
    function winners(Key key, Statement memory statement, Axes memory axes, View memory here)
        private
        pure
        returns (uint256 sum)
    {
        unchecked {
            uint256 logChannels = key.logChannels();
            uint256 squarePoint = here.blockPoint + 32 * logChannels;
            // A table costs as much as sixteen of its entries alone.
            bool many = statement.numMoves > 16;
            uint256 eqSquares = many ? Multilinear.eqTable(squarePoint, AxesOf.LOG_SQUARES) : 0;
            for (uint256 number = 0; number < statement.numMoves; ++number) {
                uint256 chosen = Multilinear.get(statement.moves + 32 * Statements.WORDS * number, Statements.CHOSEN);
                uint256 plane = chosen / 64;
                uint256 eq = Multilinear.eqIndex(here.blockPoint, logChannels, plane & ((1 << logChannels) - 1));
                uint256 square = chosen % 64;
                uint256 eqSquare = many
                    ? Multilinear.get(eqSquares, square)
                    : Multilinear.eqIndex(squarePoint, AxesOf.LOG_SQUARES, square);
                eq = Ext.mulNear(eqSquare, eq);
                eq = Ext.mulNear(eqBlock(here, logitBlock(key, statement, number, plane)), eq);
                sum = Ext.mulAdd(Multilinear.get(axes.eqMoves, number), eq, sum);
            }
        }
    }

    /// @dev The value claims' weights: ones on all squares of a value plane.
    function values(Key key, Statement memory statement, Axes memory axes, View memory here)
        private
        pure
        returns (uint256 sum)
    {
        unchecked {
            uint256 logChannels = key.logChannels();
            for (uint256 j = 0; j < 3; ++j) {
                uint256 plane = FIRST_VALUE_PLANE + j;
                uint256 inner = 0;
                for (uint256 number = 0; number < statement.numMoves; ++number) {
                    inner = Ext.mulAdd(
                        Multilinear.get(axes.eqMoves, number),
                        eqBlock(here, logitBlock(key, statement, number, plane)),
                        inner
                    );
                }
                uint256 eq = Multilinear.eqIndex(here.blockPoint, logChannels, plane & ((1 << logChannels) - 1));
                sum = Ext.mulAdd(Ext.mul(eq, inner), Multilinear.get(here.factors, VALUES + j), sum);
            }
        }
    }

    /// @dev Block of a move's logits that holds a plane of the head.
    function logitBlock(Key key, Statement memory statement, uint256 number, uint256 plane)
        private
        pure
        returns (uint256)
    {
        unchecked {
            return key.part(LOGITS_AT) + (plane >> key.logChannels()) * statement.numMoves + number;
        }
    }
}
