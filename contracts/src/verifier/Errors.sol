// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

// Why a proof is rejected: the names are those of the Rust verifier's errors (engine-circuit/src/verify.rs and below), so that a test
// vector names one error for both.

/// @notice The statement's bytes are not those of a statement, at this byte.
error MalformedStatement(uint256 offset);
/// @notice The statement is about another model.
error OtherModel(bytes32 digest);
/// @notice The key holds no sizes for this number of moves.
error UnsupportedNumMoves(uint256 numMoves);
/// @notice The chosen move of the statement's move `number` is not in its mask.
error IllegalMove(uint256 number);
/// @notice The proof ends at this byte, more is expected.
error Truncated(uint256 offset);
/// @notice This many bytes follow the end of the proof.
error Trailing(uint256 count);
/// @notice A field element before this byte is not canonical.
error NonCanonical(uint256 offset);
/// @notice The proof of work before this byte is missing.
error Grinding(uint256 offset);
/// @notice The lookups do not balance.
error RootNumerator();
/// @notice The lookups' common denominator is zero.
error RootDenominator();
/// @notice A level of the lookup tree does not follow from the next.
error Level(uint256 level);
/// @notice The lookup tree's numerators do not follow from the columns.
error Numerator();
/// @notice The lookup tree's denominators do not follow from the columns.
error Denominator();
/// @notice The accumulators are not the weights times the inputs.
error Weights();
/// @notice The layers' inputs are not the activations and the position's planes.
error Source();
/// @notice The rows opened from a table (0 witness, 1 weights) do not lead to its root.
error TableRoot(uint256 table);
/// @notice The rows opened from a later word do not lead to its root.
error Root(uint256 word);
/// @notice A row of the last word does not fold to the table sent.
error LastWord();
/// @notice The opening's last claim is false.
error FinalClaim();
