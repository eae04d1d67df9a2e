// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {IERC7007} from "./interfaces/IERC7007.sol";
import {IERC721, IERC721Receiver} from "./interfaces/IERC721.sol";

/// @title Tokens of proven content (ERC-721, ERC-7007)
/// @notice A token's id is its prompt's Keccak-256. Whoever first brings a prompt with content that `verify` takes has the token.
abstract contract ProvenTokens is IERC721, IERC7007 {
    /// @notice Nobody has this token.
    error UnknownToken(uint256 tokenId);
    /// @notice The token is somebody's already.
    error AlreadyMinted(uint256 tokenId);
    /// @notice The id is not the prompt's hash.
    error WrongTokenId(uint256 expected, uint256 actual);
    /// @notice The content is not proven to be the answer.
    error NotProven(uint256 tokenId);
    /// @notice The caller may not do this with the token.
    error NotAuthorised(address caller, uint256 tokenId);
    /// @notice The token is not this account's.
    error WrongOwner(address account, uint256 tokenId);
    /// @notice The account can't hold tokens.
    error InvalidReceiver(address account);

    mapping(uint256 tokenId => address) private owners;
    mapping(address owner => uint256) private held;
    mapping(uint256 tokenId => address) private approvals;
    /// @inheritdoc IERC721
    mapping(address owner => mapping(address operator => bool)) public isApprovedForAll;

    /// @inheritdoc IERC7007
    function addAigcData(uint256 tokenId, bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        external
    {
        uint256 expected = uint256(keccak256(prompt));
        if (tokenId != expected) revert WrongTokenId(expected, tokenId);
        if (owners[tokenId] != address(0)) revert AlreadyMinted(tokenId);
        if (!verify(prompt, aigcData, proof)) revert NotProven(tokenId);
        owners[tokenId] = msg.sender;
        unchecked {
            // One for each token of its own: far from 2^256.
            ++held[msg.sender];
        }
        keep(tokenId, aigcData);
        emit Transfer(address(0), msg.sender, tokenId);
        emit AigcData(tokenId, prompt, aigcData, proof);
    }

    /// @inheritdoc IERC7007
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        public
        view
        virtual
        returns (bool success);

    /// @dev Remembers the content of a new token.
    function keep(uint256 tokenId, bytes calldata aigcData) internal virtual;

    /// @notice ERC-165.
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return interfaceId == 0x01ffc9a7 || interfaceId == type(IERC721).interfaceId
            || interfaceId == type(IERC7007).interfaceId;
    }

    /// @inheritdoc IERC721
    function balanceOf(address owner) external view returns (uint256) {
        if (owner == address(0)) revert InvalidReceiver(owner);
        return held[owner];
    }

    /// @inheritdoc IERC721
    function ownerOf(uint256 tokenId) public view returns (address owner) {
        owner = owners[tokenId];
        if (owner == address(0)) revert UnknownToken(tokenId);
    }

    /// @inheritdoc IERC721
    function getApproved(uint256 tokenId) external view returns (address) {
        ownerOf(tokenId);
        return approvals[tokenId];
    }

    /// @inheritdoc IERC721
    function approve(address approved, uint256 tokenId) external {
        address owner = ownerOf(tokenId);
        if (msg.sender != owner && !isApprovedForAll[owner][msg.sender]) revert NotAuthorised(msg.sender, tokenId);
        approvals[tokenId] = approved;
        emit Approval(owner, approved, tokenId);
    }

    /// @inheritdoc IERC721
    function setApprovalForAll(address operator, bool approved) external {
        isApprovedForAll[msg.sender][operator] = approved;
        emit ApprovalForAll(msg.sender, operator, approved);
    }

    /// @inheritdoc IERC721
    function transferFrom(address from, address to, uint256 tokenId) public {
        address owner = ownerOf(tokenId);
        if (owner != from) revert WrongOwner(from, tokenId);
        if (to == address(0)) revert InvalidReceiver(to);
        if (msg.sender != owner && msg.sender != approvals[tokenId] && !isApprovedForAll[owner][msg.sender]) {
            revert NotAuthorised(msg.sender, tokenId);
        }
        delete approvals[tokenId];
        owners[tokenId] = to;
        unchecked {
            // `from` holds this token.
            --held[from];
            ++held[to];
        }
        emit Transfer(from, to, tokenId);
    }

    /// @inheritdoc IERC721
    function safeTransferFrom(address from, address to, uint256 tokenId) external {
        safeTransferFrom(from, to, tokenId, "");
    }

    /// @inheritdoc IERC721
    function safeTransferFrom(address from, address to, uint256 tokenId, bytes memory data) public {
        transferFrom(from, to, tokenId);
        if (to.code.length == 0) return;
        bytes4 answer = IERC721Receiver(to).onERC721Received(msg.sender, from, tokenId, data);
        if (answer != IERC721Receiver.onERC721Received.selector) revert InvalidReceiver(to);
    }
}
