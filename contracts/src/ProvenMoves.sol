// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {ChessRules} from "./ChessRules.sol";
import {ProvenTokens} from "./ProvenTokens.sol";
import {VerifierRouter} from "./VerifierRouter.sol";
import {IERC7007} from "./interfaces/IERC7007.sol";
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
contract ProvenMoves is ProvenTokens {
    /// @notice First word of every prompt.
    bytes32 public constant PROMPT_DOMAIN = keccak256("fairmate move 1");
    string public constant name = "Fairmate Proven Moves";
    string public constant symbol = "MATE";

    ChessRules public immutable rules;
    VerifierRouter public immutable router;

    /// @notice The proven move of each token.
    mapping(uint256 tokenId => Move) public moves;

    constructor(ChessRules rulesContract, VerifierRouter routerContract) {
        rules = rulesContract;
        router = routerContract;
    }

    /// @inheritdoc IERC7007
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        public
        view
        override
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

    /// @inheritdoc ProvenTokens
    function keep(uint256 tokenId, bytes calldata aigcData) internal override {
        moves[tokenId] = abi.decode(aigcData, (Move));
    }
}
