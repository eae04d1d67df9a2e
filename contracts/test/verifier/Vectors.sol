// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @notice The cheatcodes that the verifier's tests use.
interface VectorVm {
    function assertEq(uint256 actual, uint256 expected) external pure;
    function assertEq(bytes calldata actual, bytes calldata expected) external pure;
    function assertEq(string calldata actual, string calldata expected, string calldata message) external pure;
    function assertTrue(bool condition) external pure;
    /// @notice The next line of a file, empty behind the last.
    function readLine(string calldata path) external view returns (string memory line);
    function closeFile(string calldata path) external;
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonString(string calldata json, string calldata key) external pure returns (string memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function parseJsonUintArray(string calldata json, string calldata key) external pure returns (uint256[] memory);
    /// @notice Writes a number to snapshots/`group`.json.
    function snapshotValue(string calldata group, string calldata name, uint256 value) external;
}

/// @title Base of tests that read the known answers of `tests/vectors`
abstract contract VectorTest {
    VectorVm internal constant vm = VectorVm(address(uint160(uint256(keccak256("hevm cheat code")))));

    string internal constant FIELD = "../tests/vectors/verifier_field.jsonl";
    string internal constant PROOFS = "../tests/vectors/verifier_proofs.jsonl";
}
