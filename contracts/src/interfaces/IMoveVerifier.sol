// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @title Verifies that moves are a committed network's own
/// @notice What `statement` must be is docs/proof-format.md section 3: model digest, game, and for each move ply, position, legal moves,
/// level, seed and the move. The caller builds it from its own record of the game; a verifier reads nothing of it out of the proof.
interface IMoveVerifier {
    /// @notice Returns if `proof` proves `statement` for this verifier's model, and reverts with a custom error that names what is wrong
    /// otherwise. A statement that names another model reverts.
    /// @param statement The statement's bytes, as the transcript absorbs them.
    /// @param proof The proof's bytes (docs/proof-format.md section 4).
    function verify(bytes calldata statement, bytes calldata proof) external view;

    /// @notice Digest of the one model whose moves this verifier knows.
    function modelDigest() external view returns (bytes32);
}
