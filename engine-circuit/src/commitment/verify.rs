//! Verification of an opening, and what both sides share.
//!
//! The claim: `sum over tables t and entries a of W_t(a) * table_t(a) = value`, for one table or two, where the caller can
//! evaluate the multilinear extensions of the `W_t`.
//! 1. The tables are folded by sumcheck over the LOWEST variables of their indices, highest of them first. With two tables the
//!    challenges are shared: the one with fewer folds joins, and its part of the value with it, when as many are left. Then
//!    the folded tables, side by side, are one table whose highest variable is the table's number; a last round binds it to
//!    `s`: from there on there is one table, `(1 - s) table_0 + s table_1`. A shorter folded table is followed by zeros.
//! 2. For each later word `i`: its root; an out-of-domain point `z` and `sum z^a table_i(a)`; grinding; positions of word
//!    `i - 1`, their rows and siblings; one batching challenge `b`. The claim grows by `b` times the out-of-domain value and
//!    `b^(j+2)` times each row's fold, `W` by the same multiples of the powers of `z` and of the positions. Then sumcheck over
//!    the HIGHEST `folds` variables. At a position of word 0 each table's row is opened, from its own tree.
//! 3. The last table is sent; grinding; positions of the last word, each row's fold compared with that table; sumcheck
//!    over the variables left; the final claim is `W(point) * table(rest of the point)`.

use p3_field::{Field, PrimeCharacteristicRing, TwoAdicField};
use thiserror::Error;

use crate::channel::{ChannelError, VerifierChannel};
use crate::commitment::merkle::{root_of_opening, sibling_nodes};
use crate::commitment::schedule::{Schedule, TableShape, WordShape};
use crate::field::{EXT_BYTES, Ext, VAL_BYTES, Val, ext};
use crate::poly::{eq_table, evaluate, powers_eval};
use crate::sumcheck;
use crate::transcript::{NODE_BYTES, Node, Transcript};

/// What is to be opened of one table.
#[derive(Clone, Copy, Debug)]
pub struct OpeningClaim {
    /// Root of its tree.
    pub root: Node,
    /// Value of the linear functional.
    pub value: Ext,
}

/// Why an opening was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum OpeningError {
    /// The bytes do not have the shape.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// Rows of a table do not lead to its root.
    #[error("the rows opened from table {0} do not lead to its root")]
    TableRoot(usize),
    /// Rows of a later word do not lead to its root.
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

/// Leaves of a table's tree that make up the rows at positions.
pub(crate) fn leaf_indices(shape: &TableShape, indices: &[usize]) -> Vec<usize> {
    let log = shape.log_row_leaves();
    indices.iter().flat_map(|&index| index << log..(index + 1) << log).collect()
}

/// How the row of a table folds to one value, times a factor.
pub(crate) struct RowFold<'a> {
    eq: Vec<Ext>,
    /// Challenges of the variables that tell the leaves of a row apart, lowest variable first.
    halvings: Vec<Ext>,
    shape: &'a TableShape,
}

impl<'a> RowFold<'a> {
    /// `low_point`: challenges of the low variables, of which the table's are the last.
    pub(crate) fn new(shape: &'a TableShape, low_point: &[Ext], factor: Ext) -> Self {
        let own = low_point.get(low_point.len().saturating_sub(shape.folds)..).unwrap_or_default();
        let (between, within) = own.split_at(shape.log_row_leaves().min(own.len()));
        let eq = eq_table(within).into_iter().map(|eq| eq * factor).collect();
        Self { eq, halvings: between.iter().rev().copied().collect(), shape }
    }

