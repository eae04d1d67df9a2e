//! One identity for every layer, the head and all moves:
//! `acc(tau) + gamma logit(tau) = sum over (slot, i) of W(slot, tau_c, i) Y(slot, i)`, where `Y` holds each layer's factor (eq
//! of the layer index, `gamma` times eq of the plane group for the head) times its shifted input at `tau_k, tau_s`.
//! Source: Thaler (CRYPTO 2013, eprint 2013/351), with the output point bound first, so that the prover pays for weights and
//! activations but not for products.
//!
//! First sumcheck over (slot, input channel), second over (source, square) with the kernel offsets as a public matrix.
//! Claims in: `acc` and `logit` at tau. Claims out: activations at `(sigma_l, tau_k, rho_i, sigma_s)`, weights at
//! `(rho_e, tau_c, rho_i)`. The linear part is the one of `docs/network.md` section 3 times `2^(S - shift)`; biases carry the
//! rounding's half and enter as slots whose input is `sum over real moves of eq(tau_k)`.

use p3_field::PrimeCharacteristicRing;
use thiserror::Error;

use crate::argument::columns::Taus;
use crate::channel::{ChannelError, VerifierChannel};
use crate::encode::{NUM_PLANES, NUM_SQUARES, PLANE_ON};
use crate::field::Ext;
use crate::model::{CENTRE, KERNEL, SCALE_LOG2};
use crate::poly::{eq_eval, eq_table};
use crate::shape::{LOG_SQUARES, Shape};
use crate::statement::PublicMove;
use crate::sumcheck;

/// What remains of the identity.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the layers hold only if both claims do"]
pub struct LinearClaims {
    /// Point of the weights: slot, output channel, input channel.
    pub weight_point: Vec<Ext>,
    /// Committed weights there.
    pub weight: Ext,
    /// Source index of the activations' claim.
    pub sigma_source: Vec<Ext>,
    /// Input channel of it.
    pub rho_channel: Vec<Ext>,
    /// Square of it.
    pub sigma_square: Vec<Ext>,
    /// Activations (planes apart) at source, `tau_k`, channel, square.
    pub source: Ext,
}

/// Why the linear argument was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LinearError {
    /// The bytes do not have the shape.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The first sumcheck does not end in weights times inputs.
    #[error("the accumulators are not the weights times the inputs")]
    Weights,
    /// The second sumcheck does not end in activations and planes.
    #[error("the layers' inputs are not the activations and the position's planes")]
    Source,
}

/// Public numbers of the identity at one leaf point.
struct Public {
    /// `factor[layer]`, past the trunk the head's groups; entry 0 unused.
    factors: Vec<Ext>,
    /// Sum of eq over the real moves.
    moves: Ext,
}

impl Public {
    fn new(shape: &Shape, taus: &Taus, gamma: Ext) -> Self {
        let mut factors = eq_table(&taus.layer);
        factors.truncate(shape.num_layers + 1);
        factors.extend(eq_table(&taus.group).iter().take(shape.head_groups).map(|&eq| gamma * eq));
        Self { factors, moves: eq_table(&taus.mv).iter().take(shape.num_moves).copied().sum() }
    }

    fn factor(&self, layer: usize) -> Ext {
        self.factors.get(layer).copied().unwrap_or(Ext::ZERO)
    }

    /// (source, offset, `eq(slot) * factor`) of every slot, the skip slot included.
    fn entries<'a>(
        &'a self,
        shape: &'a Shape,
        eq_slot: &'a [Ext],
    ) -> impl Iterator<Item = (usize, usize, Ext)> + 'a {
        let slot = |slot: usize| eq_slot.get(slot).copied().unwrap_or(Ext::ZERO);
        let terms = shape
            .terms
            .iter()
            .map(move |term| (term.source, term.offset, slot(term.slot) * self.factor(term.layer)));
        let skips = shape.skips.iter().map(move |&(layer, e)| {
            (layer - 2, CENTRE, slot(shape.skip_slot) * self.factor(layer) * skip_scale(e))
        });
        terms.chain(skips)
    }

    /// What the bias slots add to `Y(rho)`.
    fn bias_input(&self, shape: &Shape, eq_slot: &[Ext], eq_channel: &[Ext]) -> Ext {
        let sum: Ext = shape
            .biased_layers()
            .map(|layer| {
                let (slot, i) = shape.bias_place(layer);
                let at = |table: &[Ext], index: usize| table.get(index).copied().unwrap_or(Ext::ZERO);
                at(eq_slot, slot) * at(eq_channel, i) * self.factor(layer)
            })
            .sum();
        sum * self.moves
    }
}

