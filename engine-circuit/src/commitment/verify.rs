//! Verification of an opening, and what both sides share.
//!
//! The claim: `sum over a of W(a) * table(a) = value`, where the caller can evaluate the multilinear extension of `W`.
//! 1. Word 0 is folded by sumcheck over the LOWEST `folds` variables of the table's index, highest of them first.
//! 2. For each later word `i`: its root; an out-of-domain point `z` and `sum z^a table_i(a)`; grinding; positions of word
//!    `i - 1`, their rows and siblings; one batching challenge `b`. The claim grows by `b` times the out-of-domain value and
//!    `b^(j+2)` times each row's fold, `W` by the same multiples of the powers of `z` and of the positions. Then sumcheck over
//!    the HIGHEST `folds` variables.
//! 3. The last table is sent; grinding; positions of the last word, each row's fold compared with that table; sumcheck
//!    over the variables left; the final claim is `W(point) * table(rest of the point)`.

use p3_field::{PrimeCharacteristicRing, TwoAdicField};
use thiserror::Error;

use crate::channel::{ChannelError, VerifierChannel};
use crate::commitment::merkle::{root_of_opening, sibling_nodes};
use crate::commitment::schedule::{QUERY_GRINDING, Schedule, WordShape};
use crate::field::{EXT_BYTES, Ext, VAL_BYTES, Val, ext};
#[cfg(feature = "prover")]
use crate::field::{read_ext, read_val};
use crate::poly::{eq_table, evaluate, powers_eval};
use crate::sumcheck;
use crate::transcript::{Hash, Transcript};

/// What is to be opened.
#[derive(Clone, Copy, Debug)]
pub struct OpeningClaim {
    /// Root of word 0.
    pub root: Hash,
    /// Value of the linear functional.
    pub value: Ext,
}

/// Why an opening was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpeningError {
    /// The bytes do not have the shape.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Rows do not lead to the root.
    #[error("the rows opened from word {0} do not lead to its root")]
    Root(usize),
    /// A row's fold is not on the last table.
    #[error("a row of the last word does not fold to the table sent")]
    LastWord,
    /// The final claim is false.
    #[error("the opening's last claim is false")]
    FinalClaim,
}

/// `y` at a leaf: `g^bitrev(index)`.
pub(crate) fn domain_element(index: usize, log_leaves: usize) -> Val {
    let exponent =
        if log_leaves == 0 { 0 } else { index.reverse_bits() >> (usize::BITS as usize - log_leaves) };
    Val::two_adic_generator(log_leaves).exp_u64(exponent as u64)
}

/// Positions to open: ascending, distinct.
pub(crate) fn opened_indices(transcript: &mut Transcript, shape: &WordShape) -> Vec<usize> {
    let mut indices = transcript.sample_indices(shape.queries, shape.log_leaves());
    indices.sort_unstable();
    indices.dedup();
    indices
}

/// A row's `width` elements, base or extension by its length; `None` if one is not canonical.
#[cfg(feature = "prover")]
pub(crate) fn row_values(row: &[u8], width: usize) -> Option<Vec<Ext>> {
    if row.len() == width * VAL_BYTES {
        row.as_chunks::<VAL_BYTES>().0.iter().map(|bytes| read_val(bytes).map(ext)).collect()
    } else {
        row.as_chunks::<EXT_BYTES>().0.iter().map(read_ext).collect()
    }
}

/// A later stage's additions to `W`: powers of `y` times `factor`, over the table that starts at a stage.
struct Added {
    stage_start: usize,
    y: Ext,
    factor: Ext,
}

/// Verifies an opening. `weight` evaluates the claim's `W` at a point, highest variable first.
///
/// # Errors
///
/// Returns [`OpeningError`] for every proof that is malformed or wrong; never panics on one.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub fn verify_opening(
    schedule: &Schedule,
    claim: OpeningClaim,
    channel: &mut VerifierChannel<'_>,
    weight: impl FnOnce(&[Ext]) -> Ext,
) -> Result<(), OpeningError> {
    let mut root = claim.root;
    let mut value = claim.value;
    let mut point = Vec::new();
    let mut added = Vec::new();
    let mut low_point = Vec::new();
    let mut folded = Vec::new();
    let mut previous: Option<&WordShape> = None;
    for (i, shape) in schedule.words.iter().enumerate() {
        if let Some(previous) = previous {
            let next_root = channel.receive_hash()?;
            let z = channel.transcript.sample();
            let [out_of_domain] = channel.receive_array()?;
            let rows = check_queries(i - 1, previous, root, &folded, channel)?;
            let batch = channel.transcript.sample();
            let stage_start = point.len();
            let mut factor = batch;
            value += factor * out_of_domain;
            added.push(Added { stage_start, y: z, factor });
            for (y, fold) in rows {
                factor *= batch;
                value += factor * fold;
                added.push(Added { stage_start, y: ext(y), factor });
            }
            root = next_root;
        }
        let (stage_point, stage_value) = sumcheck::verify(channel, value, shape.folds)?;
        value = stage_value;
        if i == 0 {
            low_point.clone_from(&stage_point);
        } else {
            point.extend_from_slice(&stage_point);
        }
        folded = stage_point;
        previous = Some(shape);
    }
    let table = channel.receive(1 << schedule.final_variables)?;
    if let Some(last) = previous {
        for (y, fold) in check_queries(schedule.words.len() - 1, last, root, &folded, channel)? {
            let on_table = table.iter().rev().fold(Ext::ZERO, |sum, &value| sum * y + value);
            if on_table != fold {
                return Err(OpeningError::LastWord);
            }
        }
    }
    let (stage_point, last_value) = sumcheck::verify(channel, value, schedule.final_variables)?;
    point.extend_from_slice(&stage_point);
    let table_value = evaluate(&table, &stage_point);
    let high = point.clone();
    point.extend_from_slice(&low_point);
    let mut weight = weight(&point);
    for Added { stage_start, y, factor } in added {
        weight += factor * powers_eval(y, high.get(stage_start..).unwrap_or_default());
    }
    if weight * table_value == last_value { Ok(()) } else { Err(OpeningError::FinalClaim) }
}

/// Receives and checks the rows of a word; returns each position's `y` and the row folded at `fold_point`.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
fn check_queries(
    number: usize,
    shape: &WordShape,
    root: Hash,
    fold_point: &[Ext],
    channel: &mut VerifierChannel<'_>,
) -> Result<Vec<(Val, Ext)>, OpeningError> {
    channel.check_grind(QUERY_GRINDING)?;
    let indices = opened_indices(&mut channel.transcript, shape);
    let width = 1 << shape.folds;
    let row_bytes = width * if number == 0 { VAL_BYTES } else { EXT_BYTES };
    let rows = channel.receive_opening(indices.len() * row_bytes)?;
    let siblings = channel.receive_opening(32 * sibling_nodes(&indices, shape.log_leaves()).len())?;
    let siblings = siblings.as_chunks::<32>().0;
    if root_of_opening(&indices, shape.log_leaves(), rows, siblings) != Some(root) {
        return Err(OpeningError::Root(number));
    }
    let eq = eq_table(fold_point);
    rows.chunks_exact(row_bytes)
        .zip(indices)
        .map(|(row, index)| {
            let fold = if number == 0 {
                channel.parse_vals(row)?.into_iter().zip(&eq).map(|(value, &eq)| eq * value).sum()
            } else {
                channel.parse_exts(row)?.into_iter().zip(&eq).map(|(value, &eq)| eq * value).sum()
            };
            Ok((domain_element(index, shape.log_leaves()), fold))
        })
        .collect()
}