    /// The row at a position. Of values `u(y)`, `u(-y)` at neighbouring leaves the even part is `(u(y) + u(-y)) / 2`, the odd
    /// part `(u(y) - u(-y)) / 2y`, both at `y^2`.
    #[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    pub(crate) fn fold(&self, index: usize, row: &[Val]) -> Ext {
        let mut values: Vec<Ext> = row
            .chunks(self.eq.len())
            .map(|leaf| leaf.iter().zip(&self.eq).map(|(&value, &eq)| eq * value).sum())
            .collect();
        let mut log_leaves = self.shape.log_leaves();
        let mut first = index << self.halvings.len();
        for &r in &self.halvings {
            values = values
                .as_chunks::<2>()
                .0
                .iter()
                .enumerate()
                .map(|(n, &[plus, minus])| {
                    let y = domain_element(first + 2 * n, log_leaves);
                    let (even, odd) = ((plus + minus).halve(), (plus - minus).halve() * y.inverse());
                    even + r * (odd - even)
                })
                .collect();
            log_leaves = log_leaves.saturating_sub(1);
            first /= 2;
        }
        values.first().copied().unwrap_or(Ext::ZERO)
    }
}

/// Factors of the tables in the one they are folded into.
pub(crate) fn table_factors(selector: &[Ext]) -> Vec<Ext> {
    eq_table(selector)
}

/// A later stage's additions to `W`: powers of `y` times `factor`, over the table that starts at a stage.
struct Added {
    stage_start: usize,
    y: Ext,
    factor: Ext,
}

/// Verifies an opening of the schedule's tables. `weight` evaluates a table's `W` at a point, highest variable first.
///
/// # Errors
///
/// Returns [`OpeningError`] for every proof that is malformed or wrong; never panics on one.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub fn verify_opening(
    schedule: &Schedule,
    claims: &[OpeningClaim],
    channel: &mut VerifierChannel<'_>,
    weight: impl Fn(usize, &[Ext]) -> Ext,
) -> Result<(), OpeningError> {
    debug_assert_eq!(claims.len(), schedule.tables.len());
    let Some((first, later)) = schedule.words.split_first() else { return Err(OpeningError::FinalClaim) };

    // The tables, into one.
    let mut value = Ext::ZERO;
    let mut low_point = Vec::with_capacity(first.folds);
    for left in (1..=first.folds).rev() {
        value += joining(schedule, claims, left);
        let (r, claim) = sumcheck::verify(channel, value, 1)?;
        low_point.extend_from_slice(&r);
        value = claim;
    }
    value += joining(schedule, claims, 0);
    let (selector, selected) = sumcheck::verify(channel, value, schedule.log_tables())?;
    value = selected;
    let factors = table_factors(&selector);

    let mut point = Vec::new();
    let mut added = Vec::new();
    let mut previous: Option<(&WordShape, Node, Vec<Ext>)> = None;
    for (number, shape) in later.iter().enumerate() {
        let root = channel.receive_root()?;
        let z = channel.transcript.sample();
        let [out_of_domain] = channel.receive_array()?;
        let rows = match &previous {
            None => check_tables(schedule, first, claims, &low_point, &factors, channel)?,
            Some((shape, root, folded)) => {
                check_word(number, shape, *root, folded, schedule.grinding, channel)?
            }
        };
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
        let (stage_point, stage_value) = sumcheck::verify(channel, value, shape.folds)?;
        value = stage_value;
        point.extend_from_slice(&stage_point);
        previous = Some((shape, root, stage_point));
    }
    let table = channel.receive(1 << schedule.final_variables)?;
    let rows = match &previous {
        None => check_tables(schedule, first, claims, &low_point, &factors, channel)?,
        Some((shape, root, folded)) => {
            check_word(later.len(), shape, *root, folded, schedule.grinding, channel)?
        }
    };
    for (y, fold) in rows {
        let on_table = table.iter().rev().fold(Ext::ZERO, |sum, &value| sum * y + value);
        if on_table != fold {
            return Err(OpeningError::LastWord);
        }
    }
    let (stage_point, last_value) = sumcheck::verify(channel, value, schedule.final_variables)?;
    point.extend_from_slice(&stage_point);
    let table_value = evaluate(&table, &stage_point);

    let mut total = Ext::ZERO;
    for (number, (shape, &factor)) in schedule.tables.iter().zip(&factors).enumerate() {
        let (zeros, high) = point.split_at(point.len().saturating_sub(shape.height()));
        let low = low_point.get(low_point.len().saturating_sub(shape.folds)..).unwrap_or_default();
        let followed_by_zeros: Ext = zeros.iter().map(|&r| Ext::ONE - r).product();
        total += factor * followed_by_zeros * weight(number, &[high, low].concat());
    }
    for Added { stage_start, y, factor } in added {
        total += factor * powers_eval(y, point.get(stage_start..).unwrap_or_default());
    }
    if total * table_value == last_value { Ok(()) } else { Err(OpeningError::FinalClaim) }
}

