// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {ChessRules} from "../../src/ChessRules.sol";
import "../../src/verifier/Errors.sol" as Errors;
import {MoveVerifier} from "../../src/verifier/MoveVerifier.sol";
import {OpeningVerifier} from "../../src/verifier/OpeningVerifier.sol";
import {VectorTest} from "./Vectors.sol";

/// @notice Whole proofs, honest and changed, against the known answers of the Rust verifier.
contract MoveVerifierTest is VectorTest {
    MoveVerifier private verifier;

    /// @dev The first line is the key.
    function setUp() public {
        verifier =
            new MoveVerifier(vm.parseJsonBytes(vm.readLine(PROOFS), ".key"), new ChessRules(), new OpeningVerifier());
    }

    /// @dev The name of an error, "ok" without one.
    function verdict(bytes memory statement, bytes memory proof) private view returns (string memory) {
        try verifier.verify(statement, proof) {
            return "ok";
        } catch (bytes memory reason) {
            return nameOf(bytes4(reason));
        }
    }

    function nameOf(bytes4 selector) private pure returns (string memory) {
        if (selector == Errors.MalformedStatement.selector) return "MalformedStatement";
        if (selector == Errors.OtherModel.selector) return "OtherModel";
        if (selector == Errors.UnsupportedNumMoves.selector) return "UnsupportedNumMoves";
        if (selector == Errors.IllegalMove.selector) return "IllegalMove";
        if (selector == Errors.Truncated.selector) return "Truncated";
        if (selector == Errors.Trailing.selector) return "Trailing";
        if (selector == Errors.NonCanonical.selector) return "NonCanonical";
        if (selector == Errors.Grinding.selector) return "Grinding";
        if (selector == Errors.RootNumerator.selector) return "RootNumerator";
        if (selector == Errors.RootDenominator.selector) return "RootDenominator";
        if (selector == Errors.Level.selector) return "Level";
        if (selector == Errors.Numerator.selector) return "Numerator";
        if (selector == Errors.Denominator.selector) return "Denominator";
        if (selector == Errors.Weights.selector) return "Weights";
        if (selector == Errors.Source.selector) return "Source";
        if (selector == Errors.TableRoot.selector) return "TableRoot";
        if (selector == Errors.Root.selector) return "Root";
        if (selector == Errors.LastWord.selector) return "LastWord";
        if (selector == Errors.FinalClaim.selector) return "FinalClaim";
        return "an error that is not ours";
    }

    function testVectors() public view {
        uint256 count = 0;
        bytes memory statement;
        bytes memory honest;
        string memory title;
        for (string memory line = vm.readLine(PROOFS); bytes(line).length > 0; line = vm.readLine(PROOFS)) {
            if (vm.keyExistsJson(line, ".key")) continue;
            string memory name = vm.parseJsonString(line, ".name");
            string memory expected = vm.parseJsonString(line, ".expected");
            bytes memory proof;
            if (vm.keyExistsJson(line, ".of")) {
                // Changes of the last honest proof.
                vm.assertEq(vm.parseJsonString(line, ".of"), title, name);
                uint256 place = vm.parseJsonUint(line, ".at");
                proof = edited(honest, place, vm.parseJsonBytes(line, ".xor"), vm.parseJsonUint(line, ".length"));
            } else {
                title = name;
                statement = vm.parseJsonBytes(line, ".statement");
                honest = vm.parseJsonBytes(line, ".proof");
                proof = honest;
            }
            vm.assertEq(verdict(statement, proof), expected, name);
            ++count;
        }
        vm.assertTrue(count > 100);
    }

    /// @notice Statements that differ from the proven one, and those that are none.
    function testStatements() public {
        bytes memory statement;
        bytes memory proof;
        for (string memory line = vm.readLine(PROOFS); bytes(line).length > 0; line = vm.readLine(PROOFS)) {
            if (vm.keyExistsJson(line, ".key") || vm.keyExistsJson(line, ".of") || proof.length > 0) continue;
            statement = vm.parseJsonBytes(line, ".statement");
            proof = vm.parseJsonBytes(line, ".proof");
        }
        uint256 start = gasleft();
        verifier.verify(statement, proof);
        vm.snapshotValue("verifier", "single: execution gas", start - gasleft());
        vm.snapshotValue("verifier", "single: bytes of statement and proof", statement.length + proof.length);
        // Another model, game, ply, side to move, and board, each with the same proof.
        check(statement, proof, 31, 1, "OtherModel");
        check(statement, proof, 63, 1, "Level");
        check(statement, proof, 71, 1, "Level");
        check(statement, proof, 104, 1, "Level");
        check(statement, proof, 72, 0x10, "Level");
        // Number of moves, level, flags, board, side, castling, squares.
        check(statement, proof, 65, 1, "MalformedStatement");
        check(statement, proof, 65, 2, "MalformedStatement");
        check(statement, proof, 66, 8, "MalformedStatement");
        check(statement, proof, 67, 4, "MalformedStatement");
        check(statement, proof, 72, uint8(statement[72]) ^ 0x77, "MalformedStatement");
        check(statement, proof, 104, 2, "MalformedStatement");
        check(statement, proof, 105, 0x10, "MalformedStatement");
        check(statement, proof, 106, 0x80, "MalformedStatement");
        check(statement, proof, 108, 0x80, "MalformedStatement");
        check(statement, proof, 109, 0x80, "MalformedStatement");
        // Length of the mask, its order, its range; a move outside it.
        check(statement, proof, 111, 1, "MalformedStatement");
        check(statement, proof, 112, 0x40, "MalformedStatement");
        check(statement, proof, statement.length - 4, 0x40, "MalformedStatement");
        check(statement, proof, statement.length - 1, 0x80, "IllegalMove");
        vm.assertEq(verdict(twice(statement), proof), "MalformedStatement", "an index twice");
        vm.assertEq(verdict(bytes.concat(statement, hex"00"), proof), "MalformedStatement", "a byte too many");
        vm.assertEq(verdict(new bytes(67), proof), "MalformedStatement", "no header");
    }

    /// @notice Statements with contenders that differ from the proven one.
    function testContenders() public {
        bytes memory statement;
        bytes memory proof;
        for (string memory line = vm.readLine(PROOFS); bytes(line).length > 0; line = vm.readLine(PROOFS)) {
            if (vm.keyExistsJson(line, ".key") || vm.keyExistsJson(line, ".of")) continue;
            if (keccak256(bytes(vm.parseJsonString(line, ".name"))) != keccak256("contenders")) continue;
            statement = vm.parseJsonBytes(line, ".statement");
            proof = vm.parseJsonBytes(line, ".proof");
        }
        vm.assertEq(verdict(statement, proof), "ok", "honest");
        uint256 start = gasleft();
        verifier.verify(statement, proof);
        vm.snapshotValue("verifier", "contenders: execution gas", start - gasleft());
        // As a list of legal moves, contenders do not hold the move.
        check(statement, proof, 67, 2, "IllegalMove");
        // The first contender's plane: no such index, or one that the board has no room for.
        check(statement, proof, 112, 0x40, "MalformedStatement");
        // The move.
        check(statement, proof, statement.length - 2, 0x40, "IllegalMove");
        vm.assertEq(verdict(twice(statement), proof), "MalformedStatement", "a contender twice");
        vm.assertEq(verdict(bytes.concat(statement, hex"00"), proof), "MalformedStatement", "a byte too many");
    }

    /// @dev The mask's second index is its first.
    function twice(bytes memory statement) private pure returns (bytes memory changed) {
        changed = bytes.concat(statement);
        (changed[114], changed[115]) = (changed[112], changed[113]);
    }

    function check(bytes memory statement, bytes memory proof, uint256 place, uint8 xor, string memory expected)
        private
        view
    {
        statement[place] ^= bytes1(xor);
        vm.assertEq(verdict(statement, proof), expected, expected);
        statement[place] ^= bytes1(xor);
    }

    function edited(bytes memory proof, uint256 place, bytes memory xor, uint256 length)
        private
        pure
        returns (bytes memory bad)
    {
        bad = new bytes(length);
        for (uint256 i = 0; i < length && i < proof.length; i += 32) {
            assembly ("memory-safe") {
                mstore(add(add(bad, 32), i), mload(add(add(proof, 32), i)))
            }
        }
        // The last word may have copied what lies behind the proof.
        for (uint256 i = proof.length; i < length; ++i) {
            bad[i] = 0;
        }
        for (uint256 i = 0; i < xor.length; ++i) {
            bad[place + i] ^= xor[i];
        }
    }
}
