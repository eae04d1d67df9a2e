//! Settles the leaf claims of the lookup argument with evaluations of the columns behind the leaves.
//!
//! A leaf of a section in use adds to the filler's fraction `0 / 1`: numerator 1 and `alpha - tag - beta a - beta^2 b - 1` for a
//! lookup of `(tag, a, b)`, numerator `-multiplicity` for a table's entry (eprint 2023/1284, section 4). Remainders and the
//! lowest limb are no columns: they follow from `R = acc - 2^S Q` and from the gap
//! `D(k, m) = Lw(k) + n(w_k) - L(k, m) - n(m) - [m < w_k] + B [m not in mask_k] = limb0 + 2^S limb1`, where `n` is the public noise of
//! the moves in the mask (0 outside it); the head's value planes take part as entries outside the mask.
//!
//! Claim in: numerator and denominator at the leaf point. Claims out: the eight evaluations; `acc` and `logit` go to the
//! linear argument, the others (and `logit`) to the opening of the witness.

use p3_field::PrimeCharacteristicRing;
use thiserror::Error;

use crate::argument::lookups::LeafClaims;
use crate::encode::{HEAD_PLANES, NUM_SQUARES};
use crate::field::Ext;
use crate::model::{MAX_ACTIVATION, QUOTIENT_BITS, SCALE_LOG2};
use crate::poly::{eq_eval, eq_index, eq_table, identity_eval};
use crate::shape::{LOG_LIMBS, LOG_SQUARES, MASKED_GAP, NUM_LIMBS, Section, Shape};
use crate::statement::PublicMove;

/// Tag of (quotient, activation) pairs.
pub const TAG_ACTIVATION: u32 = 1;
/// Tag of range-checked values.
pub const TAG_RANGE: u32 = 2;

/// The challenges that turn a tuple into a denominator.
#[derive(Clone, Copy, Debug)]
pub struct TupleChallenges {
    /// What tuples are subtracted from.
    pub alpha: Ext,
    /// Powers of it separate the tuple's entries.
    pub beta: Ext,
}

/// The leaf point, cut into axes.
#[derive(Clone, Debug)]
pub struct Taus {
    /// Layer (of the trunk's sections).
    pub layer: Vec<Ext>,
    /// Move.
    pub mv: Vec<Ext>,
    /// Channel or policy plane within its group.
    pub channel: Vec<Ext>,
    /// Square.
    pub square: Vec<Ext>,
    /// Limb and plane group (of the gap's section).
    pub limb: Vec<Ext>,
    /// Plane group.
    pub group: Vec<Ext>,
}

impl Taus {
    /// Cuts a leaf point.
    #[must_use]
    pub fn new(shape: &Shape, point: &[Ext]) -> Self {
        let mut end = point.len();
        let mut last = |count: usize| {
            let start = end.saturating_sub(count);
            let axis = point.get(start..end).unwrap_or_default().to_vec();
            end = start;
            axis
        };
        let square = last(LOG_SQUARES);
        let channel = last(shape.log_channels);
        let mv = last(shape.log_moves);
        let layer_end = point.len().saturating_sub(shape.log_layer());
        let axis = |from: usize, count: usize| {
            let stop = layer_end.saturating_sub(from);
            point.get(stop.saturating_sub(count)..stop).unwrap_or_default().to_vec()
        };
        Self {
            layer: axis(0, shape.log_layers),
            group: axis(0, shape.log_head_groups),
            limb: axis(shape.log_head_groups, LOG_LIMBS),
            mv,
            channel,
            square,
        }
    }

    /// (channel, square), highest first.
    #[must_use]
    pub fn block(&self) -> Vec<Ext> {
        [self.channel.as_slice(), &self.square].concat()
    }
}

/// The evaluations, in the order on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the columns hold only if the evaluations do"]
pub struct ColumnEvals {
    /// Scaled accumulators at (layer, move, channel, square).
    pub acc: Ext,
    /// Quotients there.
    pub quotient: Ext,
    /// Activations there.
    pub activation: Ext,
    /// Logits at (group, move, channel, square).
    pub logit: Ext,
    /// The winners' logits at the move.
    pub winner: Ext,
    /// Multiplicities of the activation table.
    pub activation_count: Ext,
    /// Multiplicities of the range table.
    pub range_count: Ext,
    /// Limb 1 of the gaps, at the logits' point.
    pub limb: Ext,
}

