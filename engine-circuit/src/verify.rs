//! The verifier: replays the transcript of `prove.rs` and hands each argument's claims to the next.

use p3_field::PrimeCharacteristicRing;
use thiserror::Error;

use crate::argument::columns::{self, ColumnError, ColumnEvals, Taus, TupleChallenges};
use crate::argument::linear::{self, LinearError};
use crate::argument::lookups::{self, LookupError};
use crate::argument::packing::{WITNESS_CLAIMS, WitnessClaims};
use crate::channel::{ChannelError, VerifierChannel};
use crate::commitment::merkle::cut;
use crate::commitment::schedule::WITNESS_TABLE;
use crate::commitment::{OpeningClaim, OpeningError, Openings, Profile, verify_opening};
use crate::field::Ext;
use crate::model::{Digest, VerifyingKey, weights_point};
use crate::poly::{eq_eval, powers_eval};
use crate::statement::Statement;
use crate::transcript::Transcript;

/// Name and version of a profile's protocol, first into every transcript: no proof of one profile is one of the other.
#[must_use]
pub fn protocol(profile: Profile) -> &'static [u8] {
    match profile {
        Profile::Live => b"fairmate proof 2",
        Profile::Chain => b"fairmate chain proof 2",
    }
}

/// Why a proof was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum VerifyError {
    /// The move is not among the legal ones, where the argmax proves nothing about it.
    #[error("move {0} of the statement is not legal")]
    IllegalMove(usize),
    /// The bytes do not have the shape of a proof for this statement.
    #[error("malformed proof: {0}")]
    Channel(#[from] ChannelError),
    /// A value is outside its table, or the move is not the argmax.
    #[error("lookups: {0}")]
    Lookups(#[from] LookupError),
    /// The columns do not fit the lookups.
    #[error("columns: {0}")]
    Columns(#[from] ColumnError),
    /// The layers are not the network's.
    #[error("layers: {0}")]
    Linear(#[from] LinearError),
    /// The witness is not what was committed.
    #[error("witness opening: {0}")]
    Witness(OpeningError),
    /// The weights are not the model's.
    #[error("weights opening: {0}")]
    Weights(OpeningError),
    /// Witness and weights, opened together, are not what was committed and the model's.
    #[error("joint opening: {0}")]
    Joint(OpeningError),
}

impl VerifyError {
    /// Its variants' names, outermost first, with dots between: the same on every platform, without numbers.
    #[must_use]
    pub fn path(&self) -> String {
        let debug = format!("{self:?}");
        let words = debug.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(".")
    }
}

/// The transcript of a statement about a model, before the first message.
pub(crate) fn transcript(digest: &Digest, statement: &Statement, profile: Profile) -> Transcript {
    let mut transcript = Transcript::new(protocol(profile));
    transcript.observe(digest.as_bytes());
    transcript.observe(&statement.to_bytes());
    transcript
}

/// Verifies that every move of the statement is the argmax, over the legal moves, of the key's network on its position.
/// The profile is the caller's to say.
///
/// # Errors
///
/// Returns [`VerifyError`] for every proof that is malformed or wrong; never panics on one.
pub fn verify(
    key: &VerifyingKey,
    statement: &Statement,
    profile: Profile,
    proof: &[u8],
) -> Result<(), VerifyError> {
    verify_with(key, statement, profile, proof, |openings| openings)
}

/// [`verify`] with changed openings: only tests change them (`dishonest.rs`).
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub(crate) fn verify_with(
    key: &VerifyingKey,
    statement: &Statement,
    profile: Profile,
    proof: &[u8],
    change: impl FnOnce(Openings) -> Openings,
) -> Result<(), VerifyError> {
    let shape = key.circuit(statement.num_moves());
    let moves = statement.public_moves(key.logit_scale_log2());
    if let Some(number) = statement.illegal_move() {
        return Err(VerifyError::IllegalMove(number));
    }
    let openings = change(Openings::new(profile, shape.witness.num_variables, shape.weight_variables()));
    let mut channel = VerifierChannel::new(transcript(&key.digest(), statement, profile), proof);

    let root = channel.receive_root()?;
    let z = channel.transcript.sample();
    let [out_of_domain] = channel.receive_array()?;
    let challenges =
        TupleChallenges { alpha: channel.transcript.sample(), beta: channel.transcript.sample() };

    let leaf = lookups::verify(shape.sections.log_leaves, &mut channel)?;
    let taus = Taus::new(&shape, &leaf.point);
    let evals = ColumnEvals::from_array(channel.receive_array()?);
    columns::check(&shape, &moves, &taus, &leaf, challenges, &evals)?;
    let linear = linear::verify(&shape, &moves, &taus, evals.acc, evals.logit, &mut channel)?;

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
    let witness_claim = OpeningClaim { root, value: claims.value() };
    // The weights' first claim is the fixed out-of-domain value of the key.
    let weights_claim = |factor: Ext, batch: Ext| OpeningClaim {
        root: cut(&key.root),
        value: factor * (key.value + batch * linear.weight),
    };
    let weights_at = |point: &[Ext], batch: Ext| {
        powers_eval(weights_point(&key.root), point) + batch * eq_eval(point, &linear.weight_point)
    };
    match &openings {
        Openings::Separate { witness, weights } => {
            verify_opening(witness, &[witness_claim], &mut channel, |_, point| claims.weight_at(point))
                .map_err(VerifyError::Witness)?;
            let batch = channel.transcript.sample();
            let claim = weights_claim(Ext::ONE, batch);
            verify_opening(weights, &[claim], &mut channel, |_, point| weights_at(point, batch))
                .map_err(VerifyError::Weights)?;
        }
        Openings::Joint(schedule) => {
            // All evaluations of both tables have been sent: one challenge batches all claims.
            let (batch, factor) = (claims.batch, claims.batch.exp_u64(WITNESS_CLAIMS as u64));
            let both = [witness_claim, weights_claim(factor, batch)];
            verify_opening(schedule, &both, &mut channel, |table, point| match table {
                WITNESS_TABLE => claims.weight_at(point),
                _ => factor * weights_at(point, batch),
            })
            .map_err(VerifyError::Joint)?;
        }
    }
    Ok(channel.finish()?)
}
