//! `engine selfplay`: games whose moves, of one side or both, are the network's own.

use std::path::PathBuf;

use clap::Args;
use engine_circuit::bundle::pgn;
use engine_circuit::sampling::ply_seed;
use engine_circuit::transcript::keccak256;
use engine_circuit::{Level, evaluate};
use protocol::record::{GameRecord, START_FEN};
use protocol::shakmaty::{Color, EnPassantMode, KnownOutcome, Outcome as ChessOutcome, Position, fen::Fen};
use serde_json::json;

use crate::output::{Bar, Outcome, emit_either, misuse, write_file};
use crate::position::{ModelFile, level, no_legal_move, play, start};

/// Sebastiano Vigna's SplitMix64: enough for choosing moves, the same on every machine.
pub struct SplitMix(pub u64);

impl SplitMix {
    /// Below `bound`, which is not 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % bound as u64) as usize
    }
}

/// Plays a random legal move; `false` if there is none or the record is full.
pub fn play_random(record: &mut GameRecord, rng: &mut SplitMix) -> bool {
    let moves = record.position().legal_moves();
    !moves.is_empty() && record.play(moves[rng.below(moves.len())]).is_ok()
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Sides {
    /// The network plays White, Black plays random moves
    White,
    /// The network plays Black, White plays random moves
    Black,
    /// The network plays both
    Both,
}

/// The opening is not part of the game written: its PGN starts, with a FEN tag, from the position after it, since
/// prove-game needs every move of a side to be the network's own.
#[derive(Args)]
pub struct Selfplay {
    #[command(flatten)]
    model: ModelFile,
    /// Start position
    #[arg(long, default_value = START_FEN)]
    fen: String,
    /// Moves before the game starts, in UCI notation: "e2e4 e7e5"
    #[arg(long, value_name = "MOVES", default_value = "", hide_default_value = true)]
    opening: String,
    /// Random half-moves after the opening and before the game starts
    #[arg(long, value_name = "N", default_value_t = 0)]
    random_plies: usize,
    /// Seed of all random moves
    #[arg(long, value_name = "S", default_value_t = 0)]
    seed: u64,
    /// Half-moves after which a game is left unfinished
    #[arg(long, value_name = "N", default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=1024))]
    max_plies: u32,
    /// Whose moves are the network's
    #[arg(long, value_enum, default_value_t = Sides::Both)]
    side: Sides,
    /// Level of the network's play, 1 to 8
    #[arg(long, value_name = "N", default_value_t = Level::STRONGEST, value_parser = level)]
    level: Level,
    /// File for the seeds of the network's moves, as prove-game takes them; they follow from --seed
    #[arg(long, value_name = "FILE")]
    seeds_out: Option<PathBuf>,
    /// PGN file to write
    #[arg(long, value_name = "PGN")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// The result by the rules, draws that a player would have to claim included.
fn result(record: &GameRecord) -> Option<&'static str> {
    match record.position().outcome() {
        ChessOutcome::Known(KnownOutcome::Decisive { winner: Color::White }) => Some("1-0"),
        ChessOutcome::Known(KnownOutcome::Decisive { winner: Color::Black }) => Some("0-1"),
        ChessOutcome::Known(KnownOutcome::Draw) => Some("1/2-1/2"),
        ChessOutcome::Unknown if record.position().halfmoves() >= 100 || record.occurrences() >= 3 => {
            Some("1/2-1/2")
        }
        ChessOutcome::Unknown => None,
    }
}

impl Selfplay {
    pub fn run(self) -> Outcome {
        if self.seeds_out.is_some() && self.side == Sides::Both {
            return Err(misuse("--seeds-out is for one side: add --side white or --side black"));
        }
        let element = keccak256(&self.seed.to_be_bytes());
        let mut seeds = String::new();
        let mut rng = SplitMix(self.seed);
        let mut opening = start(&self.fen)?;
        play(&mut opening, &self.opening)?;
        let model = self.model.load()?;
        for _ in 0..self.random_plies {
            if result(&opening).is_some() || !play_random(&mut opening, &mut rng) {
                return Err(misuse("the game ends within the random opening; another --seed may help"));
            }
        }
        let fen = Fen::from_position(opening.position(), EnPassantMode::Legal).to_string();
        let mut record = start(&fen)?;
        if record.position().legal_moves().is_empty() {
            return Err(no_legal_move());
        }
        let bar = Bar::new("playing", self.json);
        while result(&record).is_none() && record.ply() < self.max_plies as usize {
            let own = match self.side {
                Sides::Both => true,
                Sides::White => record.position().turn().is_white(),
                Sides::Black => record.position().turn().is_black(),
            };
            if own {
                let seed = ply_seed(&[0; 32], &element, record.game_ply());
                let best = evaluate(&model, &record).ok_or_else(no_legal_move)?.choose(self.level, &seed);
                seeds += &hex::encode(seed);
                seeds.push('\n');
                record.play(best).map_err(misuse)?;
            } else if !play_random(&mut record, &mut rng) {
                break;
            }
            bar.set(record.ply() as f32 / self.max_plies as f32);
        }
        drop(bar);
        let result = result(&record).unwrap_or("*");
        let digest = model.digest().to_string();
        let network = format!("Fairmate {}", digest.get(..12).unwrap_or_default());
        let name = |white: bool| match self.side {
            Sides::White if !white => "random moves",
            Sides::Black if white => "random moves",
            _ => &network,
        };
        let tags = [
            ("Event", "engine selfplay"),
            ("White", name(true)),
            ("Black", name(false)),
            ("Result", result),
            ("ModelDigest", &digest),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
        if let Some(path) = &self.seeds_out {
            let seeds = if self.level.is_random() { seeds } else { String::new() };
            write_file(path, seeds.as_bytes())?;
        }
        write_file(&self.out, pgn::write(&tags, &record).as_bytes())?;
        let plies = record.ply();
        let object = json!({ "plies": plies, "result": result, "digest": digest });
        emit_either(self.json, &object, &format!("{plies} half-moves, {result}\n{}", self.out.display()))
    }
}
