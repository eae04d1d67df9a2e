//! The verifier: replays the transcript of `prove.rs` and hands each argument's claims to the next.

use thiserror::Error;

use crate::argument::columns::{self, ColumnError, ColumnEvals, Taus, TupleChallenges};
use crate::argument::linear::{self, LinearError};
use crate::argument::lookups::{self, LookupError};
use crate::argument::packing::WitnessClaims;
use crate::channel::{ChannelError, VerifierChannel};
use crate::commitment::{OpeningClaim, OpeningError, Schedule, verify_opening};
use crate::model::{Digest, VerifyingKey, weights_point};
use crate::poly::{eq_eval, powers_eval};
use crate::statement::Statement;
use crate::transcript::Transcript;

/// Name and version of the protocol, first into every transcript.
pub const PROTOCOL: &[u8] = b"fairmate proof 2";

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
}

/// The transcript of a statement about a model, before the first message.
pub(crate) fn transcript(digest: &Digest, statement: &Statement) -> Transcript {
    let mut transcript = Transcript::new(PROTOCOL);
    transcript.observe(digest.as_bytes());
    transcript.observe(&statement.to_bytes());
    transcript
}

/// Verifies that every move of the statement is the argmax, over the legal moves, of the key's network on its position.
///
/// # Errors
///
/// Returns [`VerifyError`] for every proof that is malformed or wrong; never panics on one.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub fn verify(key: &VerifyingKey, statement: &Statement, proof: &[u8]) -> Result<(), VerifyError> {
    let shape = key.circuit(statement.num_moves());
    let moves = statement.public_moves(key.logit_scale_log2());
    if let Some(number) = statement.illegal_move() {
        return Err(VerifyError::IllegalMove(number));
    }
    let schedule = Schedule::witness(shape.witness.num_variables);
    let mut channel = VerifierChannel::new(transcript(&key.digest(), statement), proof);

    let root = channel.receive_hash()?;
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
    let claim = OpeningClaim { root, value: claims.value() };
    verify_opening(&schedule, claim, &mut channel, |point| claims.weight_at(point))
        .map_err(VerifyError::Witness)?;

    // The weights' second claim is the fixed out-of-domain value of the key.
    let batch = channel.transcript.sample();
    let z = weights_point(&key.root);
    let schedule = Schedule::weights(shape.weight_variables());
    let claim = OpeningClaim { root: key.root, value: linear.weight + batch * key.value };
    verify_opening(&schedule, claim, &mut channel, |point| {
        eq_eval(point, &linear.weight_point) + batch * powers_eval(z, point)
    })
    .map_err(VerifyError::Weights)?;
    Ok(channel.finish()?)
}
