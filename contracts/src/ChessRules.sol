// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {LegalMoves} from "./libraries/LegalMoves.sol";
import {Policy} from "./libraries/Policy.sol";
import {Ending, Rules} from "./libraries/Rules.sol";
import {Move} from "./types/Move.sol";
import {Board, Meta, Positions} from "./types/Position.sol";

/// @title The rules of chess for callers off chain and for other contracts
/// @notice Stateless. Positions are those that legal play can reach: of others the answers mean nothing.
contract ChessRules {
    /// @notice Whether a move is legal.
    function isLegal(Board board, Meta meta, Move move) external pure returns (bool) {
        return Rules.isLegal(board, meta, move);
    }

    /// @notice The position after a move; reverts with `IllegalMove` if it is not legal.
    function play(Board board, Meta meta, Move move) external pure returns (Board, Meta) {
        return Rules.play(board, meta, move);
    }

    /// @notice The position after a whole line of moves; reverts with `IllegalMove` at the first that is not legal.
    function playAll(Board board, Meta meta, Move[] calldata moves) external pure returns (Board, Meta) {
        for (uint256 i = 0; i < moves.length; ++i) {
            (board, meta) = Rules.play(board, meta, moves[i]);
        }
        return (board, meta);
    }

    /// @notice Policy indices of all legal moves, ascending, two bytes each: as a statement has them.
    function legalMoves(Board board, Meta meta) external pure returns (bytes memory) {
        return LegalMoves.policyIndices(board, meta);
    }

    /// @notice Which of some policy indices, two bytes each, are legal moves: a byte each, 1 for a legal one, 0 for another that geometry allows, 2 for
    /// one that no move of any position has.
    function judge(Board board, Meta meta, bytes calldata indices) external pure returns (bytes memory verdicts) {
        unchecked {
            verdicts = new bytes(indices.length / 2);
            for (uint256 i = 0; i < verdicts.length; ++i) {
                uint256 index = uint16(bytes2(indices[2 * i:2 * i + 2]));
                (bool isLegal_, bool isGeometric) = Policy.isLegal(index, board, meta);
                verdicts[i] = isLegal_ ? bytes1(0x01) : isGeometric ? bytes1(0x00) : bytes1(0x02);
            }
        }
    }

    /// @notice Whether the side to move is in check.
    function inCheck(Board board, Meta meta) external pure returns (bool) {
        return Rules.inCheck(board, meta);
    }

    /// @notice How the rules end the game here, if they do.
    function ending(Board board, Meta meta) external pure returns (Ending) {
        return Rules.ending(board, meta);
    }

    /// @notice The policy index of a legal move.
    function policyIndex(Meta meta, Move move) external pure returns (uint256) {
        return move.policyIndex(meta.blackToMove());
    }

    /// @notice The position as the side to move sees it, as if it were White: what the network reads.
    function oriented(Board board, Meta meta) external pure returns (Board, Meta) {
        return Positions.oriented(board, meta);
    }

    /// @notice A position's 42 bytes in a statement.
    function statementBytes(Board board, Meta meta) external pure returns (bytes memory) {
        return Positions.statementBytes(board, meta);
    }
}
