// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {VerifierRouter} from "./VerifierRouter.sol";
import {LegalMoves} from "./libraries/LegalMoves.sol";
import {Ending, Rules} from "./libraries/Rules.sol";
import {Move} from "./types/Move.sol";
import {Board, Meta, Positions} from "./types/Position.sol";

/// @notice What a game of a network is, but for its moves.
struct ProvenGame {
    /// The network that played one side.
    bytes32 modelDigest;
    bytes32 gameId;
    /// 1 to 8.
    uint8 level;
    /// Which side the network played.
    bool networkIsBlack;
    /// Element 0 of the seed chain, and the other side's part of every seed (docs/network.md section 5). Both 0 at level 8, which has no seeds.
    bytes32 seedHead;
    bytes32 nonce;
    /// The first position; `Positions.START_BOARD` and `START_META` for the usual one.
    Board board;
    Meta meta;
}

/// @notice What shows that a game's moves are the network's.
struct GameEvidence {
    /// Seed chain's element of the network's last move; 0 at level 8. Those before it are its hashes.
    bytes32 seedElement;
    /// For each of the network's moves the number of its contenders and their policy indices, two bytes each, as a statement has them
    /// (docs/proof-format.md section 3); or nothing at all, then the statement has the legal moves.
    bytes contenders;
    /// One proof of all the network's moves; empty if the router has attested them before.
    bytes proof;
}

/// @notice Where a game stands after its last move.
struct GameEnd {
    Board board;
    Meta meta;
    /// By the rules alone.
    Ending ending;
    /// The last position stands for the third time, or fifty moves went by without capture or pawn move.
    bool drawn;
}

