//! All claims on the committed witness as ONE linear functional, by powers of one challenge: its weights for the prover (a sum
//! of tensors) and their multilinear extension for the verifier.
//!
//! Claims, in the order of the powers of `batch`, 1 first: out-of-domain value, quotients, activations at tau, logits at tau,
//! the winners' logits, the two multiplicity tables, limb 1, activations at sigma; where the statement has values, also
//! `sum over moves k of eq(tau_k, k) V_j(k)` for win, draw, loss, each a sum of 64 logit entries.

use p3_field::PrimeCharacteristicRing;

use crate::argument::columns::{ColumnEvals, Taus};
use crate::argument::linear::LinearClaims;
use crate::encode::VALUE_PLANES;
use crate::field::Ext;
use crate::model::{QUOTIENT_BITS, SCALE_LOG2};
use crate::poly::{eq_eval, eq_index, eq_table, powers_eval};
use crate::shape::{LOG_SQUARES, Shape};
use crate::statement::PublicMove;

/// Number of claims batched on the witness, three of them only where values are stated.
pub const WITNESS_CLAIMS: usize = 9 + VALUE_PLANES;
/// Number of claims batched on the weights: the fixed out-of-domain value and the evaluation.
pub const WEIGHT_CLAIMS: usize = 2;

/// The claims on the witness.
#[derive(Clone, Debug)]
pub struct WitnessClaims<'a> {
    /// Sizes.
    pub shape: &'a Shape,
    /// Public part of the statement.
    pub moves: &'a [PublicMove],
    /// Leaf point of the lookup argument.
    pub leaf_point: &'a [Ext],
    /// The same, cut into axes.
    pub taus: &'a Taus,
    /// Evaluations of the columns.
    pub evals: ColumnEvals,
    /// What the linear argument left.
    pub linear: &'a LinearClaims,
    /// Out-of-domain point and value, sampled right after the root.
    pub out_of_domain: (Ext, Ext),
    /// Batching challenge.
    pub batch: Ext,
}

/// Powers of the batching challenge, by claim.
struct Factors {
    out_of_domain: Ext,
    quotient: Ext,
    activation: Ext,
    logit: Ext,
    winner: Ext,
    activation_count: Ext,
    range_count: Ext,
    limb: Ext,
    source: Ext,
    values: [Ext; VALUE_PLANES],
}

