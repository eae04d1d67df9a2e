//! The circuit of a network for a number of moves: where everything lies. Derived from the verifying key and the
//! statement, never from a proof.
//!
//! | table | index, highest bits first | entries in use |
//! |---|---|---|
//! | `X`, `Q`, `acc`, `R` | layer, move, channel, square | layers `1..=num_layers`, moves `< num_moves`, channels `< channels` |
//! | logit, gap and its limbs | plane group, move, channel, square | plane of the head `= group * 2^log_channels + channel < 76` |
//! | `W` | kernel slot, output channel, input channel | per layer (and group of input planes) 9 slots, head groups, bias slots |
//! | LogUp leaf | section prefix, section axes | see [`Section`] |
//! | witness | blocks of (channel, square), lookup tables | see [`WitnessLayout`] |
//!
//! All sections' axes end in (move, channel, square), so all claims share `tau_k, tau_c, tau_s`, the last coordinates of the
//! leaf point. The skip slot, last of the kernel slots, is public and not committed.

use crate::encode::{HEAD_PLANES, HEAD_SIZE, NUM_PLANES, NUM_SQUARES, POLICY_PLANES, VALUE_PLANES};
use crate::model::{CENTRE, KERNEL, NetworkShape, QUOTIENT_BITS, SCALE_LOG2};

/// Base-2 logarithm of the number of squares.
pub const LOG_SQUARES: usize = 6;
/// Limbs of an argmax gap, `SCALE_LOG2` bits each.
pub const NUM_LIMBS: usize = 2;
/// Base-2 logarithm of [`NUM_LIMBS`].
pub const LOG_LIMBS: usize = 1;
/// What an entry of the head outside the mask (illegal moves, value planes) adds to its gap: more than twice the largest logit
/// with its noise; with them it stays below `2^(2 SCALE_LOG2)`.
pub const MASKED_GAP: u32 = 1 << 27;
/// Most moves in one proof: the longest proof of the largest network still has words within the field's two-adic group.
pub const MAX_MOVES: usize = 256;

/// One kernel slot: `factor[layer]` times the source's input shifted by an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// Kernel slot.
    pub slot: usize,
    /// Trunk layer whose factor multiplies it; `num_layers + 1 + g` is group `g` of the head.
    pub layer: usize,
    /// Source of the input: 0 the first group of planes, `l` the activations of layer `l`, past them further groups.
    pub source: usize,
    /// Kernel offset.
    pub offset: usize,
}

/// A cube of leaves: `start` is a multiple of `2^sum(logs)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// First leaf of the cube.
    pub start: usize,
    /// Variables of the cube.
    pub num_variables: usize,
}

/// LogUp sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections {
    /// Lookups of (quotient, activation).
    pub activation: Section,
    /// Range checks of remainders.
    pub remainder: Section,
    /// Range checks of the gaps' limbs: limb, plane group, move, channel, square.
    pub gap: Section,
    /// Entries of the activation table.
    pub activation_table: Section,
    /// Entries of the range table.
    pub range_table: Section,
    /// Base-2 logarithm of the number of leaves.
    pub log_leaves: usize,
}

/// First entries of what is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WitnessLayout {
    /// Blocks of `2^log_block` entries, block `(layer - 1) * num_moves + move`.
    pub activations: usize,
    /// The same for quotients.
    pub quotients: usize,
    /// Blocks `group * num_moves + move`.
    pub logits: usize,
    /// The same for limb 1 of the gaps.
    pub limbs: usize,
    /// Multiplicities of the activation table.
    pub activation_counts: usize,
    /// Multiplicities of the range table.
    pub range_counts: usize,
    /// Base-2 logarithm of the number of entries.
    pub num_variables: usize,
}

/// Sizes and places.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Channels in use.
    pub channels: usize,
    /// Trunk layers.
    pub num_layers: usize,
    /// Moves in the proof.
    pub num_moves: usize,
    /// Base-2 logarithm of the channels, rounded up.
    pub log_channels: usize,
    /// Base-2 logarithm of the moves, rounded up.
    pub log_moves: usize,
    /// Variables of the layer index.
    pub log_layers: usize,
    /// Variables of the source index.
    pub log_sources: usize,
    /// Groups of input planes.
    pub input_groups: usize,
    /// Groups of the head's planes.
    pub head_groups: usize,
    /// Variables of the plane-group index.
    pub log_head_groups: usize,
    /// Committed slots and the skip slot.
    pub skip_slot: usize,
    /// First bias slot.
    pub first_bias_slot: usize,
    /// Variables of the slot index.
    pub log_slots: usize,
    /// `e` of each layer with a skip, by layer.
    pub skips: Vec<(usize, u8)>,
    /// Kernel slots but the skip slot.
    pub terms: Vec<Term>,
    /// Leaves of the lookup argument.
    pub sections: Sections,
    /// The committed witness.
    pub witness: WitnessLayout,
}