/// `2^(S - e)`.
fn skip_scale(exponent: u8) -> Ext {
    Ext::from_u64(1 << SCALE_LOG2.saturating_sub(usize::from(exponent)))
}

/// A kernel offset on (tau_s, sigma_s): `sum over s of eq(tau_s, s) eq(sigma_s, s + offset)`, rank times file.
fn shift_evals(tau: &[Ext], sigma: &[Ext]) -> [Ext; KERNEL] {
    let half = LOG_SQUARES / 2;
    let axis = |from: usize| -> [Ext; 3] {
        let table = |point: &[Ext]| eq_table(point.get(from..from + half).unwrap_or_default());
        let (a, b) = (table(tau), table(sigma));
        let dot = |a: &[Ext], b: &[Ext]| a.iter().zip(b).map(|(&x, &y)| x * y).sum::<Ext>();
        let (after_a, after_b) = (a.get(1..).unwrap_or_default(), b.get(1..).unwrap_or_default());
        [dot(after_a, &b), dot(&a, &b), dot(&a, after_b)]
    };
    let (rank, file) = (axis(0), axis(half));
    std::array::from_fn(|offset| {
        rank.get(offset / 3).copied().unwrap_or(Ext::ZERO)
            * file.get(offset % 3).copied().unwrap_or(Ext::ZERO)
    })
}

/// The input planes of all groups at (sigma_l, tau_k, rho_i, sigma_s).
fn planes_eval(
    shape: &Shape,
    moves: &[PublicMove],
    taus: &Taus,
    eq_source: &[Ext],
    eq_channel: &[Ext],
    sigma_s: &[Ext],
) -> Ext {
    let (eq_mv, eq_square) = (eq_table(&taus.mv), eq_table(sigma_s));
    let mut sum = Ext::ZERO;
    for plane in 0..NUM_PLANES {
        let (group, i) = (plane >> shape.log_channels, plane & (shape.width() - 1));
        let source = if group == 0 { 0 } else { shape.num_layers + group };
        let mut value = Ext::ZERO;
        for (public, &eq) in moves.iter().zip(&eq_mv) {
            let squares = public.planes.as_chunks::<NUM_SQUARES>().0.get(plane);
            // Most entries are 0 or PLANE_ON, and most planes empty or full.
            let mut on = Ext::ZERO;
            for (&entry, &eq_square) in squares.into_iter().flatten().zip(&eq_square) {
                match entry {
                    0 => {}
                    PLANE_ON => on += eq_square,
                    other => value += eq * eq_square * Ext::from_u8(other),
                }
            }
            value += eq * on * Ext::from_u8(PLANE_ON);
        }
        let at = |table: &[Ext], index: usize| table.get(index).copied().unwrap_or(Ext::ZERO);
        sum += value * at(eq_source, source) * at(eq_channel, i);
    }
    sum
}

