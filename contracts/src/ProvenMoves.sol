// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {ChessRules} from "./ChessRules.sol";
import {VerifierRouter} from "./VerifierRouter.sol";
import {IERC7007} from "./interfaces/IERC7007.sol";
import {IERC721, IERC721Receiver} from "./interfaces/IERC721.sol";
import {Move} from "./types/Move.sol";
import {Board, Meta} from "./types/Position.sol";

/// @notice What the network was asked.
struct Question {
    bytes32 modelDigest;
    bytes32 gameId;
    /// 1 to 8.
    uint8 level;
    /// Of the move's noise; 0 at level 8, which has none.
    bytes32 seed;
    Board board;
    Meta meta;
}

/// @title Proven moves as tokens (ERC-7007)
/// @notice The prompt is `abi.encode(PROMPT_DOMAIN, Question)`, the content `abi.encode(Move)`; a token's id is the prompt's Keccak-256. Whoever first brings a question with its
/// proven answer has the token. `verify` has the proof verified by the router, or, where it is empty, asks what the router attested.
contract ProvenMoves is IERC721, IERC7007 {
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

    /// @notice First word of every prompt.
    bytes32 public constant PROMPT_DOMAIN = keccak256("fairmate move 1");
    string public constant name = "Fairmate Proven Moves";
    string public constant symbol = "MATE";

    ChessRules public immutable rules;
    VerifierRouter public immutable router;

    /// @notice The proven move of each token.
    mapping(uint256 tokenId => Move) public moves;
    mapping(uint256 tokenId => address) private owners;
    mapping(address owner => uint256) private held;
    mapping(uint256 tokenId => address) private approvals;
    /// @inheritdoc IERC721
    mapping(address owner => mapping(address operator => bool)) public isApprovedForAll;

    constructor(ChessRules rulesContract, VerifierRouter routerContract) {
        rules = rulesContract;
        router = routerContract;
    }

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
        moves[tokenId] = abi.decode(aigcData, (Move));
        emit Transfer(address(0), msg.sender, tokenId);
        emit AigcData(tokenId, prompt, aigcData, proof);
    }

    /// @inheritdoc IERC7007
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        public
        view
        returns (bool success)
    {
        if (prompt.length != 7 * 32 || aigcData.length != 32) return false;
        if (bytes32(prompt[:32]) != PROMPT_DOMAIN) return false;
        // Out of range, no question or move: said, not reverted.
        uint256 level = uint256(bytes32(prompt[96:128]));
        if (level == 0 || level > 8 || uint256(bytes32(prompt[192:])) > type(uint80).max) return false;
        if (uint256(bytes32(aigcData)) > type(uint16).max) return false;
        Question memory question = abi.decode(prompt[32:], (Question));
        if (level == 8 && question.seed != 0) return false;
        Move move = abi.decode(aigcData, (Move));
        if (!rules.isLegal(question.board, question.meta, move)) return false;
        try router.verify(statement(question, move), proof) {
            return true;
        } catch {
            return false;
        }
    }

    /// @notice The statement (docs/proof-format.md section 3) that a proof of an answer is about.
    function statement(Question memory question, Move move) public view returns (bytes memory) {
        bytes memory legalMoves = rules.legalMoves(question.board, question.meta);
        bytes memory head = bytes.concat(
            abi.encodePacked(question.modelDigest, question.gameId, uint16(1), question.level, uint8(0)),
            rules.statementBytes(question.board, question.meta),
            bytes2(uint16(legalMoves.length / 2)),
            legalMoves,
            bytes2(uint16(move.policyIndex(question.meta.blackToMove())))
        );
        return question.level == 8 ? head : bytes.concat(head, question.seed);
    }

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
