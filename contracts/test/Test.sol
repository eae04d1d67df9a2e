// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @notice The cheatcodes in use. npm has no official copy of forge's library, so they are declared here.
interface Vm {
    /// @notice Fails the test unless both are equal.
    function assertEq(uint256 actual, uint256 expected) external pure;
    function assertEq(bytes calldata actual, bytes calldata expected) external pure;
    function assertTrue(bool condition) external pure;
}

/// @title Base of all tests
abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
}
