// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {ChessRules} from "../ChessRules.sol";
import {Axes, AxesOf} from "./Axes.sol";
import {Channel, Channels} from "./Channel.sol";
import {ColumnEvals, Columns, LeafClaims} from "./Columns.sol";
import {FinalClaim, OtherModel, Trailing} from "./Errors.sol";
import {IMoveVerifier} from "../interfaces/IMoveVerifier.sol";
import {Ext} from "./Ext.sol";
import {Key, Keys, Schedule} from "./Keys.sol";
import {Linear, LinearClaims} from "./Linear.sol";
import {Lookups} from "./Lookups.sol";
import {Multilinear} from "./Multilinear.sol";
import {Opening, OpeningClaim} from "./Opening.sol";
import {OpeningCall, OpeningVerifier} from "./OpeningVerifier.sol";
import {Packing} from "./Packing.sol";
import {Statement, Statements} from "./Statements.sol";

/// @title Verifies proofs of one model's moves: GKR, LogUp and WHIR over KoalaBear's quintic extension, Keccak-256 throughout
/// @notice The transcript is engine-circuit/src/verify.rs's, step for step. Everything that depends on the network lies in the key, the bytes that
/// `engine export-verifier` writes for a verifying key; a deployed verifier has no owner and no state.
contract MoveVerifier is IMoveVerifier {
    using Channels for Channel;

    /// @notice The key was written for another version of this contract.
    error OtherFormat();

    /// @dev Most bytes between two samples beside the statement: the columns' evaluations, and less.
    uint256 private constant ROOM = 512;

    /// @dev Holds the key behind a stop byte.
    address private immutable KEY_DATA;
    bytes32 private immutable MODEL_DIGEST;
    /// @dev Says which contenders are legal.
    ChessRules private immutable RULES;
    OpeningVerifier private immutable OPENINGS;

    /// @param key What `engine export-verifier` writes.
    /// @param rules The rules of chess.
    /// @param openings Where openings are verified. Like `rules` it is stateless and serves every model.
    constructor(bytes memory key, ChessRules rules, OpeningVerifier openings) {
        if (key.length < 64 || bytes32(key) != Keys.FORMAT) revert OtherFormat();
        bytes32 digest;
        address data;
        // Code that returns what follows it: a stop byte and the key.
        bytes memory creation = bytes.concat(hex"61", bytes2(uint16(key.length + 1)), hex"80600a3d393df300", key);
        assembly ("memory-safe") {
            digest := mload(add(key, 64))
            data := create(0, add(creation, 32), mload(creation))
        }
        if (data.code.length != key.length + 1) revert OtherFormat();
        KEY_DATA = data;
        MODEL_DIGEST = digest;
        (RULES, OPENINGS) = (rules, openings);
    }

    /// @inheritdoc IMoveVerifier
    function modelDigest() external view returns (bytes32) {
        return MODEL_DIGEST;
    }

    /// @inheritdoc IMoveVerifier
    /// @dev Returns if `proof` proves that every move of `statement` is the model's argmax over the statement's mask, with the level's noise;
    /// reverts with an error of `Errors.sol` otherwise. The caller answers for the statement: that the position is the game's and, without contenders, that
    /// the mask holds every legal move and that the move is legal.
    function verify(bytes calldata statement, bytes calldata proof) external view {
        Statement memory read = Statements.read(statement, RULES);
        if (read.digest != MODEL_DIGEST) revert OtherModel(read.digest);
        Key key = Keys.load(KEY_DATA, read.numMoves);
        Channel memory channel;
        {
            uint256 offset;
            uint256 statementOffset;
            assembly ("memory-safe") {
                offset := proof.offset
                statementOffset := statement.offset
            }
            channel = Channels.open(offset, proof.length, key.protocolState(), statement.length + ROOM);
            channel.observe(statementOffset, statement.length);
        }
        Witness memory witness;
        witness.root = channel.receiveRoot();
        witness.z = channel.sample();
        witness.outOfDomain = channel.receiveExt();
        LeafClaims memory leaf;
        leaf.alpha = channel.sample();
        leaf.beta = channel.sample();
        uint256 point;
        (point, leaf.numerator, leaf.denominator) = Lookups.verify(channel, key.logLeaves());

        ColumnEvals memory evals;
        {
            uint256 to;
            assembly ("memory-safe") {
                to := evals
            }
            channel.receiveTo(to, 8);
        }
        Axes memory axes = AxesOf.cut(key, read, point);
        Columns.check(key, KEY_DATA, read, axes, leaf, evals);
        LinearClaims memory linear = Linear.verify(channel, key, read, axes, evals.acc, evals.logit);
        open(channel, key, read, axes, evals, linear, witness, proof);
    }

    /// @dev Commitment of a proof's witness.
    struct Witness {
        uint256 root;
        uint256 z;
        uint256 outOfDomain;
    }

    /// @dev All evaluations have been sent: one challenge batches all claims on witness and weights, which are opened together.
    function open(
        Channel memory channel,
        Key key,
        Statement memory statement,
        Axes memory axes,
        ColumnEvals memory evals,
        LinearClaims memory linear,
        Witness memory witness,
        bytes calldata proof
    ) private view {
        unchecked {
            uint256 factors = Packing.powersOf(channel.sample());
            uint256 first = Multilinear.get(factors, Packing.WEIGHTS);
            uint256 second = Multilinear.get(factors, Packing.WEIGHTS + 1);
            Schedule schedule = key.schedule();
            OpeningClaim memory claim;
            {
                OpeningCall memory opening;
                opening.state = channel.lastState();
                opening.received = channel.received();
                opening.roots = [witness.root, key.weightsRoot()];
                opening.values[0] = Packing.value(statement, axes, evals, linear.source, witness.outOfDomain, factors);
                opening.values[1] = Ext.mulAdd2(first, key.weightsValue(), second, linear.weight, 0);
                opening.schedule = schedule.words();
                claim = Opening.claimOf(OPENINGS.verify(opening, proof[opening.received:]), schedule);
            }

            (uint256 point, uint256 factor) = Opening.tablePoint(claim, schedule, 0);
            uint256 weight = Packing.weightAt(key, statement, axes, linear, factors, witness.z, point);
            uint256 total = Ext.mulAdd(factor, weight, claim.added);
            (point, factor) = Opening.tablePoint(claim, schedule, 1);
            uint256 variables = key.weightVariables();
            uint256 eq = Multilinear.eqEval(point, linear.weightPoint, variables);
            uint256 powers = Multilinear.powersEval(key.weightsPoint(), point, variables);
            total = Ext.mulAdd(factor, Ext.mulAdd2(first, powers, second, eq, 0), total);
            if (Ext.mul(claim.tableValue, total) != claim.lastValue) revert FinalClaim();
            if (claim.trailing != 0) revert Trailing(claim.trailing);
        }
    }
}