/// Values of the tables that have `left` variables to fold.
fn joining(schedule: &Schedule, claims: &[OpeningClaim], left: usize) -> Ext {
    let tables = schedule.tables.iter().zip(claims);
    tables.filter(|(shape, _)| shape.folds == left).map(|(_, claim)| claim.value).sum()
}

/// Receives and checks the rows of the tables; returns each position's `y` and the rows folded into one value.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
fn check_tables(
    schedule: &Schedule,
    first: &WordShape,
    claims: &[OpeningClaim],
    low_point: &[Ext],
    factors: &[Ext],
    channel: &mut VerifierChannel<'_>,
) -> Result<Vec<(Val, Ext)>, OpeningError> {
    channel.check_grind(schedule.grinding)?;
    let indices = opened_indices(&mut channel.transcript, first);
    let mut folds: Vec<(Val, Ext)> =
        indices.iter().map(|&index| (domain_element(index, first.log_leaves()), Ext::ZERO)).collect();
    for (number, ((shape, claim), &factor)) in schedule.tables.iter().zip(claims).zip(factors).enumerate() {
        let leaves = leaf_indices(shape, &indices);
        let row_bytes = VAL_BYTES << shape.folds;
        let rows = opened_rows(&leaves, shape.log_leaves(), indices.len() * row_bytes, claim.root, channel)?
            .ok_or(OpeningError::TableRoot(number))?;
        let row_fold = RowFold::new(shape, low_point, factor);
        for ((row, &index), (_, fold)) in rows.chunks_exact(row_bytes).zip(&indices).zip(&mut folds) {
            *fold += row_fold.fold(index, &channel.parse_vals(row)?);
        }
    }
    Ok(folds)
}

/// Receives and checks the rows of a later word; returns each position's `y` and the row folded at `fold_point`.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
fn check_word(
    number: usize,
    shape: &WordShape,
    root: Node,
    fold_point: &[Ext],
    grinding: u32,
    channel: &mut VerifierChannel<'_>,
) -> Result<Vec<(Val, Ext)>, OpeningError> {
    channel.check_grind(grinding)?;
    let indices = opened_indices(&mut channel.transcript, shape);
    let row_bytes = EXT_BYTES << shape.folds;
    let rows = opened_rows(&indices, shape.log_leaves(), indices.len() * row_bytes, root, channel)?
        .ok_or(OpeningError::Root(number))?;
    let eq = eq_table(fold_point);
    rows.chunks_exact(row_bytes)
        .zip(indices)
        .map(|(row, index)| {
            let fold = channel.parse_exts(row)?.into_iter().zip(&eq).map(|(value, &eq)| eq * value).sum();
            Ok((domain_element(index, shape.log_leaves()), fold))
        })
        .collect()
}

/// Receives leaves and siblings; `None` if they don't lead to the root.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
fn opened_rows<'a>(
    leaves: &[usize],
    log_leaves: usize,
    bytes: usize,
    root: Node,
    channel: &mut VerifierChannel<'a>,
) -> Result<Option<&'a [u8]>, ChannelError> {
    let rows = channel.receive_opening(bytes)?;
    let siblings = channel.receive_opening(NODE_BYTES * sibling_nodes(leaves, log_leaves).len())?;
    let siblings = siblings.as_chunks::<NODE_BYTES>().0;
    let found = root_of_opening(leaves, log_leaves, rows, siblings);
    Ok((found == Some(root)).then_some(rows))
}
