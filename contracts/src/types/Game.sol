// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Board, Meta} from "./Position.sol";

/// @notice What an operator offers one player: signed by the operator (EIP-712), taken by the player with `Settlement.open`. Its digest is the game's id.
struct Offer {
    /// Who runs the network, and whose deposit holds the operator's stake.
    address operator;
    /// The only account that can take the offer.
    address player;
    /// The network that plays (docs/network.md section 4).
    bytes32 modelDigest;
    /// Element 0 of the operator's seed chain (docs/network.md section 5), fixed before the player's nonce.
    bytes32 seedHead;
    /// Wei.
    uint128 playerStake;
    /// Wei.
    uint128 operatorStake;
    /// Wei that each side adds to its stake. In a game that went to dispute the loser's pays for the winner's gas.
    uint128 bond;
    /// Time to answer on chain.
    uint32 responseSeconds;
    /// Last time (seconds since 1970) at which the offer can be taken.
    uint40 expiry;
    /// Level of play, 1 to 7: level 8 plays the same moves every time and is not for stakes.
    uint8 level;
    /// Whether the player has the first move.
    bool playerIsWhite;
    /// Makes two offers differ.
    bytes32 salt;
}

/// @notice A position of a game, after a move: signed by the side that moved (EIP-712).
struct State {
    bytes32 gameId;
    Board board;
    Meta meta;
    /// Hash chain of the positions since the last capture or pawn move, this one included (`Games.historyAfter`).
    bytes32 history;
}

/// @notice What the operator adds to a move of its network on chain.
struct Evidence {
    /// Element of the seed chain for this move.
    bytes32 seedElement;
    /// Proof that the move is the network's; empty if the router has attested the statement before.
    bytes proof;
}

/// @notice How a game ends.
enum Outcome {
    PlayerWins,
    OperatorWins,
    Draw
}

/// @notice Why a game is over, for `Settlement.claimEnd`.
enum Claim {
    /// Mate, stalemate, bare material, seventy-five moves, or the greatest length.
    Rules,
    /// The position stands for the third time.
    Threefold,
    /// Fifty moves of each side without capture or pawn move.
    FiftyMoves,
    /// The claimant has not moved yet and wants its stake back.
    NotStarted
}

/// @title Ids and hashes of games
library Games {
    /// @notice EIP-712 type of `Offer`.
    bytes32 internal constant OFFER_TYPEHASH = keccak256(
        "Offer(address operator,address player,bytes32 modelDigest,bytes32 seedHead,uint128 playerStake,uint128 operatorStake,uint128 bond,uint32 responseSeconds,uint40 expiry,uint8 level,bool playerIsWhite,bytes32 salt)"
    );
    /// @notice EIP-712 type of `State`.
    bytes32 internal constant STATE_TYPEHASH =
        keccak256("State(bytes32 gameId,uint256 board,uint80 meta,bytes32 history)");
    /// @notice EIP-712 type of an agreed result.
    bytes32 internal constant RESULT_TYPEHASH = keccak256("Result(bytes32 gameId,uint8 outcome)");

    /// @notice EIP-712 hash of an offer, without the domain.
    function hash(Offer calldata offer) internal pure returns (bytes32) {
        // Every field is one word.
        return keccak256(abi.encode(OFFER_TYPEHASH, offer));
    }

    /// @notice EIP-712 hash of a state, without the domain.
    function hash(State memory state) internal pure returns (bytes32) {
        return keccak256(abi.encode(STATE_TYPEHASH, state));
    }

    /// @notice EIP-712 hash of a result, without the domain.
    function hash(bytes32 gameId, Outcome outcome) internal pure returns (bytes32) {
        return keccak256(abi.encode(RESULT_TYPEHASH, gameId, outcome));
    }

    /// @notice What repetition compares: board, side to move, castling rights, en passant.
    function positionKey(Board board, Meta meta) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(Board.unwrap(board), uint24(Meta.unwrap(meta) >> 24)));
    }

    /// @notice The hash chain after a position; it starts anew where nothing before can occur again.
    function historyAfter(bytes32 history, Board board, Meta meta) internal pure returns (bytes32) {
        if (meta.halfmoves() == 0) history = 0;
        return keccak256(abi.encode(history, positionKey(board, meta)));
    }
}