impl ColumnEvals {
    /// Number of evaluations.
    pub const COUNT: usize = 8;

    /// From the wire.
    pub fn from_array(values: [Ext; Self::COUNT]) -> Self {
        let [acc, quotient, activation, logit, winner, activation_count, range_count, limb] = values;
        Self { acc, quotient, activation, logit, winner, activation_count, range_count, limb }
    }

    /// To the wire.
    pub fn to_array(self) -> [Ext; Self::COUNT] {
        let Self { acc, quotient, activation, logit, winner, activation_count, range_count, limb } = self;
        [acc, quotient, activation, logit, winner, activation_count, range_count, limb]
    }
}

/// Why the columns were rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ColumnError {
    /// The numerators do not fit the multiplicities.
    #[error("the lookup tree's numerators do not follow from the columns")]
    Numerator,
    /// The denominators do not fit the columns.
    #[error("the lookup tree's denominators do not follow from the columns")]
    Denominator,
}

/// What a leaf adds to the filler's denominator. Linear, so it holds for evaluations as for entries.
fn leaf_adds(challenges: TupleChallenges, tag: u32, in_use: Ext, a: Ext, b: Ext) -> Ext {
    let TupleChallenges { alpha, beta } = challenges;
    in_use * (alpha - Ext::from_u32(tag + 1)) - beta * (a + beta * b)
}

fn partial_sum(point: &[Ext], from: usize, to: usize) -> Ext {
    eq_table(point).get(from..to).unwrap_or_default().iter().copied().sum()
}

/// The public part of the gaps at (group, move, channel, square): `n(w) - n(m) + B [m not in mask] - [m < w]` over the planes in
/// use.
fn public_gap(shape: &Shape, moves: &[PublicMove], taus: &Taus) -> Ext {
    let (eq_mv, eq_square) = (eq_table(&taus.mv), eq_table(&taus.square));
    let planes = plane_weights(shape, taus);
    let in_use: Ext = planes.iter().copied().sum();
    let at = |index: usize| {
        let plane = planes.get(index / NUM_SQUARES).copied().unwrap_or(Ext::ZERO);
        plane * eq_square.get(index % NUM_SQUARES).copied().unwrap_or(Ext::ZERO)
    };
    let masked = Ext::from_u32(MASKED_GAP);
    let mut sum = Ext::ZERO;
    for (public, &eq) in moves.iter().zip(&eq_mv) {
        let (plane, square) = (public.chosen / NUM_SQUARES, public.chosen % NUM_SQUARES);
        let below = planes.iter().take(plane).copied().sum::<Ext>()
            + planes.get(plane).copied().unwrap_or(Ext::ZERO)
                * eq_square.iter().take(square).copied().sum::<Ext>();
        let mut legal = Ext::ZERO;
        let mut noise = in_use * Ext::from_i32(public.chosen_noise());
        for (&index, &added) in public.mask.iter().zip(&public.noise) {
            let at = at(index);
            legal += at;
            if added != 0 {
                noise -= at * Ext::from_i32(added);
            }
        }
        sum += eq * (masked * (in_use - legal) - below + noise);
    }
    sum
}

/// eq of every plane of the head at (group, channel).
fn plane_weights(shape: &Shape, taus: &Taus) -> Vec<Ext> {
    let mut point = taus.group.clone();
    point.extend_from_slice(&taus.channel);
    let mut weights = eq_table(&point);
    debug_assert_eq!(weights.len(), 1 << (shape.log_head_groups + shape.log_channels));
    weights.truncate(HEAD_PLANES);
    weights
}

/// eq of a section's cube at the leaf point's leading coordinates.
fn section_weight(section: &Section, point: &[Ext]) -> Ext {
    let prefix = point.len().saturating_sub(section.num_variables);
    eq_index(point.get(..prefix).unwrap_or_default(), section.start >> section.num_variables)
}

