//! `engine export-verifier`: what a contract that verifies a model's moves is made with.

use std::path::PathBuf;

use clap::Args;
use engine_circuit::chain::{MAX_KEY_BYTES, verifier_key};
use engine_circuit::shape::MAX_MOVES;
use serde_json::json;

use crate::output::{Outcome, emit_either, misuse, write_file};
use crate::position::load_key;

#[derive(Args)]
pub struct ExportVerifier {
    /// Verifying key of the model
    #[arg(long, value_name = "VK")]
    vk: PathBuf,
    /// Most moves in a proof that the contract takes
    #[arg(long, value_name = "N", default_value_t = 64)]
    max_moves: usize,
    /// File to write: the argument of the contract's constructor
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

impl ExportVerifier {
    pub fn run(self) -> Outcome {
        let key = load_key(&self.vk)?;
        if !(1..=MAX_MOVES).contains(&self.max_moves) {
            return Err(misuse(format!("--max-moves is 1 to {MAX_MOVES}")));
        }
        let bytes = verifier_key(&key, self.max_moves);
        if bytes.len() > MAX_KEY_BYTES {
            return Err(misuse(format!(
                "a key for {} moves has {} bytes, a contract holds {MAX_KEY_BYTES}: take fewer",
                self.max_moves,
                bytes.len()
            )));
        }
        write_file(&self.out, &bytes)?;
        let digest = key.digest().to_string();
        let object = json!({ "model": digest, "bytes": bytes.len(), "max_moves": self.max_moves });
        let lines = format!(
            "{}: {} bytes for proofs of up to {} moves of {digest}",
            self.out.display(),
            bytes.len(),
            self.max_moves
        );
        emit_either(self.json, &object, &lines)
    }
}
