//! The arguments that name a position, a game and a move.

use std::path::{Path, PathBuf};

use clap::Args;
use engine_circuit::{Level, Model, Seed, Statement, Value, VerifyingKey};
use protocol::GameRecord;
use protocol::shakmaty::{Color, Move, Position as _, uci::UciMove};

use crate::output::{Failure, Outcome, misuse, read_file, rejected};

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

/// How the network's moves are chosen: the strongest level, or a draw from a seed.
#[derive(Args)]
pub struct Sampling {
    /// Level of play, 1 to 8: 8 is the network's best move, lower ones draw from its policy with public noise
    #[arg(long, value_name = "N", default_value_t = Level::STRONGEST, value_parser = level)]
    pub level: Level,
    /// Seed of the noise: 32 bytes in hexadecimal digits; needed below level 8
    #[arg(long = "seed", value_name = "HEX", value_parser = game_id)]
    pub seed: Option<Seed>,
}

/// Parses a level.
pub fn level(text: &str) -> Result<Level, String> {
    text.parse().ok().and_then(Level::new).ok_or_else(|| format!("expected 1 to {}", Level::STRONGEST))
}

impl Sampling {
    /// The seeds of one move: one below the strongest level, none there.
    pub fn seeds(&self) -> Outcome<Vec<Seed>> {
        match (self.level.is_random(), self.seed) {
            (true, Some(seed)) => Ok(vec![seed]),
            (true, None) => Err(misuse(format!("level {} draws its moves: --seed is missing", self.level))),
            (false, Some(_)) => Err(misuse("--seed is for levels below the strongest")),
            (false, None) => Ok(Vec::new()),
        }
    }

    /// The seed, zero if the level needs none.
    pub fn seed(&self) -> Outcome<Seed> {
        Ok(self.seeds()?.first().copied().unwrap_or_default())
    }

    /// A statement at this level.
    pub fn apply(&self, statement: Statement) -> Outcome<Statement> {
        statement.at_level(self.level, &self.seeds()?).map_err(misuse)
    }
}

/// The same for all of a side's moves in a game.
#[derive(Args)]
pub struct GameSampling {
    /// Level of play, 1 to 8; 8 if not given
    #[arg(long, value_name = "N", value_parser = level)]
    level: Option<Level>,
    /// File of seeds, one a move of the side, in order: 64 hexadecimal digits a line; needed below level 8
    #[arg(long, value_name = "FILE")]
    seeds: Option<PathBuf>,
}

/// Largest file of seeds read.
const MAX_SEEDS_BYTES: usize = 1 << 20;

impl GameSampling {
    /// Whether the command line names a level or seeds.
    pub fn given(&self) -> bool {
        self.level.is_some() || self.seeds.is_some()
    }

    /// A statement at this level.
    pub fn apply(&self, statement: Statement) -> Outcome<Statement> {
        let seeds = match &self.seeds {
            None => Vec::new(),
            Some(path) => {
                let bytes = read_file(path, MAX_SEEDS_BYTES)?;
                let text = String::from_utf8_lossy(&bytes);
                let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
                lines
                    .map(|line| game_id(line).map_err(|error| misuse(format!("{}: {error}", path.display()))))
                    .collect::<Outcome<Vec<Seed>>>()?
            }
        };
        statement.at_level(self.level.unwrap_or_default(), &seeds).map_err(misuse)
    }
}

/// Parses win, draw, loss.
pub fn value(text: &str) -> Result<Value, String> {
    let parts: Vec<i32> = text.split(',').map_while(|part| part.trim().parse().ok()).collect();
    Value::try_from(parts)
        .ok()
        .filter(|_| text.split(',').count() == 3)
        .ok_or_else(|| "expected the three integers that prove prints as value: WIN,DRAW,LOSS".to_owned())
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
