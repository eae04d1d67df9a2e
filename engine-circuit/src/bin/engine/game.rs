//! `engine prove-game` and `verify-game`: all moves of one side.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args;
use engine_circuit::bundle::{Bundle, MAX_BUNDLE_BYTES, pgn};
use engine_circuit::encode::policy_index;
use engine_circuit::{Profile, ProveError, Statement, VerifyingKey, verify};
use protocol::GameRecord;
use protocol::shakmaty::{Color, Position};
use serde_json::json;

use crate::cache::{CachedProver, hand_over};
use crate::output::{Outcome, emit_either, misuse, read_file, rejected, rounded};
use crate::play::MAX_PROOF_BYTES;
use crate::position::{GameSampling, ModelFile, Side, ZERO_ID, game_id, load_key, named};
use crate::profile::ProfileFlag;

#[derive(Args)]
pub struct ProveGame {
    #[command(flatten)]
    model: ModelFile,
    /// The game, in PGN; a FEN tag may give its start position
    #[arg(long, value_name = "FILE")]
    pgn: PathBuf,
    /// Whose moves are proven; they must all be the network's own
    #[arg(long, value_enum)]
    side: Side,
    #[command(flatten)]
    profile: ProfileFlag,
    /// The game's id: 32 bytes in hexadecimal digits, zero if not given
    #[arg(long, value_name = "HEX", value_parser = game_id, default_value = ZERO_ID, hide_default_value = true)]
    game_id: [u8; 32],
    #[command(flatten)]
    sampling: GameSampling,
    /// Proof file to write
    #[arg(long, value_name = "PROOF")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn read_game(path: &Path) -> Outcome<GameRecord> {
    let bytes = read_file(path, pgn::MAX_PGN_BYTES)?;
    Ok(pgn::read(&bytes).map_err(|error| misuse(named(path, &error)))?.record)
}

/// Names the move that the network would not have played.
fn not_its_own(record: &GameRecord, side: Color, number: usize, network: usize) -> String {
    let ply = (0..record.ply())
        .filter(|&ply| record.position_at(ply).is_some_and(|position| position.turn() == side))
        .nth(number);
    let Some((ply, position)) = ply.and_then(|ply| Some((ply, record.position_at(ply)?))) else {
        return format!("move {number} of the side is not the network's own");
    };
    let own = position
        .legal_moves()
        .iter()
        .find(|&&mv| policy_index(mv, side) == network)
        .map(|&mv| GameRecord::uci(mv));
    let played = record.moves().get(ply).map(|&mv| GameRecord::uci(mv));
    format!(
        "ply {ply}: the game has {}, the network plays {}",
        played.unwrap_or_default(),
        own.unwrap_or_default()
    )
}

impl ProveGame {
    pub fn run(self) -> Outcome {
        let record = read_game(&self.pgn)?;
        let side = self.side.into();
        let statement = Statement::game(self.game_id, &record, side).map_err(misuse)?;
        let statement = self.sampling.apply(statement)?;
        let mut prover = CachedProver::open(&self.model.path, self.model.load()?, self.json)?;
        let profile = self.profile.get();
        let proved = prover.prove(&statement, profile)?.map_err(|error| match error {
            ProveError::NotTheNetworksMove { number, network, .. } => {
                rejected(not_its_own(&record, side, number, network))
            }
            error => rejected(error),
        })?;
        let moves = statement.num_moves();
        hand_over(&prover, &proved, (moves, profile), vec![("moves", json!(moves))], &self.out, self.json)
    }
}

#[derive(Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["proof", "bundle"]))]
pub struct VerifyGame {
    /// Verifying key
    #[arg(long, value_name = "FILE")]
    vk: PathBuf,
    /// The game, in PGN
    #[arg(long, value_name = "FILE", requires = "proof", required_unless_present = "bundle")]
    pgn: Option<PathBuf>,
    /// Whose moves are proven
    #[arg(long, value_enum, required_unless_present = "bundle")]
    side: Option<Side>,
    #[command(flatten)]
    profile: ProfileFlag,
    /// The game's id: 32 bytes in hexadecimal digits; zero if not given, with a bundle the bundle's own
    #[arg(long, value_name = "HEX", value_parser = game_id)]
    game_id: Option<[u8; 32]>,
    #[command(flatten)]
    sampling: GameSampling,
    /// Proof of all the side's moves, as made by prove-game
    #[arg(long, value_name = "PROOF")]
    proof: Option<PathBuf>,
    /// Game and proofs in one file, as saved by the client
    #[arg(long, value_name = "FILE")]
    bundle: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl VerifyGame {
    pub fn run(self) -> Outcome {
        let key = load_key(&self.vk)?;
        match (&self.bundle, &self.pgn, &self.proof, self.side) {
            (Some(bundle), ..) => self.verify_bundle(&key, bundle),
            (None, Some(pgn), Some(proof), Some(side)) => self.verify_proof(&key, pgn, proof, side),
            _ => Err(misuse("--pgn, --side and --proof go together, or --bundle stands alone")),
        }
    }

    fn report(&self, key: &VerifyingKey, moves: usize, verify_ms: f64) -> Outcome {
        let verify_ms = rounded(verify_ms);
        let object = json!({ "verify_ms": verify_ms, "moves": moves });
        emit_either(
            self.json,
            &object,
            &format!("verified in {verify_ms} ms: {moves} moves of {}", key.digest()),
        )
    }

    fn verify_proof(&self, key: &VerifyingKey, pgn: &Path, proof: &Path, side: Side) -> Outcome {
        let record = read_game(pgn)?;
        let proof = read_file(proof, MAX_PROOF_BYTES)?;
        let statement =
            Statement::game(self.game_id.unwrap_or_default(), &record, side.into()).map_err(misuse)?;
        let statement = self.sampling.apply(statement)?;
        let start = Instant::now();
        verify(key, &statement, self.profile.get(), &proof).map_err(rejected)?;
        self.report(key, statement.num_moves(), start.elapsed().as_secs_f64() * 1e3)
    }

    fn verify_bundle(&self, key: &VerifyingKey, path: &Path) -> Outcome {
        if self.profile.get() != Profile::Live {
            return Err(misuse("the proofs in a bundle are live ones"));
        }
        let bundle = Bundle::read(&read_file(path, MAX_BUNDLE_BYTES)?).map_err(rejected)?;
        if self.sampling.given() {
            return Err(misuse("--level and --seeds are for --proof: a bundle has its own"));
        }
        if self.side.is_some_and(|side| Color::from(side) != bundle.side()) {
            return Err(rejected("the bundle proves the other side's moves"));
        }
        if self.game_id.is_some_and(|id| id != bundle.game_id()) {
            return Err(rejected(format!("the bundle is of game {}", hex::encode(bundle.game_id()))));
        }
        let verified = bundle.verify(key).map_err(rejected)?;
        self.report(key, verified.len(), verified.iter().map(|(_, ms)| ms).sum())
    }
}