impl WitnessClaims<'_> {
    fn factors(&self) -> Factors {
        let mut power = Ext::ONE;
        let mut next = || {
            let current = power;
            power *= self.batch;
            current
        };
        Factors {
            out_of_domain: next(),
            quotient: next(),
            activation: next(),
            logit: next(),
            winner: next(),
            activation_count: next(),
            range_count: next(),
            limb: next(),
            source: next(),
            values: std::array::from_fn(|_| next()),
        }
    }

    /// The batched value.
    pub fn value(&self) -> Ext {
        let (factors, evals) = (self.factors(), &self.evals);
        factors.out_of_domain * self.out_of_domain.1
            + factors.quotient * evals.quotient
            + factors.activation * evals.activation
            + factors.logit * evals.logit
            + factors.winner * evals.winner
            + factors.activation_count * evals.activation_count
            + factors.range_count * evals.range_count
            + factors.limb * evals.limb
            + factors.source * self.linear.source
            + self.stated_values(&factors)
    }

    /// The batched value claims.
    fn stated_values(&self, factors: &Factors) -> Ext {
        (self.moves.iter().zip(eq_table(&self.taus.mv)))
            .filter_map(|(public, eq)| Some((public.value?, eq)))
            .map(|(value, eq)| {
                let batched =
                    value.iter().zip(&factors.values).map(|(&v, &factor)| factor * Ext::from_i32(v));
                eq * batched.sum::<Ext>()
            })
            .sum()
    }

    fn table_point(&self, count: usize) -> &[Ext] {
        self.leaf_point.get(self.leaf_point.len().saturating_sub(count)..).unwrap_or_default()
    }

    /// The batched weights' multilinear extension at a point.
    #[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    pub fn weight_at(&self, point: &[Ext]) -> Ext {
        let Self { shape, taus, linear, .. } = self;
        let layout = &shape.witness;
        let factors = self.factors();
        let (high, block) = point.split_at(point.len().saturating_sub(shape.log_block()));
        let eq_high = eq_table(high);
        let eq_mv = eq_table(&taus.mv);
        // sum over (first, move) of eq_first * eq_mv * eq(point, block), over consecutive blocks.
        let blocks = |start: usize, eq_first: &[Ext]| -> Ext {
            let first_block = start >> shape.log_block();
            eq_first
                .iter()
                .zip(eq_high.get(first_block..).unwrap_or_default().chunks(shape.num_moves))
                .map(|(&eq, blocks)| {
                    eq * blocks.iter().zip(&eq_mv).map(|(&block, &eq)| block * eq).sum::<Ext>()
                })
                .sum()
        };
        let eq_layer = eq_table(&taus.layer);
        let eq_layer = eq_layer.get(1..=shape.num_layers).unwrap_or_default();
        let eq_group = eq_table(&taus.group);
        let eq_group = eq_group.get(..shape.head_groups).unwrap_or_default();
        let eq_source = eq_table(&linear.sigma_source);
        let eq_source = eq_source.get(1..=shape.num_layers).unwrap_or_default();
        let at_tau = factors.quotient * blocks(layout.quotients, eq_layer)
            + factors.activation * blocks(layout.activations, eq_layer)
            + factors.logit * blocks(layout.logits, eq_group)
            + factors.limb * blocks(layout.limbs, eq_group);
        let at_sigma = factors.source * blocks(layout.activations, eq_source);
        let winners: Ext = self
            .moves
            .iter()
            .zip(&eq_mv)
            .enumerate()
            .map(|(mv, (public, &eq))| eq * eq_index(point, shape.logit_entry(mv, public.chosen)))
            .sum();
        let table = |start: usize, log: usize| {
            let (prefix, rest) = point.split_at(point.len().saturating_sub(log));
            eq_index(prefix, start >> log) * eq_eval(rest, self.table_point(log))
        };
        let sigma_block = [linear.rho_channel.as_slice(), &linear.sigma_square].concat();
        factors.out_of_domain * powers_eval(self.out_of_domain.0, point)
            + at_tau * eq_eval(&taus.block(), block)
            + at_sigma * eq_eval(&sigma_block, block)
            + factors.winner * winners
            + self.values_weight(&factors, &eq_mv, point)
            + factors.activation_count * table(layout.activation_counts, QUOTIENT_BITS)
            + factors.range_count * table(layout.range_counts, SCALE_LOG2)
    }

    /// The value claims' weights at a point: ones on all squares of a value plane.
    #[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
    fn values_weight(&self, factors: &Factors, eq_mv: &[Ext], point: &[Ext]) -> Ext {
        let planes = point.get(..point.len().saturating_sub(LOG_SQUARES)).unwrap_or_default();
        (self.moves.iter().zip(eq_mv).enumerate())
            .filter(|(_, (public, _))| public.value.is_some())
            .map(|(mv, (_, &eq))| {
                let entries = self.shape.value_entries(mv).into_iter().zip(&factors.values);
                let at = entries.map(|(entry, &factor)| factor * eq_index(planes, entry >> LOG_SQUARES));
                eq * at.sum::<Ext>()
            })
            .sum()
    }
}

#[cfg(feature = "prover")]
mod prover {
    use super::*;
    use crate::commitment::{ClaimGroup, High};
    use crate::poly::powers;
    use rayon::prelude::*;

