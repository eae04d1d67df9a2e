//! Plain integer inference (`docs/network.md` section 3), no field element in it: the reference that every proof is tested
//! against. Bias and rounding are added first, then input by input; the compiler vectorises over the 64 squares.

use crate::encode::{HEAD_PLANES, HEAD_SIZE, NUM_PLANES, NUM_SQUARES, POLICY_SIZE, Planes, VALUE_PLANES};
use crate::model::{KERNEL, Layer, QuantisedNetwork};

/// Everything that one evaluation computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// `activations[((l - 1) * channels + c) * 64 + square]`.
    pub activations: Vec<u8>,
    /// Quotients before the clamp, same index.
    pub quotients: Vec<i16>,
    /// `(acc + half) mod 2^shift`, same index.
    pub remainders: Vec<u16>,
    /// The head: `logits[plane * 64 + square]`, policy planes first, then win, draw, loss.
    pub logits: Vec<i32>,
}

impl Trace {
    /// Win, draw, loss for the side to move: each value plane's sum over the squares.
    #[must_use]
    pub fn value(&self) -> [i32; VALUE_PLANES] {
        let planes = &self.logits[POLICY_SIZE..];
        std::array::from_fn(|j| planes[j * NUM_SQUARES..][..NUM_SQUARES].iter().sum())
    }
}

/// Output channels that share one pass over the inputs.
const BLOCK: usize = 4;

type Board = [i32; NUM_SQUARES];

/// Board shifted by a kernel offset: `out[s] = board[s + offset]`, 0 outside.
fn shifted(board: &Board, offset: usize) -> Board {
    let (dr, df) = (offset as isize / 3 - 1, offset as isize % 3 - 1);
    std::array::from_fn(|s| {
        let (rank, file) = (s as isize / 8 + dr, s as isize % 8 + df);
        if (0..8).contains(&rank) && (0..8).contains(&file) { board[(rank * 8 + file) as usize] } else { 0 }
    })
}

/// `accs[b][s] += sum over taps of kernels[b][tap] * inputs[tap][s]`.
fn multiply_add(accs: &mut [Board; BLOCK], kernels: [&[i8]; BLOCK], inputs: &[Board]) {
    for (tap, input) in inputs.iter().enumerate() {
        for (acc, kernel) in accs.iter_mut().zip(&kernels) {
            let weight = i32::from(kernel[tap]);
            for (acc, &x) in acc.iter_mut().zip(input) {
                *acc += weight * x;
            }
        }
    }
}

fn convolve(layer: &Layer, inputs: &[Board], skip: Option<&[Board]>, trace: &mut Trace) -> Vec<Board> {
    let taps: Vec<Board> = inputs.iter().flat_map(|board| (0..KERNEL).map(|o| shifted(board, o))).collect();
    let channels = layer.shifts.len();
    let mut outputs = Vec::with_capacity(channels);
    for first in (0..channels).step_by(BLOCK) {
        let channel = |b: usize| (first + b).min(channels - 1);
        let mut accs: [Board; BLOCK] =
            std::array::from_fn(|b| [layer.biases[channel(b)] + layer.half(channel(b)) as i32; NUM_SQUARES]);
        multiply_add(&mut accs, std::array::from_fn(|b| layer.kernel(channel(b))), &taps);
        for (b, acc) in accs.iter().enumerate().take(channels - first) {
            let c = first + b;
            let shift = layer.shifts[c];
            let skip_shift = shift - layer.skip.unwrap_or(shift);
            let mut output = [0; NUM_SQUARES];
            for s in 0..NUM_SQUARES {
                let acc = acc[s] + skip.map_or(0, |boards| boards[c][s] << skip_shift);
                let quotient = acc >> shift;
                output[s] = quotient.clamp(0, 255);
                trace.activations.push(output[s] as u8);
                trace.quotients.push(quotient as i16);
                trace.remainders.push((acc & ((1 << shift) - 1)) as u16);
            }
            outputs.push(output);
        }
    }
    outputs
}

/// Evaluates a network on input planes and keeps every value on the way.
#[must_use]
pub fn infer(network: &QuantisedNetwork, planes: &Planes) -> Trace {
    let values = network.layers().len() * network.channels() * NUM_SQUARES;
    let mut trace = Trace {
        activations: Vec::with_capacity(values),
        quotients: Vec::with_capacity(values),
        remainders: Vec::with_capacity(values),
        logits: Vec::with_capacity(HEAD_SIZE),
    };
    let mut current: Vec<Board> = (0..NUM_PLANES)
        .map(|plane| std::array::from_fn(|s| i32::from(planes[plane * NUM_SQUARES + s])))
        .collect();
    let mut block_input = Vec::new();
    for (n, layer) in network.layers().iter().enumerate() {
        let next = convolve(layer, &current, layer.skip.map(|_| block_input.as_slice()), &mut trace);
        // Layers 2, 4, .. (n = 1, 3, ..) start a block: their input is what the skip adds.
        if n % 2 == 1 {
            block_input = current;
        }
        current = next;
    }
    for first in (0..HEAD_PLANES).step_by(BLOCK) {
        let plane = |b: usize| (first + b).min(HEAD_PLANES - 1);
        let mut accs: [Board; BLOCK] =
            std::array::from_fn(|b| [network.head_biases()[plane(b)]; NUM_SQUARES]);
        multiply_add(&mut accs, std::array::from_fn(|b| network.head_kernel(plane(b))), &current);
        accs.iter().take(HEAD_PLANES - first).for_each(|acc| trace.logits.extend_from_slice(acc));
    }
    trace
}

/// The index in `candidates` with the largest logit plus noise, the lowest index of equals; `None` if there are no candidates.
/// `noise` belongs to `candidates` entry by entry.
#[must_use]
pub fn argmax(logits: &[i32], candidates: &[usize], noise: &[i32]) -> Option<usize> {
    (candidates.iter().copied().zip(noise))
        .max_by_key(|&(index, &noise)| (logits[index] + noise, std::cmp::Reverse(index)))
        .map(|(index, _)| index)
}
