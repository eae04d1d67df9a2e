// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @title ERC-7007: tokens of content whose making is verifiable
/// @notice Interface id 0x702c55a6.
interface IERC7007 {
    /// @notice Content was added to a token.
    event AigcData(uint256 indexed tokenId, bytes indexed prompt, bytes indexed aigcData, bytes proof);

    /// @notice Adds the content that a model made of a prompt to the prompt's token.
    /// @param tokenId Keccak-256 of the prompt.
    function addAigcData(uint256 tokenId, bytes calldata prompt, bytes calldata aigcData, bytes calldata proof) external;

    /// @notice Whether the proof shows that the content is the model's answer to the prompt.
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        external
        view
        returns (bool success);
}
