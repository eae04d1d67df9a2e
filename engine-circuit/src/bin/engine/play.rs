//! `engine eval`, `prove` and `verify`: one position, one move.

use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use engine_circuit::{Statement, Value, evaluate, verify};
use protocol::GameRecord;
use serde_json::json;

use crate::cache::{CachedProver, hand_over};
use crate::output::{Outcome, emit_either, misuse, read_file, rejected, rounded};
use crate::position::{ModelFile, Place, Position, Sampling, legal_move, load_key, no_legal_move, value};
use crate::profile::ProfileFlag;

/// Largest proof file read.
pub const MAX_PROOF_BYTES: usize = 64 << 20;

#[derive(Args)]
pub struct Eval {
    #[command(flatten)]
    model: ModelFile,
    #[command(flatten)]
    position: Position,
    #[command(flatten)]
    sampling: Sampling,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Eval {
    pub fn run(self) -> Outcome {
        let record = self.position.record()?;
        let model = self.model.load()?;
        let evaluation = evaluate(&model, &record).ok_or_else(no_legal_move)?;
        let policy: Vec<_> = evaluation
            .policy
            .iter()
            .map(|entry| json!({ "uci": entry.uci, "logit": entry.logit, "probability": entry.probability }))
            .collect();
        let best = GameRecord::uci(evaluation.choose(self.sampling.level, &self.sampling.seed()?));
        let [win, draw, loss] = evaluation.value_probabilities;
        let mut lines = format!(
            "move {best}\nwin {:.1} %, draw {:.1} %, loss {:.1} %\n\nmove       logit  probability",
            100.0 * win,
            100.0 * draw,
            100.0 * loss
        );
        for entry in &evaluation.policy {
            lines += &format!("\n{:5} {:>10}  {:9.2} %", entry.uci, entry.logit, 100.0 * entry.probability);
        }
        let object = json!({
            "move": best,
            "policy": policy,
            "value": { "raw": evaluation.value, "win": win, "draw": draw, "loss": loss },
        });
        emit_either(self.json, &object, &lines)
    }
}

#[derive(Args)]
pub struct Prove {
    #[command(flatten)]
    model: ModelFile,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    sampling: Sampling,
    /// Prove the network's win, draw and loss as well
    #[arg(long)]
    value: bool,
    /// Move to prove: refused unless it is the network's own, which is also what is proven without this
    #[arg(long = "move", value_name = "UCI")]
    mv: Option<String>,
    #[command(flatten)]
    profile: ProfileFlag,
    /// Proof file to write
    #[arg(long, value_name = "PROOF")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Prove {
    pub fn run(self) -> Outcome {
        let record = self.place.record()?;
        let model = self.model.load()?;
        let evaluation = evaluate(&model, &record).ok_or_else(no_legal_move)?;
        let best = evaluation.choose(self.sampling.level, &self.sampling.seed()?);
        let uci = GameRecord::uci(best);
        if let Some(text) = &self.mv
            && legal_move(&record, text)? != best
        {
            return Err(rejected(format!("the network plays {uci}, not {text}")));
        }
        let statement = Statement::single(self.place.game_id, &record, best).map_err(rejected)?;
        let mut statement = self.sampling.apply(statement)?;
        let mut facts = vec![("move", json!(uci))];
        if self.value {
            statement = statement.with_values(&[evaluation.value]).map_err(misuse)?;
            facts.push(("value", json!(evaluation.value)));
        }
        let mut prover = CachedProver::open(&self.model.path, model, self.json)?;
        let profile = self.profile.get();
        let proved = prover.prove(&statement, profile)?.map_err(rejected)?;
        hand_over(&prover, &proved, (1, profile), facts, &self.out, self.json)
    }
}

#[derive(Args)]
pub struct Verify {
    /// Verifying key
    #[arg(long, value_name = "FILE")]
    vk: PathBuf,
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    sampling: Sampling,
    /// The network's value that the proof covers, as prove printed it
    #[arg(long, value_name = "WIN,DRAW,LOSS", value_parser = value, allow_hyphen_values = true)]
    value: Option<Value>,
    /// The move that was played, in UCI notation
    #[arg(long = "move", value_name = "UCI")]
    mv: String,
    #[command(flatten)]
    profile: ProfileFlag,
    /// Proof file
    #[arg(long, value_name = "PROOF")]
    proof: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl Verify {
    pub fn run(self) -> Outcome {
        let record = self.place.record()?;
        let key = load_key(&self.vk)?;
        let proof = read_file(&self.proof, MAX_PROOF_BYTES)?;
        let mv = legal_move(&record, &self.mv)?;
        let start = Instant::now();
        let statement = Statement::single(self.place.game_id, &record, mv).map_err(rejected)?;
        let mut statement = self.sampling.apply(statement)?;
        if let Some(value) = self.value {
            statement = statement.with_values(&[value]).map_err(misuse)?;
        }
        verify(&key, &statement, self.profile.get(), &proof).map_err(rejected)?;
        let verify_ms = rounded(start.elapsed().as_secs_f64() * 1e3);
        let lines = format!("verified in {verify_ms} ms: {} is the move of {}", self.mv, key.digest());
        emit_either(self.json, &json!({ "verify_ms": verify_ms }), &lines)
    }
}
