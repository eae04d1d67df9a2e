// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {GameEnd, GameEvidence, GameVerifier, ProvenGame} from "./GameVerifier.sol";
import {ProvenTokens} from "./ProvenTokens.sol";
import {Ending} from "./libraries/Rules.sol";

/// @title Finished games of a network as tokens (ERC-7007)
/// @notice The prompt is `abi.encode(PROMPT_DOMAIN, ProvenGame)`, the content the moves (`GameVerifier.verify`), the proof `abi.encode(GameEvidence)`, whose own proof may be
/// empty where the router has attested the game. A game is finished where the rules end it, its last position stands for the third time, or fifty moves
/// went by without capture or pawn move: a resignation proves nothing of what was on the board.
contract ProvenGames is ProvenTokens {
    /// @notice First word of every prompt.
    bytes32 public constant PROMPT_DOMAIN = keccak256("fairmate game 1");
    string public constant name = "Fairmate Proven Games";
    string public constant symbol = "GAME";

    GameVerifier public immutable gameVerifier;

    /// @notice Keccak-256 of each token's moves.
    mapping(uint256 tokenId => bytes32) public movesHash;

    constructor(GameVerifier verifier) {
        gameVerifier = verifier;
    }

    /// @inheritdoc ProvenTokens
    function verify(bytes calldata prompt, bytes calldata aigcData, bytes calldata proof)
        public
        view
        override
        returns (bool success)
    {
        if (prompt.length != 9 * 32 || bytes32(prompt[:32]) != PROMPT_DOMAIN) return false;
        // What is no game or no evidence reverts inside, where it is caught.
        try this.isFinished(prompt[32:], aigcData, proof) returns (bool finished) {
            return finished;
        } catch {
            return false;
        }
    }

    /// @notice Whether the game is proven and finished; reverts if it is not proven.
    /// @param game `abi.encode(ProvenGame)`.
    /// @param evidence `abi.encode(GameEvidence)`.
    function isFinished(bytes calldata game, bytes calldata moves, bytes calldata evidence)
        external
        view
        returns (bool)
    {
        GameEnd memory end = gameVerifier.verify(
            abi.decode(game, (ProvenGame)), moves, abi.decode(evidence, (GameEvidence))
        );
        return end.ending != Ending.None || end.drawn;
    }

    /// @inheritdoc ProvenTokens
    function keep(uint256 tokenId, bytes calldata aigcData) internal override {
        movesHash[tokenId] = keccak256(aigcData);
    }
}
