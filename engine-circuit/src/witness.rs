//! The prover's values: traces of the reference inference, laid out as the circuit wants them.

use p3_field::PrimeCharacteristicRing;
use rayon::prelude::*;

use crate::encode::{HEAD_PLANES, HEAD_SIZE, NUM_SQUARES};
use crate::field::Val;
use crate::infer::Trace;
use crate::model::{QUOTIENT_BITS, QuantisedNetwork, SCALE_LOG2};
use crate::shape::{MASKED_GAP, Shape};
use crate::statement::PublicMove;

/// Everything that the lookups and openings of a proof need.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What is committed: `2^num_variables` entries, see [`crate::shape::WitnessLayout`].
    pub table: Vec<Val>,
    /// Remainders at the circuit's scale, blocks as the activations'.
    pub remainders: Vec<Val>,
    /// Limb 0 of the gaps, blocks as the logits'.
    pub limb0: Vec<Val>,
    /// Logit of the move played, by move.
    pub winners: Vec<Val>,
}

/// The committed weights: `W[slot][output][input]`, scaled by `2^(S - shift)`, biases with the rounding's half.
#[must_use]
pub fn weight_table(network: &QuantisedNetwork, shape: &Shape) -> Vec<Val> {
    let width = shape.width();
    let mut table = vec![Val::ZERO; 1 << shape.weight_variables()];
    let scale = |layer: &crate::model::Layer, c: usize| 1i64 << (SCALE_LOG2 - usize::from(layer.shifts[c]));
    for term in &shape.terms {
        let rows = &mut table[term.slot * width * width..][..width * width];
        if let Some(layer) = network.layers().get(term.layer - 1) {
            // A further group of planes starts at a multiple of the width.
            let first =
                if term.source > shape.num_layers { (term.source - shape.num_layers) * width } else { 0 };
            for (c, row) in rows.chunks_exact_mut(width).enumerate().take(shape.channels) {
                let taps = layer.kernel(c).as_chunks::<9>().0;
                for (entry, tap) in row.iter_mut().zip(taps.iter().skip(first)) {
                    *entry = Val::from_i64(i64::from(tap[term.offset]) * scale(layer, c));
                }
            }
        } else {
            let first = (term.layer - 1 - shape.num_layers) * width;
            for (c, row) in rows.chunks_exact_mut(width).enumerate() {
                if first + c < HEAD_PLANES {
                    for (entry, &weight) in row.iter_mut().zip(network.head_kernel(first + c)) {
                        *entry = Val::from_i64(i64::from(weight));
                    }
                }
            }
        }
    }
    for biased in shape.biased_layers() {
        let (slot, i) = shape.bias_place(biased);
        for c in 0..width {
            let value = if let Some(layer) = network.layers().get(biased - 1) {
                if c >= shape.channels {
                    0
                } else {
                    (i64::from(layer.biases[c]) + layer.half(c)) * scale(layer, c)
                }
            } else {
                let plane = (biased - 1 - shape.num_layers) * width + c;
                network.head_biases().get(plane).map_or(0, |&bias| i64::from(bias))
            };
            table[(slot * width + c) * width + i] = Val::from_i64(value);
        }
    }
    table
}

impl Witness {
    /// Lays out the traces of the statement's moves. Values outside a lookup table are not counted: a dishonest trace gives a
    /// witness whose lookups do not balance.
    #[must_use]
    pub fn new(shape: &Shape, network: &QuantisedNetwork, moves: &[PublicMove], traces: &[Trace]) -> Self {
        let winners: Vec<i64> =
            moves.iter().zip(traces).map(|(public, trace)| i64::from(trace.logits[public.chosen])).collect();
        Self::with_winners(shape, network, moves, traces, &winners)
    }