/// @title Whole games of a network, verified in one transaction
/// @notice Replays a game by the rules, builds the statement about all moves of the network's side from what it replayed, and has one proof of it verified
/// by the router. Nothing of the statement but the contenders comes from the caller, and those the model's verifier judges.
contract GameVerifier {
    /// @notice A level that does not exist, or seeds at the level that has none.
    error UnacceptableLevel(uint8 level);
    /// @notice The moves are no list of two bytes each, or the network has none among them.
    error MalformedMoves(uint256 length);
    /// @notice The lists of contenders end before or behind those of the network's last move.
    error MalformedContenders(uint256 length);
    /// @notice The seed chain's element leads to this head, which is another.
    error WrongSeedElement(bytes32 head);

    event GameProven(
        bytes32 indexed modelDigest, bytes32 indexed gameId, bytes32 indexed statementHash, ProvenGame game, bytes moves
    );

    /// @dev Flag of a statement with contenders.
    uint8 private constant CONTENDERS = 2;

    /// @notice Where proofs are verified and attested.
    VerifierRouter public immutable router;

    constructor(VerifierRouter routerContract) {
        router = routerContract;
    }

    /// @notice Returns where the game stands after its moves if they are legal, and those of the network's side are proven to be the network's. Reverts otherwise.
    /// @param moves Of both sides, two bytes each (`Move`).
    function verify(ProvenGame calldata game, bytes calldata moves, GameEvidence calldata evidence)
        external
        view
        returns (GameEnd memory end)
    {
        bytes memory text;
        (text, end) = statement(game, moves, evidence.seedElement, evidence.contenders);
        router.verify(text, evidence.proof);
    }

    /// @notice The same, and the router remembers it: `verify` needs no proof for this game any more.
    function attest(ProvenGame calldata game, bytes calldata moves, GameEvidence calldata evidence)
        external
        returns (GameEnd memory end)
    {
        bytes memory text;
        (text, end) = statement(game, moves, evidence.seedElement, evidence.contenders);
        emit GameProven(game.modelDigest, game.gameId, keccak256(text), game, moves);
        router.attest(text, evidence.proof);
    }

    /// @notice The statement (docs/proof-format.md section 3) about all moves of the network's side, and where the game stands after the last move.
    function statement(ProvenGame calldata game, bytes calldata moves, bytes32 seedElement, bytes calldata contenders)
        public
        pure
        returns (bytes memory text, GameEnd memory end)
    {
        bool seeded = game.level < 8;
        if (
            game.level == 0 || game.level > 8
                || (!seeded && (game.seedHead != 0 || game.nonce != 0 || seedElement != 0))
        ) revert UnacceptableLevel(game.level);
        uint256 plies = moves.length / 2;
        // The side to move has the odd one.
        uint256 count = (plies + (game.meta.blackToMove() == game.networkIsBlack ? 1 : 0)) / 2;
        if (moves.length != 2 * plies || count == 0 || count > type(uint16).max) revert MalformedMoves(moves.length);
        bytes32[] memory seeds = seeded ? elements(game.seedHead, seedElement, count) : new bytes32[](0);
        bytes[] memory parts = new bytes[](count);
        uint256[2][] memory positions = new uint256[2][](plies + 1);
        end.board = game.board;
        end.meta = game.meta;
        uint256 length = 68;
        uint256 listed = 0;
        uint256 number = 0;
        for (uint256 ply = 0;; ++ply) {
            positions[ply] = [Board.unwrap(end.board), Meta.unwrap(end.meta)];
            if (ply == plies) break;
            Move move = Move.wrap(uint16(bytes2(moves[2 * ply:2 * ply + 2])));
            if (end.meta.blackToMove() == game.networkIsBlack) {
                bytes memory list;
                (list, listed) = mask(end, contenders, listed);
                parts[number] = bytes.concat(
                    Positions.statementBytes(end.board, end.meta),
                    list,
                    bytes2(uint16(move.policyIndex(game.networkIsBlack))),
                    seeded ? bytes.concat(seed(game.nonce, seeds[number], end.meta)) : bytes("")
                );
                length += parts[number].length;
                ++number;
            }
            (end.board, end.meta) = Rules.play(end.board, end.meta, move);
        }
        if (listed != contenders.length) revert MalformedContenders(contenders.length);
        end.ending = Rules.ending(end.board, end.meta);
        end.drawn = end.meta.halfmoves() >= 100 || isThreefold(positions);
        bytes memory header = abi.encodePacked(
            game.modelDigest, game.gameId, uint16(count), game.level, contenders.length == 0 ? 0 : CONTENDERS
        );
        text = joined(header, parts, length);
    }

    /// @dev Length and indices of the mask, or contenders from `listed` on, and where those of the next move begin.
    function mask(GameEnd memory here, bytes calldata contenders, uint256 listed)
        private
        pure
        returns (bytes memory list, uint256 next)
    {
        if (contenders.length == 0) {
            bytes memory legal = LegalMoves.policyIndices(here.board, here.meta);
            return (bytes.concat(bytes2(uint16(legal.length / 2)), legal), 0);
        }
        if (contenders.length < listed + 2) revert MalformedContenders(contenders.length);
        next = listed + 2 + 2 * uint256(uint16(bytes2(contenders[listed:listed + 2])));
        if (contenders.length < next) revert MalformedContenders(contenders.length);
        list = contenders[listed:next];
    }

    /// @dev Elements 1, 2, .. of a seed chain from the last of them.
    function elements(bytes32 head, bytes32 last, uint256 count) private pure returns (bytes32[] memory chain) {
        chain = new bytes32[](count);
        for (uint256 i = count; i > 0; --i) {
            chain[i - 1] = last;
            last = keccak256(abi.encode(last));
        }
        if (last != head) revert WrongSeedElement(last);
    }

    function seed(bytes32 nonce, bytes32 element, Meta meta) private pure returns (bytes32) {
        return keccak256(abi.encodePacked("fairmate seed 1", nonce, element, uint32(meta.ply())));
    }

    /// @dev Whether the last position occurred twice before: board, side to move, castling rights and en passant.
    function isThreefold(uint256[2][] memory positions) private pure returns (bool) {
        uint256[2] memory last = positions[positions.length - 1];
        uint256 occurrences = 1;
        for (uint256 i = positions.length - 1; i > 0;) {
            --i;
            if (positions[i][0] == last[0] && (positions[i][1] ^ last[1]) >> 24 & 0xffffff == 0) ++occurrences;
        }
        return occurrences >= 3;
    }

    /// @dev All parts behind the header; `length` is that of all together.
    function joined(bytes memory header, bytes[] memory parts, uint256 length)
        private
        pure
        returns (bytes memory text)
    {
        text = new bytes(length);
        uint256 to;
        assembly ("memory-safe") {
            to := add(text, 32)
            mcopy(to, add(header, 32), mload(header))
            to := add(to, mload(header))
        }
        for (uint256 i = 0; i < parts.length; ++i) {
            bytes memory part = parts[i];
            assembly ("memory-safe") {
                mcopy(to, add(part, 32), mload(part))
                to := add(to, mload(part))
            }
        }
    }
}