/// Verifies that `acc` and `logit` follow from the returned claims.
///
/// # Errors
///
/// Returns [`LinearError`] for every proof that is malformed or wrong.
///
/// # Soundness
///
/// The caller settles both claims.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub fn verify(
    shape: &Shape,
    moves: &[PublicMove],
    taus: &Taus,
    acc: Ext,
    logit: Ext,
    channel: &mut VerifierChannel<'_>,
) -> Result<LinearClaims, LinearError> {
    let gamma = channel.transcript.sample();
    let public = Public::new(shape, taus, gamma);
    let (rho, claim) = sumcheck::verify(channel, acc + gamma * logit, shape.log_slots + shape.log_channels)?;
    let (rho_slot, rho_channel) = rho.split_at(shape.log_slots.min(rho.len()));
    let (eq_slot, eq_channel) = (eq_table(rho_slot), eq_table(rho_channel));
    let [weight, input] = channel.receive_array()?;
    // The skip slot's kernel is the identity.
    let skip_weight =
        eq_slot.get(shape.skip_slot).copied().unwrap_or(Ext::ZERO) * eq_eval(&taus.channel, rho_channel);
    if (weight + skip_weight) * input != claim {
        return Err(LinearError::Weights);
    }

    let claim = input - public.bias_input(shape, &eq_slot, &eq_channel);
    let (sigma, claim) = sumcheck::verify(channel, claim, shape.log_sources + LOG_SQUARES)?;
    let (sigma_source, sigma_square) = sigma.split_at(shape.log_sources.min(sigma.len()));
    let [source] = channel.receive_array()?;
    let eq_source = eq_table(sigma_source);
    let shifts = shift_evals(&taus.square, sigma_square);
    let matrix: Ext = public
        .entries(shape, &eq_slot)
        .map(|(source, offset, factor)| {
            let at = |table: &[Ext], index: usize| table.get(index).copied().unwrap_or(Ext::ZERO);
            factor * at(&eq_source, source) * at(&shifts, offset)
        })
        .sum();
    let planes = planes_eval(shape, moves, taus, &eq_source, &eq_channel, sigma_square);
    if matrix * (source + planes) != claim {
        return Err(LinearError::Source);
    }
    Ok(LinearClaims {
        weight_point: [rho_slot, &taus.channel, rho_channel].concat(),
        weight,
        sigma_source: sigma_source.to_vec(),
        rho_channel: rho_channel.to_vec(),
        sigma_square: sigma_square.to_vec(),
        source,
    })
}

#[cfg(feature = "prover")]
pub use prover::prove;

#[cfg(feature = "prover")]
mod prover {
    use std::ops::Mul;

    use p3_field::{PackedValue, PrimeCharacteristicRing};
    use rayon::prelude::*;

    use super::{LinearClaims, Public, planes_eval, skip_scale};
    use crate::argument::columns::Taus;
    use crate::channel::ProverChannel;
    use crate::encode::{NUM_PLANES, NUM_SQUARES};
    use crate::field::{Ext, ExtPacked, LANES, Lane, Val, ValPacked, pack_ext, unpack_ext};
    use crate::model::{CENTRE, KERNEL};
    use crate::poly::{eq_eval, eq_table};
    use crate::shape::{LOG_SQUARES, Shape};
    use crate::statement::PublicMove;
    use crate::sumcheck::Product;
    use crate::witness::Witness;

    /// Registers of a board.
    const BOARD: usize = NUM_SQUARES / LANES;

    /// `W(slot, tau_c, i)`: one pass over the weights, output channels bound. The skip slot holds eq(tau_c).
    fn bound_weights(shape: &Shape, weights: &[Val], eq_channel: &[Ext]) -> Vec<Ext> {
        let width = shape.width();
        let registers = width / LANES;
        let eq: Vec<ExtPacked> = eq_channel.iter().map(|&eq| eq.into()).collect();
        let mut bound: Vec<Ext> = weights
            .par_chunks_exact(width * width)
            .flat_map_iter(|slot| {
                let mut sums = vec![ExtPacked::ZERO; registers];
                for (row, &eq) in slot.chunks_exact(width).zip(&eq) {
                    for (sum, &weight) in sums.iter_mut().zip(ValPacked::pack_slice(row)) {
                        *sum += eq * weight;
                    }
                }
                unpack_ext(&sums)
            })
            .collect();
        bound[shape.skip_slot * width..][..width].copy_from_slice(eq_channel);
        bound
    }

    /// The inputs of all sources: `[source][channel][square]`, squares in registers.
    struct Inputs<T> {
        boards: Vec<T>,
    }

    /// The values of a source at a move: a block of (channel, square).
    fn planes_block(shape: &Shape, group: usize, public: &PublicMove) -> Vec<Val> {
        let width = shape.width();
        let mut block = vec![Val::ZERO; width * NUM_SQUARES];
        let first = group * width * NUM_SQUARES;
        let last = (first + width * NUM_SQUARES).min(NUM_PLANES * NUM_SQUARES);
        for (value, &entry) in block.iter_mut().zip(&public.planes[first..last]) {
            *value = Val::from_u8(entry);
        }
        block
    }