/// The activation table's columns at its point: quotient and activation.
fn activation_table_evals(point: &[Ext]) -> (Ext, Ext) {
    let quotient = identity_eval(point) - Ext::from_u64(1 << (QUOTIENT_BITS - 1));
    let activation_bits = (MAX_ACTIVATION + 1).trailing_zeros() as usize;
    let (sign, rest) = point.split_at(1.min(point.len()));
    let (high, low) = rest.split_at(rest.len().saturating_sub(activation_bits));
    // The highest bit says "not negative"; all others above the activation's zero: not saturated.
    let small = eq_eval(high, &vec![Ext::ZERO; high.len()]);
    let value = small * identity_eval(low) + (Ext::ONE - small) * Ext::from_i64(MAX_ACTIVATION);
    (quotient, sign.first().copied().unwrap_or(Ext::ZERO) * value)
}

/// Checks the leaf claims against the evaluations; both sides compute the same.
///
/// # Errors
///
/// Returns [`ColumnError`] if one of the two is wrong.
///
/// # Soundness
///
/// The caller settles every evaluation and has observed them.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub fn check(
    shape: &Shape,
    moves: &[PublicMove],
    taus: &Taus,
    leaf: &LeafClaims,
    challenges: TupleChallenges,
    evals: &ColumnEvals,
) -> Result<(), ColumnError> {
    let point = leaf.point.as_slice();
    let scale = Ext::from_u64(1 << SCALE_LOG2);
    let real_moves = partial_sum(&taus.mv, 0, shape.num_moves);
    let trunk = partial_sum(&taus.layer, 1, shape.num_layers + 1)
        * real_moves
        * partial_sum(&taus.channel, 0, shape.channels);
    let planes: Ext = plane_weights(shape, taus).into_iter().sum();
    let limbs = eq_table(&taus.limb);
    let in_gap = limbs.iter().take(NUM_LIMBS).copied().sum::<Ext>() * real_moves * planes;
    let gap = planes * evals.winner - evals.logit + public_gap(shape, moves, taus);
    let limb0 = gap - scale * evals.limb;
    let gap_value = [limb0, evals.limb].into_iter().zip(&limbs).map(|(limb, &eq)| eq * limb).sum::<Ext>();
    let last = |count: usize| point.get(point.len().saturating_sub(count)..).unwrap_or_default();
    let (table_quotient, table_activation) = activation_table_evals(last(QUOTIENT_BITS));

    let sections = &shape.sections;
    let mut numerator = leaf.numerator;
    let mut denominator = leaf.denominator - Ext::ONE;
    for (section, adds, tag, in_use, a, b) in [
        (&sections.activation, trunk, TAG_ACTIVATION, trunk, evals.quotient, evals.activation),
        (&sections.remainder, trunk, TAG_RANGE, trunk, evals.acc - scale * evals.quotient, Ext::ZERO),
        (&sections.gap, in_gap, TAG_RANGE, in_gap, gap_value, Ext::ZERO),
        (
            &sections.activation_table,
            -evals.activation_count,
            TAG_ACTIVATION,
            Ext::ONE,
            table_quotient,
            table_activation,
        ),
        (
            &sections.range_table,
            -evals.range_count,
            TAG_RANGE,
            Ext::ONE,
            identity_eval(last(SCALE_LOG2)),
            Ext::ZERO,
        ),
    ] {
        let weight = section_weight(section, point);
        numerator -= weight * adds;
        denominator -= weight * leaf_adds(challenges, tag, in_use, a, b);
    }
    if numerator != Ext::ZERO {
        return Err(ColumnError::Numerator);
    }
    if denominator != Ext::ZERO { Err(ColumnError::Denominator) } else { Ok(()) }
}

#[cfg(feature = "prover")]
pub use prover::{evaluate, leaves};

#[cfg(feature = "prover")]
mod prover {
    use p3_field::{PackedValue, PrimeCharacteristicRing};
    use rayon::prelude::*;

    use super::{ColumnEvals, TAG_ACTIVATION, TAG_RANGE, Taus, TupleChallenges};
    use crate::argument::lookups::{Chunk, LOG_CHUNK, Leaf, Leaves};
    use crate::encode::{HEAD_PLANES, NUM_SQUARES};
    use crate::field::{Ext, ExtPacked, LANES, Lane, Val, ValPacked};
    use crate::model::{MAX_ACTIVATION, QUOTIENT_BITS, SCALE_LOG2};
    use crate::poly::{eq_table, eq_table_packed};
    use crate::shape::Shape;
    use crate::witness::Witness;

    /// Leaves that one job fills: sixteen channels of a block.
    const CHUNK: usize = 1 << LOG_CHUNK;