    /// Adds `factor * eq_first[f] * eq_mv[k] * eq_rest[c]` to the high weights of consecutive blocks.
    struct Adder<'a> {
        high: Vec<Ext>,
        shape: &'a Shape,
        log_low: usize,
    }

    impl Adder<'_> {
        fn blocks(&mut self, start: usize, factor: Ext, eq_first: &[Ext], eq_mv: &[Ext], eq_rest: &[Ext]) {
            let num_moves = self.shape.num_moves;
            let count = eq_first.len() * num_moves * eq_rest.len();
            self.high[start >> self.log_low..][..count].par_chunks_mut(eq_rest.len()).enumerate().for_each(
                |(n, high)| {
                    let scale = factor * eq_first[n / num_moves] * eq_mv[n % num_moves];
                    high.iter_mut().zip(eq_rest).for_each(|(high, &eq)| *high += scale * eq);
                },
            );
        }
    }

    impl WitnessClaims<'_> {
        /// The batched weights as tensors of `2^log_low` low entries, at most a block.
        #[must_use]
        pub fn groups(&self, log_low: usize) -> Vec<ClaimGroup> {
            debug_assert!(log_low <= self.shape.log_block());
            let Self { shape, taus, linear, .. } = self;
            let (layout, factors) = (&shape.witness, self.factors());
            let log_high = layout.num_variables - log_low;
            let eq_mv = eq_table(&taus.mv);
            let adder = || Adder { high: vec![Ext::ZERO; 1 << log_high], shape, log_low };
            let eq_layer = &eq_table(&taus.layer)[1..=shape.num_layers];
            let eq_group = &eq_table(&taus.group)[..shape.head_groups];
            let split = |point: &[Ext]| {
                let (rest, low) = point.split_at(point.len() - log_low);
                (eq_table(rest), eq_table(low))
            };
            let (tau_rest, tau_low) = split(&taus.block());
            let mut at_tau = adder();
            at_tau.blocks(layout.quotients, factors.quotient, eq_layer, &eq_mv, &tau_rest);
            at_tau.blocks(layout.activations, factors.activation, eq_layer, &eq_mv, &tau_rest);
            at_tau.blocks(layout.logits, factors.logit, eq_group, &eq_mv, &tau_rest);
            at_tau.blocks(layout.limbs, factors.limb, eq_group, &eq_mv, &tau_rest);
            // The tables' points end like tau, so they share its low part.
            for (start, factor, log) in [
                (layout.activation_counts, factors.activation_count, QUOTIENT_BITS),
                (layout.range_counts, factors.range_count, SCALE_LOG2),
            ] {
                let (rest, _) = split(self.table_point(log));
                for (high, eq) in at_tau.high[start >> log_low..].iter_mut().zip(rest) {
                    *high += factor * eq;
                }
            }
            let mut at_sigma = adder();
            let (sigma_rest, sigma_low) =
                split(&[linear.rho_channel.as_slice(), &linear.sigma_square].concat());
            let eq_source = &eq_table(&linear.sigma_source)[1..=shape.num_layers];
            at_sigma.blocks(layout.activations, factors.source, eq_source, &eq_mv, &sigma_rest);
            let (z, _) = self.out_of_domain;
            let mut groups = vec![
                ClaimGroup { low: tau_low, high: High::Dense(at_tau.high) },
                ClaimGroup { low: sigma_low, high: High::Dense(at_sigma.high) },
                ClaimGroup {
                    low: powers(z, factors.out_of_domain, log_low),
                    high: High::Dense(powers(z.exp_power_of_2(log_low), Ext::ONE, log_high)),
                },
            ];
            groups.extend(self.moves.iter().zip(&eq_mv).enumerate().map(|(mv, (public, &eq))| {
                let entry = shape.logit_entry(mv, public.chosen);
                let mut low = vec![Ext::ZERO; 1 << log_low];
                low[entry & ((1 << log_low) - 1)] = Ext::ONE;
                ClaimGroup { low, high: High::Single(entry >> log_low, factors.winner * eq) }
            }));
            for (mv, (_, &eq)) in
                self.moves.iter().zip(&eq_mv).enumerate().filter(|(_, (public, _))| public.value.is_some())
            {
                for (entry, factor) in shape.value_entries(mv).into_iter().zip(factors.values) {
                    // A plane may be several rows.
                    let width = 1 << log_low.min(LOG_SQUARES);
                    for first in (entry..entry + (1 << LOG_SQUARES)).step_by(width) {
                        let mut low = vec![Ext::ZERO; 1 << log_low];
                        low[first & ((1 << log_low) - 1)..][..width].fill(Ext::ONE);
                        groups.push(ClaimGroup { low, high: High::Single(first >> log_low, factor * eq) });
                    }
                }
            }
            groups
        }
    }
}