    /// Calls `visit(source, move, block)` for every source and move.
    fn for_each_block(
        shape: &Shape,
        moves: &[PublicMove],
        witness: &Witness,
        mut visit: impl FnMut(usize, usize, &[Val]),
    ) {
        for (mv, public) in moves.iter().enumerate() {
            for group in 0..shape.input_groups {
                let source = if group == 0 { 0 } else { shape.num_layers + group };
                visit(source, mv, &planes_block(shape, group, public));
            }
            for layer in 1..=shape.num_layers {
                visit(layer, mv, witness.activation_block(shape, layer, mv));
            }
        }
    }

    impl<T: Copy + Send + Sync> Inputs<T>
    where
        ExtPacked: Mul<T, Output = ExtPacked>,
    {
        fn source(&self, shape: &Shape, source: usize) -> &[T] {
            let block = shape.width() * BOARD;
            &self.boards[source * block..][..block]
        }

        /// `Y(slot, i)` but for the biases: for each source and channel the nine shifted sums, then the slots' factors.
        fn shifted_sums(&self, shape: &Shape, public: &Public, eq_square: &[Ext]) -> Vec<Ext> {
            let width = shape.width();
            // `taps[offset][s']` is eq(s) where `s + offset = s'`.
            let taps: Vec<Vec<ExtPacked>> = (0..KERNEL)
                .map(|offset| {
                    let (dr, df) = (offset as isize / 3 - 1, offset as isize % 3 - 1);
                    let taps: Vec<Ext> = (0..NUM_SQUARES as isize)
                        .map(|to| {
                            let (rank, file) = (to / 8 - dr, to % 8 - df);
                            let inside = (0..8).contains(&rank) && (0..8).contains(&file);
                            if inside { eq_square[(rank * 8 + file) as usize] } else { Ext::ZERO }
                        })
                        .collect();
                    pack_ext(&taps)
                })
                .collect();
            let sources = shape.num_layers + shape.input_groups;
            let sums: Vec<[Ext; KERNEL]> = (0..sources * width)
                .into_par_iter()
                .with_min_len(64)
                .map(|at| {
                    let board = &self.source(shape, at / width)[at % width * BOARD..][..BOARD];
                    // The last layer's outputs and the skips need the centre alone.
                    let only_centre = at / width == shape.num_layers;
                    std::array::from_fn(|offset| {
                        if only_centre && offset != CENTRE {
                            return Ext::ZERO;
                        }
                        let mut sum = ExtPacked::ZERO;
                        for (&tap, &x) in taps[offset].iter().zip(board) {
                            sum += tap * x;
                        }
                        sum.sum_lanes()
                    })
                })
                .collect();
            let mut y = vec![Ext::ZERO; width << shape.log_slots];
            let mut add = |slot: usize, source: usize, offset: usize, factor: Ext| {
                for (y, sums) in y[slot * width..][..width].iter_mut().zip(&sums[source * width..]) {
                    *y += factor * sums[offset];
                }
            };
            for term in &shape.terms {
                add(term.slot, term.source, term.offset, public.factor(term.layer));
            }
            for &(layer, e) in &shape.skips {
                add(shape.skip_slot, layer - 2, CENTRE, public.factor(layer) * skip_scale(e));
            }
            y
        }

        /// `sum over i of eq_channel[i] * input(source, i, square)`, sources padded to a power of two.
        fn bound_channels(&self, shape: &Shape, eq_channel: &[Ext]) -> Vec<Ext> {
            let eq: Vec<ExtPacked> = eq_channel.iter().map(|&eq| eq.into()).collect();
            let mut bound: Vec<Ext> = (0..shape.num_layers + shape.input_groups)
                .into_par_iter()
                .flat_map_iter(|source| {
                    let mut sums = [ExtPacked::ZERO; BOARD];
                    for (board, &eq) in self.source(shape, source).chunks_exact(BOARD).zip(&eq) {
                        for (sum, &x) in sums.iter_mut().zip(board) {
                            *sum += eq * x;
                        }
                    }
                    unpack_ext(&sums)
                })
                .collect();
            bound.resize(NUM_SQUARES << shape.log_sources, Ext::ZERO);
            bound
        }
    }

