//! The prover: runs the arguments in the transcript's order and hands claims from one to the next.
//!
//! Order: model digest and statement; root of the witness, an out-of-domain point, its value; `alpha`, `beta`; the lookup
//! tree; the columns' evaluations; the linear argument; batched claims and the opening of the witness; the opening of
//! the weights.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use thiserror::Error;

use crate::argument::columns::{self, Taus, TupleChallenges};
use crate::argument::packing::{WITNESS_CLAIMS, WitnessClaims};
use crate::argument::{linear, lookups};
use crate::channel::ProverChannel;
use crate::commitment::schedule::WITNESS_TABLE;
use crate::commitment::{ClaimGroup, High, KeptHigh, Opened, Openings, Profile, encode_base, open};
use crate::dishonest::Lies;
use crate::field::{Ext, Val};
use crate::infer::{Trace, argmax, infer};
use crate::model::{Model, weights_point};
use crate::poly::{eq_table, powers};
use crate::statement::{PublicMove, Statement, Value};
use crate::verify::{VerifyError, transcript, verify};
use crate::weights::{CacheError, EncodedWeights, Progress, evaluate_powers};
use crate::witness::Witness;

/// Milliseconds by stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct StageTimes {
    /// Inference.
    pub infer: f64,
    /// Witness layout and multiplicities.
    pub witness: f64,
    /// Encoding and hashing of the witness.
    pub commit: f64,
    /// Lookup argument and columns.
    pub lookups: f64,
    /// Linear argument of all layers.
    pub convolutions: f64,
    /// Both openings.
    pub openings: f64,
}

impl StageTimes {
    /// All but inference.
    #[must_use]
    pub fn prove(&self) -> f64 {
        self.witness + self.commit + self.lookups + self.convolutions + self.openings
    }
}

/// A proof and what it took.
#[derive(Clone, Debug)]
pub struct Proved {
    /// The proof in wire form.
    pub proof: Vec<u8>,
    /// Milliseconds by stage.
    pub times: StageTimes,
}

/// Why there is no proof.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ProveError {
    /// The network plays another move there.
    #[error(
        "move {number} of the statement is not the network's own: it plays policy index {network}, not {stated}"
    )]
    NotTheNetworksMove {
        /// Which move, 0 first.
        number: usize,
        /// What the network plays.
        network: usize,
        /// What the statement says.
        stated: usize,
    },
    /// The network's value of the position is another.
    #[error("value {number} of the statement is not the network's own: it gives {network:?}")]
    NotTheNetworksValue {
        /// Which move, 0 first.
        number: usize,
        /// Its win, draw, loss.
        network: Value,
    },
    /// The proof does not verify: the weights' cache or the model's commitment is damaged.
    #[error("the finished proof does not verify ({0}): the weights cache or the model is damaged")]
    SelfCheck(VerifyError),
}

/// Why a prover can't start.
#[derive(Debug, Error)]
pub enum ProverError {
    /// The weights' cache.
    #[error(transparent)]
    Cache(#[from] CacheError),
}

struct Stopwatch(Instant);

impl Stopwatch {
    fn lap(&mut self) -> f64 {
        let now = Instant::now();
        let lap = now.duration_since(self.0).as_secs_f64() * 1e3;
        self.0 = now;
        lap
    }
}

/// Runs a proof on one of the pool's threads: from outside, each of its parallel steps would wait to be handed in.
fn in_pool<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    rayon::scope(|_| work())
}

fn scaled(mut table: Vec<Ext>, factor: Ext) -> Vec<Ext> {
    table.iter_mut().for_each(|value| *value *= factor);
    table
}

/// A model ready to prove.
#[derive(Debug)]
pub struct Prover {
    model: Arc<Model>,
    weights: EncodedWeights,
    /// By profile: the weights' fixed claim, which no proof changes.
    fixed_claims: [OnceLock<Arc<KeptHigh>>; Profile::ALL.len()],
}

