//! `engine bench`: medians over positions; every proof is verified.

use std::path::Path;
use std::time::Instant;

use clap::Args;
use engine_circuit::{Model, StageTimes, Statement, evaluate, verify};
use protocol::GameRecord;
use protocol::shakmaty::Position;
use serde_json::json;

use crate::cache::CachedProver;
use crate::output::{Bar, Outcome, emit_either, misuse, peak_rss_mib, read_file, rejected, rounded};
use crate::position::{ModelFile, start};
use crate::profile::ProfileFlag;
use crate::selfplay::{SplitMix, play_random};

const MAX_POSITIONS: usize = 100_000;
const MAX_LIST_BYTES: usize = 16 << 20;
const SEED: u64 = 1;

#[derive(Args)]
pub struct Bench {
    #[command(flatten)]
    model: ModelFile,
    /// File of FENs, one a line, or a number of positions from random play (always the same ones)
    #[arg(long, value_name = "FILE|N")]
    positions: String,
    /// Moves per proof; the positions are taken in turn, from the first again where they don't fill the last proof
    #[arg(long, value_name = "K", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=512))]
    batch: u16,
    #[command(flatten)]
    profile: ProfileFlag,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Positions with a legal move, 4 to 83 random half-moves into a game.
fn random_positions(count: usize) -> Vec<GameRecord> {
    let mut rng = SplitMix(SEED);
    let mut records = Vec::with_capacity(count);
    while records.len() < count {
        let mut record = GameRecord::default();
        for _ in 0..4 + rng.below(80) {
            if !play_random(&mut record, &mut rng) {
                break;
            }
        }
        if !record.position().is_game_over() {
            records.push(record);
        }
    }
    records
}

fn read_positions(path: &Path) -> Outcome<Vec<GameRecord>> {
    let bytes = read_file(path, MAX_LIST_BYTES)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| misuse(format!("{}: not text", path.display())))?;
    let mut records = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = format!("{}, line {}", path.display(), number + 1);
        let record = start(line.trim()).map_err(|failure| match failure {
            crate::output::Failure::Misuse(text) => misuse(format!("{place}: {text}")),
            rejected => rejected,
        })?;
        if record.position().legal_moves().is_empty() {
            return Err(misuse(format!("{place}: the position has no legal move")));
        }
        records.push(record);
    }
    Ok(records)
}

/// Nearest-rank percentile.
fn percentile(values: impl Iterator<Item = f64>, percent: usize) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() * percent).div_ceil(100).max(1);
    rounded(values.get(rank - 1).copied().unwrap_or(0.0))
}

struct Sample {
    times: StageTimes,
    verify_ms: f64,
    proof_bytes: usize,
}

fn own_move(model: &Model, record: &GameRecord) -> Outcome<Statement> {
    let best = evaluate(model, record).ok_or_else(|| misuse("a position has no legal move"))?.best;
    Statement::single([0; 32], record, best).map_err(misuse)
}

impl Bench {
    pub fn run(self) -> Outcome {
        let records = match self.positions.parse::<usize>() {
            Ok(count) if count <= MAX_POSITIONS => random_positions(count),
            Ok(count) => {
                return Err(misuse(format!("{count} positions, at most {MAX_POSITIONS} are supported")));
            }
            Err(_) => read_positions(Path::new(&self.positions))?,
        };
        if records.is_empty() {
            return Err(misuse("there are no positions to measure"));
        }
        let (batch, profile) = (usize::from(self.batch), self.profile.get());
        let mut prover = CachedProver::open(&self.model.path, self.model.load()?, self.json)?;
        let key = prover.model().verifying_key();
        let statement = |prover: &CachedProver, first: usize| {
            let parts = (first..first + batch)
                .map(|at| own_move(prover.model(), &records[at % records.len()]))
                .collect::<Outcome<Vec<_>>>()?;
            Statement::batch([0; 32], parts).map_err(misuse)
        };
        let warm_up = statement(&prover, 0)?;
        prover.prove(&warm_up, profile)?.map_err(rejected)?;

        let bar = Bar::new("measuring", self.json);
        let mut samples = Vec::new();
        for first in (0..records.len()).step_by(batch) {
            let statement = statement(&prover, first)?;
            let proved = prover.prove_unchecked(&statement, profile).map_err(rejected)?;
            let start = Instant::now();
            verify(&key, &statement, profile, &proved.proof).map_err(rejected)?;
            let verify_ms = start.elapsed().as_secs_f64() * 1e3;
            samples.push(Sample { times: proved.times, verify_ms, proof_bytes: proved.proof.len() });
            bar.set((first + batch) as f32 / records.len() as f32);
        }
        drop(bar);

        let stage = |value: fn(&StageTimes) -> f64| percentile(samples.iter().map(|s| value(&s.times)), 50);
        let stages = [
            ("witness", stage(|times| times.witness)),
            ("commit", stage(|times| times.commit)),
            ("LogUp", stage(|times| times.lookups)),
            ("convolutions", stage(|times| times.convolutions)),
            ("openings", stage(|times| times.openings)),
        ];
        let infer = stage(|times| times.infer);
        let prove = stage(StageTimes::prove);
        let prove_p95 = percentile(samples.iter().map(|sample| sample.times.prove()), 95);
        let verify = percentile(samples.iter().map(|sample| sample.verify_ms), 50);
        let bytes = samples.iter().map(|sample| sample.proof_bytes).max().unwrap_or(0);
        let peak = peak_rss_mib();
        let stages_object: serde_json::Map<_, _> =
            stages.iter().map(|&(name, ms)| (name.to_owned(), json!(ms))).collect();
        let object = json!({
            "infer_ms_p50": infer,
            "prove_ms_p50": prove,
            "prove_ms_p95": prove_p95,
            "verify_ms_p50": verify,
            "proof_bytes": bytes,
            "peak_rss_mib": peak,
            "stages": stages_object,
            "batch": batch,
        });
        let mut lines = format!(
            "{} proofs of {batch} moves each\ninference    {infer} ms\nproof        {prove} ms (95 %: {prove_p95} ms)",
            samples.len()
        );
        for (name, ms) in stages {
            lines += &format!("\n  {name:12} {ms} ms");
        }
        lines += &format!("\nverification {verify} ms\nproof size   {bytes} bytes\npeak memory  {peak} MiB");
        emit_either(self.json, &object, &lines)
    }
}