const fn log2_ceil(value: usize) -> usize {
    value.next_power_of_two().trailing_zeros() as usize
}

impl Shape {
    /// The circuit of a network (`skip_exponents` one a block) for `num_moves` moves.
    #[must_use]
    pub fn new(network: NetworkShape, skip_exponents: &[u8], num_moves: usize) -> Self {
        let (channels, num_layers) = (network.channels, network.num_layers());
        let log_channels = log2_ceil(channels);
        let width = 1 << log_channels;
        let (input_groups, head_groups) = (NUM_PLANES.div_ceil(width), HEAD_PLANES.div_ceil(width));
        let log_moves = log2_ceil(num_moves);
        let log_layers = log2_ceil(num_layers + 1);
        let log_head_groups = log2_ceil(head_groups);

        let mut terms = Vec::new();
        for group in 0..input_groups {
            let source = if group == 0 { 0 } else { num_layers + group };
            terms.extend((0..KERNEL).map(|offset| (1, source, offset)));
        }
        terms.extend((2..=num_layers).flat_map(|l| (0..KERNEL).map(move |offset| (l, l - 1, offset))));
        terms.extend((0..head_groups).map(|group| (num_layers + 1 + group, num_layers, CENTRE)));
        let terms: Vec<Term> = terms
            .into_iter()
            .enumerate()
            .map(|(slot, (layer, source, offset))| Term { slot, layer, source, offset })
            .collect();
        let first_bias_slot = terms.len();
        let skip_slot = first_bias_slot + (num_layers + head_groups).div_ceil(width);

        Self {
            channels,
            num_layers,
            num_moves,
            log_channels,
            log_moves,
            log_layers,
            log_sources: log2_ceil(num_layers + input_groups),
            input_groups,
            head_groups,
            log_head_groups,
            skip_slot,
            first_bias_slot,
            log_slots: log2_ceil(skip_slot + 1),
            skips: skip_exponents.iter().enumerate().map(|(block, &e)| (3 + 2 * block, e)).collect(),
            terms,
            sections: sections(
                log_channels + LOG_SQUARES + log_moves,
                log_layers,
                num_layers,
                log_head_groups,
                head_groups,
            ),
            witness: witness_layout(
                log_channels + LOG_SQUARES,
                num_layers * num_moves,
                head_groups * num_moves,
            ),
        }
    }

    /// Variables of a block of (channel, square).
    #[must_use]
    pub fn log_block(&self) -> usize {
        self.log_channels + LOG_SQUARES
    }

    /// Variables of (move, channel, square).
    #[must_use]
    pub fn log_layer(&self) -> usize {
        self.log_moves + self.log_block()
    }

    /// Padded channels.
    #[must_use]
    pub fn width(&self) -> usize {
        1 << self.log_channels
    }

    /// Slot and input channel of the bias vector of a layer (past the trunk: of a head group).
    #[must_use]
    pub fn bias_place(&self, layer: usize) -> (usize, usize) {
        (self.first_bias_slot + (layer - 1) / self.width(), (layer - 1) % self.width())
    }

    /// Variables of the committed weights.
    #[must_use]
    pub fn weight_variables(&self) -> usize {
        self.log_slots + 2 * self.log_channels
    }

    /// Layers and head groups, 1 first: the layers that have a bias.
    #[must_use]
    pub fn biased_layers(&self) -> std::ops::RangeInclusive<usize> {
        1..=self.num_layers + self.head_groups
    }

    /// Where an entry of the head (plane * 64 + square) lies in its move's groups: (group, offset in the block).
    #[must_use]
    pub fn head_place(&self, index: usize) -> (usize, usize) {
        let (plane, square) = (index / NUM_SQUARES, index % NUM_SQUARES);
        (plane >> self.log_channels, (plane & (self.width() - 1)) * NUM_SQUARES + square)
    }

    /// Witness entry of a head entry.
    #[must_use]
    pub fn logit_entry(&self, mv: usize, index: usize) -> usize {
        debug_assert!(index < HEAD_SIZE);
        let (group, offset) = self.head_place(index);
        self.witness.logits + ((group * self.num_moves + mv) << self.log_block()) + offset
    }

    /// First witness entries of a move's value planes, 64 entries each: win, draw, loss.
    #[must_use]
    pub fn value_entries(&self, mv: usize) -> [usize; VALUE_PLANES] {
        std::array::from_fn(|j| self.logit_entry(mv, (POLICY_PLANES + j) * NUM_SQUARES))
    }
}

