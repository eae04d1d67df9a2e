//! Plain integer inference (`docs/network.md` section 3), no field element in it: the reference that every proof is tested
//! against. Bias and rounding are added first, then the inputs two by two, in registers over the squares.

use wide::{i16x16, i32x8};

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
/// Squares that share one pass: two registers of sums.
const CHUNK: usize = 16;

type Board = [i32; NUM_SQUARES];

/// Board shifted by a kernel offset: `out[s] = board[s + offset]`, 0 outside.
fn shifted(board: &Board, offset: usize) -> Board {
    let mut out = [0; NUM_SQUARES];
    let (files, from) = [(1..8, 0), (0..8, 0), (0..7, 1)][offset % 3].clone();
    let ranks = out.as_chunks_mut::<8>().0.iter_mut();
    // Rank `r` of the output is rank `r + offset / 3 - 1` of the board.
    let sources = board.as_chunks::<8>().0;
    let source = |rank: usize| (rank + offset / 3).checked_sub(1).and_then(|rank| sources.get(rank));
    for (rank, out) in ranks.enumerate() {
        if let Some(source) = source(rank) {
            let length = files.len();
            out[files.clone()].copy_from_slice(&source[from..from + length]);
        }
    }
    out
}

/// Inputs of a linear map, two by two, so that one instruction multiplies and adds both: `pairs[p]` holds, square by square,
/// input `2p` and input `2p + 1` (0 past the last).
struct Inputs {
    /// `pairs[chunk * number + p]`.
    pairs: Vec<[i16x16; 2]>,
}

impl Inputs {
    /// Values 0 to 255.
    fn new(inputs: &[Board]) -> Self {
        let pair = |(chunk, boards): (usize, &[Board])| {
            let value = |n: usize, s: usize| boards.get(n).map_or(0, |board| board[chunk * CHUNK + s] as i16);
            [0, 1].map(|half| i16x16::new(std::array::from_fn(|i| value(i % 2, half * CHUNK / 2 + i / 2))))
        };
        let chunks = 0..NUM_SQUARES / CHUNK;
        Self { pairs: chunks.flat_map(|chunk| inputs.chunks(2).map(move |two| pair((chunk, two)))).collect() }
    }

    /// `biases[b] + sum over inputs i of kernels[b][i] * input i`, on every square.
    fn multiply(&self, biases: [i32; BLOCK], kernels: [&[i8]; BLOCK]) -> [Board; BLOCK] {
        let number = self.pairs.len() / (NUM_SQUARES / CHUNK);
        let pairs_of = |kernel: &[i8]| -> Vec<[i16; 2]> {
            let (pairs, last) = kernel.as_chunks::<2>();
            let pairs = pairs.iter().map(|&pair| pair.map(i16::from));
            pairs.chain(last.iter().map(|&weight| [i16::from(weight), 0])).collect()
        };
        let [w0, w1, w2, w3] = kernels.map(pairs_of);
        let mut boards = biases.map(|bias| [bias; NUM_SQUARES]);
        for (chunk, pairs) in self.pairs.chunks_exact(number).enumerate() {
            let mut accs = biases.map(|bias| [i32x8::splat(bias); 2]);
            for ((((pair, &w0), &w1), &w2), &w3) in pairs.iter().zip(&w0).zip(&w1).zip(&w2).zip(&w3) {
                for (acc, weights) in accs.iter_mut().zip([w0, w1, w2, w3]) {
                    let weight: i16x16 = bytemuck::cast(i32x8::splat(bytemuck::cast(weights)));
                    acc[0] += pair[0].dot(weight);
                    acc[1] += pair[1].dot(weight);
                }
            }
            for (board, acc) in boards.iter_mut().zip(accs) {
                let sums: [i32; CHUNK] = bytemuck::cast(acc);
                board[chunk * CHUNK..][..CHUNK].copy_from_slice(&sums);
            }
        }
        boards
    }
}

fn convolve(layer: &Layer, inputs: &[Board], skip: Option<&[Board]>, trace: &mut Trace) -> Vec<Board> {
    let taps: Vec<Board> = inputs.iter().flat_map(|board| (0..KERNEL).map(|o| shifted(board, o))).collect();
    let taps = Inputs::new(&taps);
    let channels = layer.shifts.len();
    let mut outputs = Vec::with_capacity(channels);
    for first in (0..channels).step_by(BLOCK) {
        let channel = |b: usize| (first + b).min(channels - 1);
        let biases = std::array::from_fn(|b| layer.biases[channel(b)] + layer.half(channel(b)) as i32);
        let accs = taps.multiply(biases, std::array::from_fn(|b| layer.kernel(channel(b))));
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
    let current = Inputs::new(&current);
    for first in (0..HEAD_PLANES).step_by(BLOCK) {
        let plane = |b: usize| (first + b).min(HEAD_PLANES - 1);
        let biases = std::array::from_fn(|b| network.head_biases()[plane(b)]);
        let accs = current.multiply(biases, std::array::from_fn(|b| network.head_kernel(plane(b))));
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