    /// Proves the identity; `weights` is the committed table.
    pub fn prove(
        shape: &Shape,
        moves: &[PublicMove],
        taus: &Taus,
        weights: &[Val],
        witness: &Witness,
        claim: [Ext; 2],
        channel: &mut ProverChannel,
    ) -> LinearClaims {
        let sources = shape.num_layers + shape.input_groups;
        let block = shape.width() * BOARD;
        let eq_mv = eq_table(&taus.mv);
        if shape.num_moves == 1 {
            let mut boards = vec![ValPacked::ZERO; sources * block];
            for_each_block(shape, moves, witness, |source, _, values| {
                boards[source * block..][..block].copy_from_slice(ValPacked::pack_slice(values));
            });
            prove_with(shape, moves, taus, weights, &Inputs { boards }, claim, channel)
        } else {
            let mut boards = vec![ExtPacked::ZERO; sources * block];
            for_each_block(shape, moves, witness, |source, mv, values| {
                let eq = ExtPacked::from(eq_mv[mv]);
                let values = ValPacked::pack_slice(values);
                boards[source * block..][..block].par_iter_mut().with_min_len(256).zip(values).for_each(
                    |(sum, &value)| {
                        *sum += eq * value;
                    },
                );
            });
            prove_with(shape, moves, taus, weights, &Inputs { boards }, claim, channel)
        }
    }

    fn prove_with<T: Copy + Send + Sync>(
        shape: &Shape,
        moves: &[PublicMove],
        taus: &Taus,
        weights: &[Val],
        inputs: &Inputs<T>,
        [acc, logit]: [Ext; 2],
        channel: &mut ProverChannel,
    ) -> LinearClaims
    where
        ExtPacked: Mul<T, Output = ExtPacked>,
    {
        let gamma = channel.transcript.sample();
        let public = Public::new(shape, taus, gamma);
        let eq_square = eq_table(&taus.square);
        let mut y = inputs.shifted_sums(shape, &public, &eq_square);
        for layer in shape.biased_layers() {
            let (slot, i) = shape.bias_place(layer);
            y[slot * shape.width() + i] = public.factor(layer) * public.moves;
        }
        let bound = bound_weights(shape, weights, &eq_table(&taus.channel));
        let mut product = Product::new(bound, y);
        let (rho, _) = product.prove(channel, acc + gamma * logit, shape.log_slots + shape.log_channels);
        let [weight, input] = product.finals();
        let (rho_slot, rho_channel) = rho.split_at(shape.log_slots);
        let (eq_slot, eq_channel) = (eq_table(rho_slot), eq_table(rho_channel));
        let weight = weight - eq_slot[shape.skip_slot] * eq_eval(&taus.channel, rho_channel);
        channel.send(&[weight, input]);

        let claim = input - public.bias_input(shape, &eq_slot, &eq_channel);
        let mut matrix = vec![Ext::ZERO; NUM_SQUARES << shape.log_sources];
        for (source, offset, factor) in public.entries(shape, &eq_slot) {
            let (dr, df) = (offset as isize / 3 - 1, offset as isize % 3 - 1);
            for (s, &eq) in eq_square.iter().enumerate() {
                let (rank, file) = (s as isize / 8 + dr, s as isize % 8 + df);
                if (0..8).contains(&rank) && (0..8).contains(&file) {
                    matrix[source * NUM_SQUARES + (rank * 8 + file) as usize] += factor * eq;
                }
            }
        }
        let mut product = Product::new(matrix, inputs.bound_channels(shape, &eq_channel));
        let (sigma, _) = product.prove(channel, claim, shape.log_sources + LOG_SQUARES);
        let (sigma_source, sigma_square) = sigma.split_at(shape.log_sources);
        let [_, all] = product.finals();
        let eq_source = eq_table(sigma_source);
        let source = all - planes_eval(shape, moves, taus, &eq_source, &eq_channel, sigma_square);
        channel.send(&[source]);
        LinearClaims {
            weight_point: [rho_slot, &taus.channel, rho_channel].concat(),
            weight,
            sigma_source: sigma_source.to_vec(),
            rho_channel: rho_channel.to_vec(),
            sigma_square: sigma_square.to_vec(),
            source,
        }
    }
}