    /// The same with given logits of the moves played.
    #[must_use]
    pub fn with_winners(
        shape: &Shape,
        network: &QuantisedNetwork,
        moves: &[PublicMove],
        traces: &[Trace],
        winners: &[i64],
    ) -> Self {
        let block = 1 << shape.log_block();
        let in_use = shape.channels * NUM_SQUARES;
        let layout = &shape.witness;
        let mut table = vec![Val::ZERO; 1 << layout.num_variables];
        let mut remainders = vec![Val::ZERO; shape.num_layers * shape.num_moves * block];
        let mut limb0 = vec![Val::ZERO; shape.head_groups * shape.num_moves * block];
        let mut range_counts = vec![0u32; 1 << SCALE_LOG2];
        let mut activation_counts = vec![0u32; 1 << QUOTIENT_BITS];

        let trace_block = |n: usize| {
            let (layer, mv) = (n / shape.num_moves, n % shape.num_moves);
            (layer, &traces[mv], layer * in_use)
        };
        let count = shape.num_layers * shape.num_moves * block;
        table[layout.activations..][..count].par_chunks_mut(block).enumerate().for_each(|(n, values)| {
            let (_, trace, at) = trace_block(n);
            for (value, &x) in values.iter_mut().zip(&trace.activations[at..at + in_use]) {
                *value = Val::from_u8(x);
            }
        });
        table[layout.quotients..][..count].par_chunks_mut(block).enumerate().for_each(|(n, values)| {
            let (_, trace, at) = trace_block(n);
            for (value, &q) in values.iter_mut().zip(&trace.quotients[at..at + in_use]) {
                *value = Val::from_i16(q);
            }
        });
        remainders.par_chunks_mut(block).enumerate().for_each(|(n, values)| {
            let (layer, trace, at) = trace_block(n);
            let rows = trace.remainders[at..at + in_use].chunks_exact(NUM_SQUARES);
            for ((values, row), &shift) in
                values.chunks_exact_mut(NUM_SQUARES).zip(rows).zip(&network.layers()[layer].shifts)
            {
                for (value, &r) in values.iter_mut().zip(row) {
                    *value = Val::from_u32(u32::from(r) << (SCALE_LOG2 - usize::from(shift)));
                }
            }
        });
        for trace in traces {
            for &q in &trace.quotients {
                activation_counts[(i32::from(q) + (1 << (QUOTIENT_BITS - 1))) as usize] += 1;
            }
            for (row, &shift) in trace
                .remainders
                .chunks_exact(NUM_SQUARES)
                .zip(network.layers().iter().flat_map(|layer| &layer.shifts))
            {
                for &r in row {
                    if let Some(count) =
                        range_counts.get_mut(usize::from(r) << (SCALE_LOG2 - usize::from(shift)))
                    {
                        *count += 1;
                    }
                }
            }
        }

        for (mv, (public, trace)) in moves.iter().zip(traces).enumerate() {
            // What is subtracted beside the logit: a legal move's noise, or minus the masked entries' gap.
            let mut bias = vec![-i64::from(MASKED_GAP); HEAD_SIZE];
            public.mask.iter().zip(&public.noise).for_each(|(&index, &noise)| bias[index] = i64::from(noise));
            let winner = winners[mv] + i64::from(public.chosen_noise());
            for (index, (&bias, &logit)) in bias.iter().zip(&trace.logits).enumerate() {
                let logit = i64::from(logit);
                let gap = winner - logit - bias - i64::from(index < public.chosen);
                // A negative gap has no limbs in range; what is left goes to limb 0, out of range.
                let limb1 = if gap < 0 { 0 } else { gap >> SCALE_LOG2 };
                let rest = gap - (limb1 << SCALE_LOG2);
                let (group, offset) = shape.head_place(index);
                let at = ((group * shape.num_moves + mv) << shape.log_block()) + offset;
                table[layout.logits + at] = Val::from_i64(logit);
                table[layout.limbs + at] = Val::from_i64(limb1);
                limb0[at] = Val::from_i64(rest);
                for limb in [rest, limb1] {
                    if let Some(count) =
                        usize::try_from(limb).ok().and_then(|limb| range_counts.get_mut(limb))
                    {
                        *count += 1;
                    }
                }
            }
        }
        let mut put = |start: usize, counts: &[u32]| {
            for (value, &count) in table[start..].iter_mut().zip(counts) {
                *value = Val::from_u32(count);
            }
        };
        put(layout.activation_counts, &activation_counts);
        put(layout.range_counts, &range_counts);
        Self {
            table,
            remainders,
            limb0,
            winners: winners.iter().map(|&winner| Val::from_i64(winner)).collect(),
        }
    }

    /// The activations of a layer at a move: (channel, square).
    pub fn activation_block(&self, shape: &Shape, layer: usize, mv: usize) -> &[Val] {
        let block = (layer - 1) * shape.num_moves + mv;
        &self.table[shape.witness.activations + (block << shape.log_block())..][..1 << shape.log_block()]
    }
}