impl Prover {
    /// Maps the encoded weights at `cache`, or builds that file first: seconds to a minute, with progress.
    ///
    /// # Errors
    ///
    /// Returns [`ProverError`] if the cache can't be built.
    pub fn open(model: Arc<Model>, cache: &Path, progress: Progress<'_>) -> Result<Self, ProverError> {
        let weights = EncodedWeights::open(&model, cache, progress)?;
        Ok(Self { model, weights, fixed_claims: Default::default() })
    }

    /// Encodes the weights in memory.
    ///
    /// # Errors
    ///
    /// Returns [`ProverError`] if the model's commitment is not that of its weights.
    pub fn in_memory(model: Arc<Model>) -> Result<Self, ProverError> {
        let weights = EncodedWeights::in_memory(&model, &|_| {})?;
        Ok(Self { model, weights, fixed_claims: Default::default() })
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Arc<Model> {
        &self.model
    }

    /// Evaluates the network on every position of a statement.
    #[must_use]
    pub fn traces(&self, moves: &[PublicMove]) -> Vec<Trace> {
        moves.par_iter().map(|public| infer(self.model.network(), &public.planes)).collect()
    }

    /// Proves a statement.
    ///
    /// # Errors
    ///
    /// Returns [`ProveError::NotTheNetworksMove`] if it is false.
    pub fn prove(&self, statement: &Statement, profile: Profile) -> Result<Proved, ProveError> {
        in_pool(|| self.evaluate_and_prove(statement, profile))
    }

    fn evaluate_and_prove(&self, statement: &Statement, profile: Profile) -> Result<Proved, ProveError> {
        let mut watch = Stopwatch(Instant::now());
        let moves = statement.public_moves(self.model.network().logit_scale_log2());
        let shape = self.model.verifying_key().circuit(moves.len());
        let traces = self.traces(&moves);
        for (number, (public, trace)) in moves.iter().zip(&traces).enumerate() {
            let network = argmax(&trace.logits, &public.mask, &public.noise).unwrap_or(public.chosen);
            if network != public.chosen {
                return Err(ProveError::NotTheNetworksMove { number, network, stated: public.chosen });
            }
            let value = trace.value();
            if public.value.is_some_and(|stated| stated != value) {
                return Err(ProveError::NotTheNetworksValue { number, network: value });
            }
        }
        let infer = watch.lap();
        let witness = Witness::new(&shape, self.model.network(), &moves, &traces);
        drop(traces);
        let witness_ms = watch.lap();
        let mut proved = self.prove_witness(statement, profile, &witness);
        proved.times.infer = infer;
        proved.times.witness = witness_ms;
        Ok(proved)
    }

    /// Proves a statement and verifies the proof: what a server sends.
    ///
    /// # Errors
    ///
    /// Returns [`ProveError`] if the statement is false, or the proof does not verify because cache or model are damaged.
    pub fn prove_checked(&self, statement: &Statement, profile: Profile) -> Result<Proved, ProveError> {
        let proved = self.prove(statement, profile)?;
        verify(&self.model.verifying_key(), statement, profile, &proved.proof)
            .map_err(ProveError::SelfCheck)?;
        Ok(proved)
    }

    /// Runs the protocol on a given witness, right or wrong.
    #[must_use]
    pub fn prove_witness(&self, statement: &Statement, profile: Profile, witness: &Witness) -> Proved {
        self.prove_with(statement, profile, witness, &Lies::default())
    }

    /// Runs the protocol on a given witness with departures from it.
    #[must_use]
    pub fn prove_with(
        &self,
        statement: &Statement,
        profile: Profile,
        witness: &Witness,
        lies: &Lies<'_>,
    ) -> Proved {
        in_pool(|| self.run(statement, profile, witness, lies))
    }

    fn run(&self, statement: &Statement, profile: Profile, witness: &Witness, lies: &Lies<'_>) -> Proved {
        let mut watch = Stopwatch(Instant::now());
        let mut times = StageTimes::default();
        let moves = statement.public_moves(self.model.network().logit_scale_log2());
        let key = self.model.verifying_key();
        let shape = key.circuit(moves.len());
        let mut channel = ProverChannel::new(transcript(&key.digest(), statement, profile));
        let mut openings = Openings::new(profile, shape.witness.num_variables, shape.weight_variables());
        if let Some(bits) = lies.grinding {
            openings = openings.with_grinding(bits);
        }

        let committed = lies.committed.unwrap_or(&witness.table);
        let table = openings.witness_table();
        let word = encode_base(RowMajorMatrix::new(committed.to_vec(), 1 << table.folds), table.rate);
        channel.send_root(&word.root());
        let z = channel.transcript.sample();
        let out_of_domain = evaluate_powers(committed, z) + lies.out_of_domain;
        channel.send(&[out_of_domain]);
        times.commit = watch.lap();

        let challenges =
            TupleChallenges { alpha: channel.transcript.sample(), beta: channel.transcript.sample() };
        let tree = lookups::Tree::new(columns::leaves(&shape, witness, challenges));
        let leaf = lookups::prove(&tree, lies.tree, &mut channel);
        drop(tree);
        let taus = Taus::new(&shape, &leaf.point);
        let evals = columns::evaluate(&shape, witness, &taus, &leaf.point);
        channel.send(&evals.to_array());
        times.lookups = watch.lap();

        let weights: &[Val] = lies.weights.unwrap_or(&self.weights.table);
        let linear = linear::prove(
            &shape,
            lies.linear_moves.unwrap_or(&moves),
            &taus,
            weights,
            lies.linear_witness.unwrap_or(witness),
            [evals.acc, evals.logit],
            &mut channel,
        );
        times.convolutions = watch.lap();

        let claims = WitnessClaims {
            shape: &shape,
            moves: &moves,
            leaf_point: &leaf.point,
            taus: &taus,
            evals,
            linear: &linear,
            out_of_domain: (z, out_of_domain),
            batch: channel.transcript.sample(),
        };
        let witness_groups = claims.groups(table.folds);
        let witness_opened =
            Opened { word: &word, values: committed, groups: &witness_groups, claim: claims.value() };
        let weight_groups = |factor: Ext, batch: Ext, folds: usize| {
            let variables = shape.weight_variables();
            let (high, low) = linear.weight_point.split_at(variables - folds);
            let z = weights_point(&key.root);
            let fixed_claim = self.fixed_claims[profile as usize].get_or_init(|| {
                let high = powers(z.exp_power_of_2(folds), Ext::ONE, variables - folds);
                Arc::new(KeptHigh::new(&self.weights.table, high))
            });
            [
                ClaimGroup { low: powers(z, factor, folds), high: High::Kept(Arc::clone(fixed_claim)) },
                ClaimGroup { low: eq_table(low), high: High::Dense(scaled(eq_table(high), factor * batch)) },
            ]
        };
        let weights_opened = |groups, factor: Ext, batch: Ext| Opened {
            word: &self.weights.word,
            values: &self.weights.table,
            groups,
            claim: factor * (key.value + batch * linear.weight),
        };
        match &openings {
            Openings::Separate { witness, weights } => {
                open(witness, &[witness_opened], lies.witness_opening, &mut channel);
                let batch = channel.transcript.sample();
                let groups = weight_groups(Ext::ONE, batch, weights.tables[0].folds);
                let opened = weights_opened(&groups, Ext::ONE, batch);
                open(weights, &[opened], lies.weights_opening, &mut channel);
            }
            Openings::Joint(schedule) => {
                let (batch, factor) = (claims.batch, claims.batch.exp_u64(WITNESS_CLAIMS as u64));
                let groups = weight_groups(factor, batch, schedule.tables[1 - WITNESS_TABLE].folds);
                let both = [witness_opened, weights_opened(&groups, factor, batch)];
                open(schedule, &both, lies.witness_opening, &mut channel);
            }
        }
        self.weights.release();
        times.openings = watch.lap();
        Proved { proof: channel.finish(), times }
    }
}
