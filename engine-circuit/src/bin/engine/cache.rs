//! The prover with its encoded weights: kept beside the model, or where the user's caches are if that folder can't be
//! written. A cache whose proofs do not verify is thrown away and built again, once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_circuit::weights::CacheError;
use engine_circuit::{Model, Profile, ProveError, Proved, Prover, ProverError, Statement};
use serde_json::{Value, json};

use crate::output::{Bar, Outcome, emit_either, misuse, peak_rss_mib, rounded, security_bits, write_file};

/// A prover that repairs its cache.
pub struct CachedProver {
    prover: Prover,
    places: Vec<PathBuf>,
    json: bool,
}

/// Where a model's cache may be, the preferred place first.
fn places(model_path: &Path, model: &Model) -> Vec<PathBuf> {
    let folder = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache")));
    let beside = model_path.with_extension("cache");
    let user = folder.map(|folder| folder.join("fairmate").join(format!("{}.cache", model.digest())));
    // A model that is itself called `.cache` is not overwritten.
    (beside != model_path).then_some(beside).into_iter().chain(user).collect()
}

fn open(model: &Arc<Model>, places: &[PathBuf], json: bool) -> Outcome<Prover> {
    let bar = Bar::new("encoding the weights (once for this model)", json);
    let mut reason = "there is no folder for caches".to_owned();
    for place in places {
        match Prover::open(Arc::clone(model), place, &|done| bar.set(done)) {
            Ok(prover) => return Ok(prover),
            Err(error @ ProverError::Cache(CacheError::Io { .. })) => reason = error.to_string(),
            Err(error) => return Err(misuse(error)),
        }
    }
    Err(misuse(format!("no place for the weights cache: {reason}")))
}

impl CachedProver {
    /// Maps or builds the cache of a model.
    pub fn open(model_path: &Path, model: Model, json: bool) -> Outcome<Self> {
        let places = places(model_path, &model);
        let prover = open(&Arc::new(model), &places, json)?;
        Ok(Self { prover, places, json })
    }

    /// The model.
    pub fn model(&self) -> &Model {
        self.prover.model()
    }

    /// A proof nobody has verified yet, for measuring.
    pub fn prove_unchecked(&self, statement: &Statement, profile: Profile) -> Result<Proved, ProveError> {
        self.prover.prove(statement, profile)
    }

    /// A proof that verifies, or why the statement is false.
    pub fn prove(&mut self, statement: &Statement, profile: Profile) -> Outcome<Result<Proved, ProveError>> {
        match self.prover.prove_checked(statement, profile) {
            Err(ProveError::SelfCheck(_)) => {
                // One that can't be removed is passed over: what is left of the list is where the new one may go.
                self.places.retain(|place| std::fs::remove_file(place).is_ok() || !place.exists());
                self.prover = open(self.prover.model(), &self.places, self.json)?;
                match self.prover.prove_checked(statement, profile) {
                    Err(error @ ProveError::SelfCheck(_)) => Err(misuse(error)),
                    result => Ok(result),
                }
            }
            result => Ok(result),
        }
    }
}

/// Writes a proof and says what it took; `facts` are the object's keys that tell what was proven.
pub fn hand_over(
    prover: &CachedProver,
    proved: &Proved,
    (num_moves, profile): (usize, Profile),
    facts: Vec<(&str, Value)>,
    out: &Path,
    json: bool,
) -> Outcome {
    write_file(out, &proved.proof)?;
    let (infer_ms, prove_ms) = (rounded(proved.times.infer), rounded(proved.times.prove()));
    let bits = security_bits(&prover.model().verifying_key(), num_moves, profile);
    let digest = prover.model().digest().to_string();
    let (bytes, peak) = (proved.proof.len(), peak_rss_mib());
    let mut lines = String::new();
    for (what, value) in &facts {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        lines += &format!("{what} {text}\n");
    }
    lines += &format!(
        "model {digest}\ninference {infer_ms} ms, proof {prove_ms} ms, {bytes} bytes, {peak} MiB, {bits} bits\n{}",
        out.display()
    );
    let mut object = json!({
        "digest": digest,
        "infer_ms": infer_ms,
        "prove_ms": prove_ms,
        "proof_bytes": bytes,
        "peak_rss_mib": peak,
        "security_bits": bits,
    });
    for (what, value) in facts {
        object[what] = value;
    }
    emit_either(json, &object, &lines)
}
