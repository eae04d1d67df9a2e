// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @notice The cheatcodes in use. npm has no official copy of forge's library, so they are declared here.
interface Vm {
    // Fail the test unless both are equal, with a text where it does not say itself what is compared.
    function assertEq(uint256 actual, uint256 expected) external pure;
    function assertEq(uint256 actual, uint256 expected, string calldata what) external pure;
    function assertEq(bool actual, bool expected, string calldata what) external pure;
    function assertEq(bytes calldata actual, bytes calldata expected) external pure;
    function assertTrue(bool condition) external pure;
    function assertTrue(bool condition, string calldata what) external pure;
    /// @notice The next call must revert with exactly these bytes.
    function expectRevert(bytes calldata data) external;
    /// @notice The next call must revert with this custom error, whatever its values.
    function expectPartialRevert(bytes4 selector) external;
    /// @notice Writes the gas of the last call to snapshots/GROUP.json, or compares it where FORGE_SNAPSHOT_CHECK is set.
    function snapshotGasLastCall(string calldata group, string calldata name) external returns (uint256);
    /// @notice The next call comes from this account.
    function prank(address sender) external;
    /// @notice Sets an account's balance.
    function deal(address account, uint256 balance) external;
    /// @notice Sets the time.
    function warp(uint256 timestamp) external;
    /// @notice Sets the chain's id.
    function chainId(uint256 id) external;
    /// @notice Signs with a private key.
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    /// @notice The account of a private key.
    function addr(uint256 key) external pure returns (address);
}

/// @title Base of all tests
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
}
