//! `settle verify-move`, `verify-game`: proofs of the chain's profile, verified by the contracts.

use std::path::PathBuf;

use alloy::primitives::Address;
use clap::{ArgGroup, Args, ValueEnum};
use engine_circuit::bundle::pgn;
use engine_circuit::{Level, Seed, Statement, VerifyingKey};
use protocol::GameRecord;
use protocol::shakmaty::{Color, Position as _, uci::UciMove};
use serde_json::json;
use settle::{Chain, verification};
use settlement::game_file::{GameFile, StakedGame};

use crate::arguments::{MAX_PROOF_BYTES, Node, OptionalKeyFile, hash, load_key};
use crate::output::{Outcome, emit_either, emit_receipt, misuse, read_file, read_json, rejected};

/// Where proofs are verified, and how.
#[derive(Args)]
#[command(group = ArgGroup::new("where").required(true).args(["router", "settlement"]))]
struct Where {
    #[command(flatten)]
    node: Node,
    /// Address of the router of verifiers
    #[arg(long, value_name = "ADDRESS")]
    router: Option<Address>,
    /// Address of a settlement contract, whose router is used
    #[arg(long, value_name = "ADDRESS")]
    settlement: Option<Address>,
    /// Verifying key of the model that the proof is about
    #[arg(long, value_name = "VK")]
    vk: PathBuf,
    /// Proof of the chain's profile
    #[arg(long, value_name = "FILE")]
    proof: PathBuf,
    #[command(flatten)]
    key: OptionalKeyFile,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
pub struct VerifyMove {
    #[command(flatten)]
    at: Where,
    /// Start position
    #[arg(long)]
    fen: String,
    /// Moves played from there in UCI notation, separated by spaces
    #[arg(long, value_name = "MOVES", default_value = "", hide_default_value = true)]
    moves: String,
    /// The network's move in UCI notation
    #[arg(long = "move", value_name = "UCI")]
    mv: String,
    /// The game's id: 64 hexadecimal digits, zero if not given
    #[arg(long, value_name = "HEX", value_parser = hash)]
    game_id: Option<[u8; 32]>,
    /// Level of play, 1 to 8
    #[arg(long, value_name = "N", default_value_t = Level::STRONGEST, value_parser = level)]
    level: Level,
    /// Seed of the move's noise: 64 hexadecimal digits; needed below level 8
    #[arg(long, value_name = "HEX", value_parser = hash)]
    seed: Option<Seed>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// White's moves
    White,
    /// Black's moves
    Black,
}

#[derive(Args)]
#[command(group = ArgGroup::new("what").required(true).args(["game", "pgn"]))]
pub struct VerifyGame {
    #[command(flatten)]
    at: Where,
    /// A game for stakes: its file (docs/settlement.md, "Files")
    #[arg(long, value_name = "FILE")]
    game: Option<PathBuf>,
    /// Address of the contract that replays a game for stakes and builds the statement itself
    #[arg(long, value_name = "ADDRESS", group = "where", requires = "game")]
    game_verifier: Option<Address>,
    /// A game at level 8, in PGN
    #[arg(long, value_name = "FILE", requires = "side")]
    pgn: Option<PathBuf>,
    /// Whose moves in the PGN are proven
    #[arg(long, value_enum)]
    side: Option<Side>,
    /// The PGN game's id: 64 hexadecimal digits, zero if not given
    #[arg(long, value_name = "HEX", value_parser = hash)]
    game_id: Option<[u8; 32]>,
}

fn level(text: &str) -> Result<Level, String> {
    text.parse().ok().and_then(Level::new).ok_or_else(|| format!("expected 1 to {}", Level::STRONGEST))
}

impl Where {
    async fn verify(&self, key: &VerifyingKey, statement: &Statement) -> Outcome {
        let proof = read_file(&self.proof, MAX_PROOF_BYTES)?;
        let account = self.key.account()?;
        let rpc = self.node.connect().await?;
        let router = match (self.router, self.settlement) {
            (Some(router), _) => router,
            (None, Some(settlement)) => Chain::connect(rpc.clone(), settlement, None).await?.router(),
            (None, None) => return Err(misuse("--router or --settlement is missing")),
        };
        let bytes = verification::statement_bytes(&key.digest(), statement);
        let moves = statement.num_moves();
        let what = format!(
            "verified on chain: {moves} move{} of {}",
            if moves == 1 { "" } else { "s" },
            key.digest()
        );
        let facts = json!({ "moves": moves, "model": key.digest().to_string(), "proof_bytes": proof.len() });
        match account {
            Some(account) => {
                let receipt =
                    verification::verify_in_transaction(&rpc, &account, router, bytes, proof).await?;
                emit_receipt(self.json, &what, &receipt, facts)
            }
            None => {
                verification::verify(&rpc, router, bytes, proof).await?;
                emit_either(self.json, &facts, &what)
            }
        }
    }
}

impl Where {
    /// The game verifier needs no statement from here.
    async fn replay(&self, key: &VerifyingKey, game_verifier: Address, game: &StakedGame) -> Outcome {
        if key.digest().as_bytes() != &game.offer().offer.model_digest {
            return Err(rejected(format!("the game is not one of model {}", key.digest())));
        }
        let proof = read_file(&self.proof, MAX_PROOF_BYTES)?;
        let account = self.key.account()?;
        let rpc = self.node.connect().await?;
        let call = verification::game_call(game, proof).map_err(misuse)?;
        let receipt = verification::verify_game(&rpc, account.as_ref(), game_verifier, call).await?;
        let plies = game.record().ply();
        let what = format!("replayed and verified on chain: {plies} half-moves against {}", key.digest());
        let facts = json!({ "plies": plies, "model": key.digest().to_string() });
        match receipt {
            Some(receipt) => emit_receipt(self.json, &what, &receipt, facts),
            None => emit_either(self.json, &facts, &what),
        }
    }
}

impl VerifyMove {
    pub async fn run(self) -> Outcome {
        let key = load_key(&self.at.vk)?;
        let mut record = GameRecord::from_fen(&self.fen).map_err(misuse)?;
        for uci in self.moves.split_whitespace() {
            record.play_uci(uci).map_err(misuse)?;
        }
        let uci: UciMove = self.mv.parse().map_err(|_| misuse(format!("--move {:?} is not UCI", self.mv)))?;
        let mv = uci
            .to_move(record.position())
            .ok()
            .filter(|&mv| record.position().is_legal(mv))
            .ok_or_else(|| rejected(format!("{uci} is not legal in the position")))?;
        let seeds: Vec<Seed> = self.seed.into_iter().collect();
        let statement = Statement::single(self.game_id.unwrap_or_default(), &record, mv)
            .and_then(|statement| statement.at_level(self.level, &seeds))
            .map_err(misuse)?;
        self.at.verify(&key, &statement).await
    }
}

impl VerifyGame {
    pub async fn run(self) -> Outcome {
        let key = load_key(&self.at.vk)?;
        let statement = match (&self.game, &self.pgn, self.side) {
            (Some(path), ..) => {
                let file: GameFile = read_json(path)?;
                let game: StakedGame =
                    file.check().map_err(|error| misuse(format!("{}: {error}", path.display())))?;
                if let Some(game_verifier) = self.game_verifier {
                    return self.at.replay(&key, game_verifier, &game).await;
                }
                settle::proof::game_statement(&game).map_err(misuse)?
            }
            (None, Some(path), Some(side)) => {
                let record = pgn::read(&read_file(path, pgn::MAX_PGN_BYTES)?)
                    .map_err(|error| misuse(format!("{}: {error}", path.display())))?
                    .record;
                let color = if side == Side::White { Color::White } else { Color::Black };
                Statement::game(self.game_id.unwrap_or_default(), &record, color).map_err(misuse)?
            }
            _ => return Err(misuse("--game, or --pgn and --side")),
        };
        self.at.verify(&key, &statement).await
    }
}