/// First fit, largest cube first: small sections sit in the unused layers of large ones.
fn sections(
    log_layer: usize,
    log_layers: usize,
    num_layers: usize,
    log_head_groups: usize,
    head_groups: usize,
) -> Sections {
    let layer = 1usize << log_layer;
    let mut used: Vec<(usize, usize)> = Vec::new();
    let mut place = |num_variables: usize, first: usize, count: usize| {
        let mut start = 0;
        while used.iter().any(|&(begin, end)| start + first < end && begin < start + first + count) {
            start += 1 << num_variables;
        }
        used.push((start + first, start + first + count));
        Section { start, num_variables }
    };
    let trunk = log_layers + log_layer;
    let activation = place(trunk, layer, num_layers * layer);
    let remainder = place(trunk, layer, num_layers * layer);
    let activation_table = place(QUOTIENT_BITS, 0, 1 << QUOTIENT_BITS);
    let gap =
        place(LOG_LIMBS + log_head_groups + log_layer, 0, ((1 << log_head_groups) + head_groups) * layer);
    let range_table = place(SCALE_LOG2, 0, 1 << SCALE_LOG2);
    let end = used.iter().map(|&(_, end)| end).max().unwrap_or(1);
    Sections { activation, remainder, gap, activation_table, range_table, log_leaves: log2_ceil(end) }
}

/// Largest cubes first, so that each is aligned to its size.
fn witness_layout(log_block: usize, trunk_blocks: usize, policy_blocks: usize) -> WitnessLayout {
    let mut parts = [
        (QUOTIENT_BITS, 1),
        (SCALE_LOG2, 1),
        (log_block, trunk_blocks),
        (log_block, trunk_blocks),
        (log_block, policy_blocks),
        (log_block, policy_blocks),
    ]
    .into_iter()
    .enumerate()
    .collect::<Vec<_>>();
    parts.sort_by_key(|&(number, (log, _))| (std::cmp::Reverse(log), number));
    let mut starts = [0; 6];
    let mut end = 0;
    for (number, (log, count)) in parts {
        starts[number] = end;
        end += count << log;
    }
    let [activation_counts, range_counts, activations, quotients, logits, limbs] = starts;
    WitnessLayout {
        activations,
        quotients,
        logits,
        limbs,
        activation_counts,
        range_counts,
        num_variables: log2_ceil(end),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commitment::{Openings, Profile, Schedule};

    #[test]
    fn sizes_of_the_128_by_10_network() {
        let network = NetworkShape::new(128, 10).unwrap();
        let shape = Shape::new(network, &[0; 10], 1);
        assert_eq!((shape.skip_slot, shape.weight_variables()), (191, 22));
        assert_eq!((shape.sections.log_leaves, shape.witness.num_variables), (19, 19));
        let game = Shape::new(network, &[0; 10], 40);
        assert_eq!((game.sections.log_leaves, game.witness.num_variables), (25, 24));
    }

    /// So that no statement leads to a word without a domain, whatever network it is about.
    #[test]
    fn the_longest_proof_of_every_network_fits_the_commitment() {
        for channels in 16..=384 {
            for blocks in 1..=24 {
                let Ok(network) = NetworkShape::new(channels, blocks) else { continue };
                let shape = Shape::new(network, &vec![0; blocks], MAX_MOVES);
                for profile in Profile::ALL {
                    let (witness, weights) = (shape.witness.num_variables, shape.weight_variables());
                    let openings = Openings::new(profile, witness, weights);
                    assert!(openings.schedules().all(Schedule::fits), "{channels} x {blocks}, {profile:?}");
                }
            }
        }
    }

    #[test]
    fn sections_do_not_overlap_and_are_aligned() {
        for (channels, blocks, moves) in
            [(16, 1, 1), (16, 24, 5), (40, 3, 3), (64, 6, 1), (256, 16, 1), (384, 7, 2)]
        {
            let shape = Shape::new(NetworkShape { channels, blocks }, &vec![0; blocks], moves);
            let s = shape.sections;
            let layer = 1 << shape.log_layer();
            let groups = (1 << shape.log_head_groups) + shape.head_groups;
            let ranges = [
                (s.activation, layer, shape.num_layers * layer),
                (s.remainder, layer, shape.num_layers * layer),
                (s.gap, 0, groups * layer),
                (s.activation_table, 0, 1 << QUOTIENT_BITS),
                (s.range_table, 0, 1 << SCALE_LOG2),
            ];
            for (n, &(a, first, count)) in ranges.iter().enumerate() {
                assert_eq!(a.start % (1 << a.num_variables), 0);
                assert!(a.start + first + count <= 1 << s.log_leaves);
                assert!(a.num_variables >= shape.log_layer().min(SCALE_LOG2));
                for &(b, other, length) in &ranges[..n] {
                    assert!(
                        a.start + first >= b.start + other + length
                            || b.start + other >= a.start + first + count
                    );
                }
            }
        }
    }
}
