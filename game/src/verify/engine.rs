//! The only calls into `engine-circuit`: reading keys and checking proofs.

use crate::play::{game::Game, notation};
use engine_circuit::{Digest, Level, Profile, Seed, Statement, VerifyingKey, bundle::Bundle};
use protocol::{GameId, GameRecord, shakmaty::Move};
use std::path::Path;

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

    /// Security of a proof of one move in bits, all error terms added up, without conjectures.
    #[must_use]
    pub fn security_bits(&self) -> f64 {
        engine_circuit::security::composed_bits(&self.0, 1, Profile::Live)
    }
}

/// Checks that `mv` is what the key's network plays at the end of `before`, in the game of that id, at a level and with the seed
/// that the client knows.
///
/// # Errors
///
/// Returns the verifier's reason.
pub fn verify(
    key: &Key,
    game_id: GameId,
    before: &GameRecord,
    mv: Move,
    (level, seeds): &(Level, Vec<Seed>),
    proof: &[u8],
) -> Result<(), String> {
    let statement = Statement::single(game_id.0, before, mv)
        .and_then(|statement| statement.at_level(*level, seeds))
        .map_err(|error| error.to_string())?;
    engine_circuit::verify(&key.0, &statement, Profile::Live, proof).map_err(|error| error.to_string())
}

/// The game with its proofs as the bytes of one file, which `engine verify-game --bundle` checks.
///
/// # Errors
///
/// Returns a line for the user.
pub fn bundle(game: &Game) -> Result<Vec<u8>, String> {
    let digest =
        Digest::from_hex(&notation::hex_digest(&game.digest)).ok_or("the network's digest is malformed")?;
    let tags = notation::pgn_tags(game);
    let mut bundle =
        Bundle::new(&game.record, &tags, digest, game.id.0, game.human.other(), game.proofs.clone());
    if let Some(seeds) = &game.seeds {
        bundle = bundle.with_sampling(seeds.record().clone());
    }
    bundle.write().map_err(|error| error.to_string())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The command that checks the proof in a file once more, outside this client.
///
/// # Errors
///
/// Returns a line for the user if there is no such move or no key file.
pub fn recheck_command(game: &Game, key: Option<&Path>, ply: u32, proof: &Path) -> Result<String, String> {
    let key = key.ok_or("the key of this network is in no file")?;
    let mv = game.move_at(ply).ok_or("there is no such move")?;
    let before = game.record.truncated(ply as usize);
    let (level, seeds) = game.sampling(ply);
    let drawn = seeds.iter().map(|seed| format!(" --level {level} --seed {}", hex::encode(seed)));
    Ok(format!(
        "engine verify --vk {} --fen {} --moves {} --game-id {} --move {} --proof {}{}",
        quoted(&key.display().to_string()),
        quoted(before.start_fen()),
        quoted(&before.uci_moves().join(" ")),
        game.id,
        GameRecord::uci(mv),
        quoted(&proof.display().to_string()),
        drawn.collect::<String>(),
    ))
}
