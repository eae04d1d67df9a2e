//! The only calls into `engine-circuit`: reading keys and checking proofs.

use crate::play::{notation, state::PlayState};
use engine_circuit::{Digest, Statement, VerifyingKey, bundle::Bundle};
use protocol::{GameId, GameRecord, shakmaty::Move};

/// A verifying key, checked and parsed.
#[derive(Clone)]
pub struct Key(VerifyingKey);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Key({})", hex::encode(self.digest()))
    }
}

impl Key {
    /// Reads the canonical bytes of a key.
    ///
    /// # Errors
    ///
    /// Returns the reason if they are no key.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        VerifyingKey::from_bytes(bytes).map(Self).map_err(|error| error.to_string())
    }

    /// Digest of the network that the key belongs to, computed from the key.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        *self.0.digest().as_bytes()
    }
}

/// Checks that `mv` is the choice of the key's network at the end of `before`, in the game of that id.
///
/// # Errors
///
/// Returns the verifier's reason.
pub fn verify(key: &Key, game_id: GameId, before: &GameRecord, mv: Move, proof: &[u8]) -> Result<(), String> {
    let statement = Statement::single(game_id.0, before, mv).map_err(|error| error.to_string())?;
    engine_circuit::verify(&key.0, &statement, engine_circuit::Profile::Live, proof)
        .map_err(|error| error.to_string())
}

/// The game with its proofs as the bytes of one file, which `engine verify-game --bundle` checks.
///
/// # Errors
///
/// Returns a line for the user.
pub fn bundle(state: &PlayState) -> Result<Vec<u8>, String> {
    let (game, opponent) =
        state.game.as_ref().zip(state.opponent.as_ref()).ok_or("there is no game to save yet")?;
    let digest =
        Digest::from_hex(&hex::encode(opponent.digest)).ok_or("the network's digest is malformed")?;
    let tags = notation::pgn_tags(game);
    Bundle::new(&game.record, &tags, digest, game.id.0, game.human.other(), game.proofs.clone())
        .write()
        .map_err(|error| error.to_string())
}
