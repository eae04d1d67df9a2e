//! The arguments that name a position, a game and a move.

use std::path::{Path, PathBuf};

use clap::Args;
use engine_circuit::{Model, VerifyingKey};
use protocol::GameRecord;
use protocol::shakmaty::{Color, Move, Position as _, uci::UciMove};

use crate::output::{Failure, Outcome, misuse, rejected};

/// A position.
#[derive(Args)]
pub struct Position {
    /// Start position
    #[arg(long)]
    fen: String,
    /// Moves played from there in UCI notation, separated by spaces: "e2e4 e7e5"
    #[arg(long, value_name = "MOVES", default_value = "", hide_default_value = true)]
    moves: String,
}

/// A position in a game.
#[derive(Args)]
pub struct Place {
    #[command(flatten)]
    position: Position,
    /// The game's id: 32 bytes in hexadecimal digits, zero if not given
    #[arg(long, value_name = "HEX", value_parser = game_id, default_value = ZERO_ID, hide_default_value = true)]
    pub game_id: [u8; 32],
    /// Half-moves since White's move 1 as the FEN counts them; must agree with FEN and moves
    #[arg(long, value_name = "N")]
    ply: Option<u32>,
}

/// The game's id if none is given.
pub const ZERO_ID: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Parses 32 bytes.
pub fn game_id(text: &str) -> Result<[u8; 32], String> {
    let mut id = [0; 32];
    hex::decode_to_slice(text, &mut id).map_err(|_| "expected 64 hexadecimal digits".to_owned())?;
    Ok(id)
}

/// White or Black.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Side {
    /// White's moves
    White,
    /// Black's moves
    Black,
}

impl From<Side> for Color {
    fn from(side: Side) -> Self {
        if side == Side::White { Self::White } else { Self::Black }
    }
}

/// Starts a record at a FEN.
pub fn start(fen: &str) -> Outcome<GameRecord> {
    GameRecord::from_fen(fen).map_err(misuse)
}

/// Plays moves given in UCI notation.
pub fn play(record: &mut GameRecord, moves: &str) -> Outcome {
    moves.split_whitespace().try_for_each(|uci| record.play_uci(uci).map(drop).map_err(misuse))
}

impl Position {
    /// The record that ends at the position.
    pub fn record(&self) -> Outcome<GameRecord> {
        let mut record = start(&self.fen)?;
        play(&mut record, &self.moves)?;
        Ok(record)
    }
}

impl Place {
    /// The record that ends at the position; its ply is the one given.
    pub fn record(&self) -> Outcome<GameRecord> {
        let record = self.position.record()?;
        match self.ply {
            Some(ply) if ply != record.game_ply() => Err(misuse(format!(
                "--ply {ply} contradicts FEN and moves, after which {} half-moves have been played",
                record.game_ply()
            ))),
            _ => Ok(record),
        }
    }
}

/// A move as text: not UCI at all is misuse, not legal is a rejection.
pub fn legal_move(record: &GameRecord, uci: &str) -> Outcome<Move> {
    let parsed: UciMove =
        uci.parse().map_err(|_| misuse(format!("--move {uci:?} is not a move in UCI notation")))?;
    parsed
        .to_move(record.position())
        .ok()
        .filter(|&mv| record.position().is_legal(mv))
        .ok_or_else(|| rejected(format!("{uci} is not legal in the position")))
}

/// Says that there is nothing to play.
pub fn no_legal_move() -> Failure {
    misuse("the position has no legal move")
}

/// Where a model is.
#[derive(Args)]
pub struct ModelFile {
    /// Model file
    #[arg(long = "model", value_name = "FILE")]
    pub path: PathBuf,
}

impl ModelFile {
    /// Loads it.
    pub fn load(&self) -> Outcome<Model> {
        load_model(&self.path)
    }
}

/// Loads a model; a malformed one is misuse.
pub fn load_model(path: &Path) -> Outcome<Model> {
    Model::load(path).map_err(|error| misuse(named(path, &error)))
}

/// Loads a verifying key; a malformed one is misuse.
pub fn load_key(path: &Path) -> Outcome<VerifyingKey> {
    VerifyingKey::load(path).map_err(|error| misuse(named(path, &error)))
}

/// An error's text with the file's name in front, once.
pub fn named(path: &Path, error: &impl std::fmt::Display) -> String {
    let (name, text) = (path.display().to_string(), error.to_string());
    if text.starts_with(&name) { text } else { format!("{name}: {text}") }
}