    #[derive(Clone, Copy)]
    enum Job<'a> {
        Empty,
        Pairs { quotients: &'a [Val], activations: &'a [Val] },
        Range { values: &'a [Val] },
        ActivationTable { first: usize, counts: &'a [Val] },
        RangeTable { first: usize, counts: &'a [Val] },
    }

    /// What fills each chunk of leaves.
    fn jobs<'a>(shape: &Shape, witness: &'a Witness) -> Vec<Job<'a>> {
        let mut jobs = vec![Job::Empty; (1 << shape.sections.log_leaves) / CHUNK];
        let log_block = shape.log_block();
        // Calls `make` for every chunk of a block that has entries in use, with the range of values.
        let mut fill = |leaf: usize, in_use: usize, make: &dyn Fn(usize, usize) -> Job<'a>| {
            for offset in (0..in_use).step_by(CHUNK) {
                jobs[(leaf + offset) / CHUNK] = make(offset, CHUNK.min(in_use - offset));
            }
        };
        let (sections, layout) = (&shape.sections, &shape.witness);
        for layer in 1..=shape.num_layers {
            for mv in 0..shape.num_moves {
                let leaf = (layer << shape.log_layer()) + (mv << log_block);
                let block = ((layer - 1) * shape.num_moves + mv) << log_block;
                let in_use = shape.channels * NUM_SQUARES;
                let (x, q) = (layout.activations + block, layout.quotients + block);
                fill(sections.activation.start + leaf, in_use, &|o, n| Job::Pairs {
                    quotients: &witness.table[q + o..][..n],
                    activations: &witness.table[x + o..][..n],
                });
                fill(sections.remainder.start + leaf, in_use, &|o, n| Job::Range {
                    values: &witness.remainders[block + o..][..n],
                });
            }
        }
        for group in 0..shape.head_groups {
            let planes = (HEAD_PLANES - group * shape.width()).min(shape.width());
            for mv in 0..shape.num_moves {
                let block = (group * shape.num_moves + mv) << log_block;
                for limb in 0..2 {
                    let leaf =
                        (((limb << shape.log_head_groups) + group) << shape.log_layer()) + (mv << log_block);
                    fill(sections.gap.start + leaf, planes * NUM_SQUARES, &|o, n| Job::Range {
                        values: if limb == 0 {
                            &witness.limb0[block + o..][..n]
                        } else {
                            &witness.table[layout.limbs + block + o..][..n]
                        },
                    });
                }
            }
        }
        fill(sections.activation_table.start, 1 << QUOTIENT_BITS, &|o, n| Job::ActivationTable {
            first: o,
            counts: &witness.table[layout.activation_counts + o..][..n],
        });
        fill(sections.range_table.start, 1 << SCALE_LOG2, &|o, n| Job::RangeTable {
            first: o,
            counts: &witness.table[layout.range_counts + o..][..n],
        });
        jobs
    }

    /// The leaf level in chunks.
    #[must_use]
    pub fn leaves<'a>(shape: &Shape, witness: &'a Witness, challenges: TupleChallenges) -> Leaves<'a> {
        let TupleChallenges { alpha, beta } = challenges;
        let betas = [beta, beta * beta];
        let start = |tag: u32| alpha - Ext::from_u32(tag);
        let lookups = |tag: u32, a: &'a [Val], b: Option<&'a [Val]>| {
            if a.len() == CHUNK {
                let b = b.map(ValPacked::pack_slice);
                return Leaf::Lookups { start: start(tag), a: ValPacked::pack_slice(a), b };
            }
            // A chunk that is part filler.
            let b = b.unwrap_or_default().iter().copied().chain(std::iter::repeat(Val::ZERO));
            explicit(start(tag), betas, a.iter().copied().zip(b).map(|(a, b)| (Val::ONE, a, b)))
        };
        let table = |tag: u32, first: usize, counts: &'a [Val], entry: fn(usize) -> (Val, Val)| {
            let entries = counts.iter().enumerate().map(|(i, &count)| {
                let (a, b) = entry(first + i);
                (-count, a, b)
            });
            explicit(start(tag), betas, entries)
        };
        let chunk = |job: Job<'a>| match job {
            Job::Empty => None,
            Job::Pairs { quotients, activations } => {
                Some(lookups(TAG_ACTIVATION, quotients, Some(activations)))
            }
            Job::Range { values } => Some(lookups(TAG_RANGE, values, None)),
            Job::ActivationTable { first, counts } => Some(table(TAG_ACTIVATION, first, counts, |index| {
                let quotient = index as i64 - (1 << (QUOTIENT_BITS - 1));
                (Val::from_i64(quotient), Val::from_i64(quotient.clamp(0, MAX_ACTIVATION)))
            })),
            Job::RangeTable { first, counts } => {
                Some(table(TAG_RANGE, first, counts, |index| (Val::from_usize(index), Val::ZERO)))
            }
        };
        Leaves { chunks: jobs(shape, witness).into_par_iter().map(chunk).collect(), betas }
    }

    /// A chunk with these numerators and tuples, filler behind them.
    fn explicit<'a>(start: Ext, betas: [Ext; 2], entries: impl Iterator<Item = (Val, Val, Val)>) -> Leaf<'a> {
        let mut columns = [vec![Val::ZERO; CHUNK], vec![Val::ZERO; CHUNK], vec![Val::ZERO; CHUNK]];
        let mut count = 0;
        for ((n, a, b), at) in entries.zip(0..CHUNK) {
            (columns[0][at], columns[1][at], columns[2][at]) = (n, a, b);
            count = at + 1;
        }
        let [n, a, b] = columns.each_ref().map(|column| ValPacked::pack_slice(column));
        let (start, [beta, beta2]) = (ExtPacked::from(start), betas.map(ExtPacked::from));
        let mut chunk = Chunk::filler();
        // What is in use ends with a register.
        for ((numerator, denominator), x) in chunk.registers_mut().zip(0..count.div_ceil(LANES)) {
            *numerator = n[x];
            *denominator = start - beta * a[x] - beta2 * b[x];
        }
        Leaf::Explicit(chunk)
    }

    /// `sum of weights[i] * values[i]`.
    fn dot(weights: &[ExtPacked], values: &[Val]) -> Ext {
        let mut sum = ExtPacked::ZERO;
        for (&weight, &value) in weights.iter().zip(ValPacked::pack_slice(values)) {
            sum += weight * value;
        }
        sum.sum_lanes()
    }

    /// A column of blocks `first * num_moves + move` at `(axis, move, channel, square)`.
    fn column(shape: &Shape, values: &[Val], eq_first: &[Ext], eq_mv: &[Ext], eq_block: &[ExtPacked]) -> Ext {
        let block = 1 << shape.log_block();
        values[..eq_first.len() * shape.num_moves * block]
            .par_chunks(block)
            .enumerate()
            .map(|(n, values)| {
                eq_first[n / shape.num_moves] * eq_mv[n % shape.num_moves] * dot(eq_block, values)
            })
            .sum()
    }

    /// The honest evaluations.
    pub fn evaluate(shape: &Shape, witness: &Witness, taus: &Taus, point: &[Ext]) -> ColumnEvals {
        let eq_mv = eq_table(&taus.mv);
        let eq_layer = &eq_table(&taus.layer)[1..=shape.num_layers];
        let eq_group = &eq_table(&taus.group)[..shape.head_groups];
        let eq_block = eq_table_packed(&taus.block());
        let layout = &shape.witness;
        let trunk = |values: &[Val]| column(shape, values, eq_layer, &eq_mv, &eq_block);
        let policy = |values: &[Val]| column(shape, values, eq_group, &eq_mv, &eq_block);
        let quotient = trunk(&witness.table[layout.quotients..]);
        let counts = |start: usize, log: usize| {
            dot(&eq_table_packed(&point[point.len() - log..]), &witness.table[start..][..1 << log])
        };
        ColumnEvals {
            acc: trunk(&witness.remainders) + quotient * Ext::from_u64(1 << SCALE_LOG2),
            quotient,
            activation: trunk(&witness.table[layout.activations..]),
            logit: policy(&witness.table[layout.logits..]),
            winner: witness.winners.iter().zip(&eq_mv).map(|(&winner, &eq)| eq * winner).sum(),
            activation_count: counts(layout.activation_counts, QUOTIENT_BITS),
            range_count: counts(layout.range_counts, SCALE_LOG2),
            limb: policy(&witness.table[layout.limbs..]),
        }
    }
}
