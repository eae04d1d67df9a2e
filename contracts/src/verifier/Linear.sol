// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Axes, AxesOf} from "./Axes.sol";
import {Channel, Channels} from "./Channel.sol";
import {Source, Weights} from "./Errors.sol";
import {Ext} from "./Ext.sol";
import {Key} from "./Keys.sol";
import {Multilinear} from "./Multilinear.sol";
import {Statement, Statements} from "./Statements.sol";
import {Sumcheck} from "./Sumcheck.sol";

/// @notice What remains of the identity (`LinearClaims`): points are memory pointers.
struct LinearClaims {
    /// @dev Point of the weights: slot, output channel, input channel.
    uint256 weightPoint;
    uint256 weight;
    uint256 sigmaSource;
    uint256 rhoChannel;
    uint256 sigmaSquare;
    uint256 source;
}

/// @title The one identity of all layers, head and moves (engine-circuit/src/argument/linear.rs)
library Linear {
    using Channels for Channel;

    uint256 private constant KERNEL = 9;
    uint256 private constant CENTRE = 4;
    uint256 private constant NUM_PLANES = 20;
    uint256 private constant PLANE_ON = 128;
    uint256 private constant MAX_CLOCK = 127;

    /// @dev What both halves need.
    struct Public {
        /// @dev Factor of each layer, past the trunk of the head's groups.
        uint256 factors;
        uint256 eqSlots;
        uint256 eqChannels;
    }

    /// @notice Verifies that `acc` and `logit` follow from the returned claims.
    function verify(
        Channel memory channel,
        Key key,
        Statement memory statement,
        Axes memory axes,
        uint256 acc,
        uint256 logit
    ) internal pure returns (LinearClaims memory claims) {
        unchecked {
            uint256 logSlots = key.logSlots();
            uint256 logChannels = key.logChannels();
            uint256 gamma = channel.sample();
            Public memory shared;
            shared.factors = factorsOf(key, axes, gamma);
            // Slot, output channel, input channel: the sumcheck's point with tau_c in between.
            claims.weightPoint = Multilinear.allocate(logSlots + 2 * logChannels);
            claims.rhoChannel = claims.weightPoint + 32 * (logSlots + logChannels);
            uint256 claim;
            {
                uint256 rho = Multilinear.allocate(logSlots + logChannels);
                claim = Sumcheck.verify(channel, Ext.mulAdd(gamma, logit, acc), logSlots + logChannels, rho);
                Multilinear.copy(claims.weightPoint, rho, logSlots);
                Multilinear.copy(claims.weightPoint + 32 * logSlots, axes.channel, logChannels);
                Multilinear.copy(claims.rhoChannel, rho + 32 * logSlots, logChannels);
            }
            shared.eqSlots = Multilinear.eqTable(claims.weightPoint, logSlots);
            shared.eqChannels = Multilinear.eqTable(claims.rhoChannel, logChannels);
            uint256 input;
            (claims.weight, input) = channel.receivePair();
            {
                // The skip slot's kernel is the identity.
                uint256 eq = Multilinear.eqEval(axes.channel, claims.rhoChannel, logChannels);
                uint256 weight = Ext.mulAdd(eq, Multilinear.get(shared.eqSlots, key.skipSlot()), claims.weight);
                if (Ext.mul(weight, input) != claim) revert Weights();
            }
            {
                uint256 logSources = key.logSources();
                claims.sigmaSource = Multilinear.allocate(logSources + AxesOf.LOG_SQUARES);
                claims.sigmaSquare = claims.sigmaSource + 32 * logSources;
                claim = Ext.sub(input, Ext.mul(biasInput(key, shared), axes.moves));
                claim = Sumcheck.verify(channel, claim, logSources + AxesOf.LOG_SQUARES, claims.sigmaSource);
                claims.source = channel.receiveExt();
                uint256 eqSources = Multilinear.eqTable(claims.sigmaSource, logSources);
                uint256 planes = planesEval(
                    statement,
                    axes,
                    planeFactors(key, shared.eqChannels, eqSources),
                    Multilinear.eqTable(claims.sigmaSquare, AxesOf.LOG_SQUARES)
                );
                uint256 matrix = matrixEval(key, shared, eqSources, shiftEvals(axes.square, claims.sigmaSquare));
                if (Ext.mul(matrix, claims.source + planes) != claim) revert Source();
            }
        }
    }

    /// @dev `factor[layer]`, past the trunk `gamma` times eq of the head's groups; entry 0 is not used.
    function factorsOf(Key key, Axes memory axes, uint256 gamma) private pure returns (uint256 factors) {
        unchecked {
            uint256 trunk = key.numLayers() + 1;
            uint256 groups = key.headGroups();
            factors = Multilinear.allocate(trunk + groups);
            Multilinear.copy(factors, axes.eqLayers, trunk);
            for (uint256 group = 0; group < groups; ++group) {
                Multilinear.put(factors, trunk + group, Ext.mul(gamma, Multilinear.get(axes.eqGroups, group)));
            }
        }
    }

    /// @dev What the bias slots add to the inputs, but for the moves: layer `l`'s is channel `(l - 1) mod width` of a slot.
    function biasInput(Key key, Public memory shared) private pure returns (uint256 sum) {
        unchecked {
            uint256 logChannels = key.logChannels();
            uint256 biased = key.numLayers() + key.headGroups();
            uint256 slot = shared.eqSlots + 32 * key.firstBiasSlot();
            for (uint256 first = 0; first < biased; first += 1 << logChannels) {
                uint256 count = biased - first;
                if (count > 1 << logChannels) count = 1 << logChannels;
                uint256 inner = Multilinear.dot(shared.eqChannels, shared.factors + 32 * (first + 1), count);
                sum = Ext.mulAdd(inner, Multilinear.get(slot, 0), sum);
                slot += 32;
            }
        }
    }

    /// @dev The public matrix at (slots, sources, squares): every kernel slot and the skips.
    function matrixEval(Key key, Public memory shared, uint256 eqSources, uint256 shifts)
        private
        pure
        returns (uint256 sum)
    {
        unchecked {
            uint256 slot = shared.eqSlots;
            for (uint256 i = 0; i < key.numKernels(); ++i) {
                (uint256 layer, uint256 source) = key.kernel(i);
                uint256 kernel = Multilinear.dot(slot, shifts, KERNEL);
                uint256 factor = Ext.mul(Multilinear.get(shared.factors, layer), Multilinear.get(eqSources, source));
                sum = Ext.mulAdd(factor, kernel, sum);
                slot += 32 * KERNEL;
            }
            // 1x1 kernels of the head on the last layer, and the skips: the centre alone.
            uint256 trunk = key.numLayers();
            uint256 centre = Multilinear.dot(slot, shared.factors + 32 * (trunk + 1), key.headGroups());
            centre = Ext.mul(centre, Multilinear.get(eqSources, trunk));
            uint256 skips;
            for (uint256 i = 0; i < key.numSkips(); ++i) {
                (uint256 layer, uint256 scale) = key.skip(i);
                uint256 factor = Ext.mul(Multilinear.get(shared.factors, layer), Multilinear.get(eqSources, layer - 2));
                skips += Ext.mulBase(factor, scale);
            }
            skips = Ext.reduce(skips);
            centre = Ext.mulAdd(Multilinear.get(shared.eqSlots, key.skipSlot()), skips, centre);
            sum = Ext.mulAdd(centre, Multilinear.get(shifts, CENTRE), sum);
        }
    }

    /// @dev Every kernel offset on (tau_s, sigma_s), rank times file.
    function shiftEvals(uint256 tau, uint256 sigma) private pure returns (uint256 shifts) {
        unchecked {
            shifts = Multilinear.allocate(KERNEL);
            uint256 axes = Multilinear.allocate(6);
            for (uint256 axis = 0; axis < 2; ++axis) {
                uint256 a = Multilinear.eqTable(tau + 96 * axis, 3);
                uint256 b = Multilinear.eqTable(sigma + 96 * axis, 3);
                Multilinear.put(axes, 3 * axis, Multilinear.dot(a + 32, b, 7));
                Multilinear.put(axes, 3 * axis + 1, Multilinear.dot(a, b, 8));
                Multilinear.put(axes, 3 * axis + 2, Multilinear.dot(a, b + 32, 7));
            }
            for (uint256 offset = 0; offset < KERNEL; ++offset) {
                uint256 rank = Multilinear.get(axes, offset / 3);
                Multilinear.put(shifts, offset, Ext.mul(rank, Multilinear.get(axes, 3 + offset % 3)));
            }
        }
    }

    /// @dev eq of (source, channel) of every input plane, times the plane's entry.
    function planeFactors(Key key, uint256 eqChannels, uint256 eqSources) private pure returns (uint256 factors) {
        unchecked {
            uint256 logChannels = key.logChannels();
            factors = Multilinear.allocate(NUM_PLANES);
            for (uint256 plane = 0; plane < NUM_PLANES; ++plane) {
                uint256 group = plane >> logChannels;
                uint256 source = Multilinear.get(eqSources, group == 0 ? 0 : key.numLayers() + group);
                uint256 factor = Ext.mul(source, Multilinear.get(eqChannels, plane & ((1 << logChannels) - 1)));
                // The clock's plane holds the clock.
                Multilinear.put(factors, plane, plane == 17 ? factor : Ext.reduce(factor * PLANE_ON));
            }
        }
    }

    /// @dev The input planes of all moves at (sigma_l, tau_k, rho_i, sigma_s): docs/network.md section 1, read off the statement's positions.
    function planesEval(Statement memory statement, Axes memory axes, uint256 factors, uint256 eqSquares)
        private
        pure
        returns (uint256 sum)
    {
        unchecked {
            uint256 pieces = Multilinear.allocate(12);
            for (uint256 number = 0; number < statement.numMoves; ++number) {
                uint256 cursor = Multilinear.get(statement.moves + 32 * Statements.WORDS * number, Statements.POSITION);
                // side, castling, en passant, clock, from, to.
                uint256 rest = Statements.word(cursor + 36) >> 208;
                uint256 black = rest >> 40;
                uint256 value = piecePlanes(Statements.word(cursor + 4), black, eqSquares, factors, pieces);
                uint256 lazy = 0;
                uint256 castling = (rest >> 32) & 15;
                // The mover's rights first.
                if (black == 1) castling = (castling >> 2) | ((castling & 3) << 2);
                for (uint256 bit = 0; bit < 4; ++bit) {
                    if ((castling >> bit) & 1 == 1) lazy += Multilinear.get(factors, 12 + bit);
                }
                uint256 clock = (rest >> 16) & 0xff;
                if (clock > MAX_CLOCK) clock = MAX_CLOCK;
                lazy += Multilinear.get(factors, 17) * clock;
                value += Ext.reduce(lazy);
                value = onSquare((rest >> 24) & 0xff, black, eqSquares, Multilinear.get(factors, 16), value);
                value = onSquare((rest >> 8) & 0xff, black, eqSquares, Multilinear.get(factors, 18), value);
                value = onSquare(rest & 0xff, black, eqSquares, Multilinear.get(factors, 19), value);
                sum = Ext.mulAdd(Multilinear.get(axes.eqMoves, number), value, sum);
            }
        }
    }

    /// @dev Adds a plane of one square to a lazy value; lanes of the result below `2^32`.
    function onSquare(uint256 square, uint256 black, uint256 eqSquares, uint256 factor, uint256 value)
        private
        pure
        returns (uint256)
    {
        unchecked {
            if (square == 64) return value;
            return Ext.mulAdd(factor, Multilinear.get(eqSquares, square ^ (56 * black)), value);
        }
    }

    /// @dev The twelve planes of pieces: the mover's, pawn to king, then the other side's.
    function piecePlanes(uint256 board, uint256 black, uint256 eqSquares, uint256 factors, uint256 pieces)
        private
        pure
        returns (uint256 sum)
    {
        unchecked {
            assembly ("memory-safe") {
                calldatacopy(pieces, calldatasize(), 384)
                let flip := mul(56, black)
                for {} board {} {
                    // The lowest square left.
                    let square := shr(2, clz(board))
                    let shift := sub(252, shl(2, square))
                    let piece := shr(shift, board)
                    board := xor(board, shl(shift, piece))
                    // Six words of planes for the mover, then six for the other side.
                    let slot := add(pieces, sub(add(shl(5, and(piece, 7)), mul(192, xor(shr(3, piece), black))), 32))
                    mstore(slot, add(mload(slot), mload(add(eqSquares, shl(5, xor(square, flip))))))
                }
            }
            for (uint256 plane = 0; plane < 12; ++plane) {
                Multilinear.put(pieces, plane, Ext.near(Multilinear.get(pieces, plane)));
            }
            sum = Multilinear.dot(factors, pieces, 12);
        }
    }
}
