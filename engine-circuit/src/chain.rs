//! What a contract knows of a model: the sizes of its circuit as one byte string, which `contracts/src/verifier/Keys.sol` reads.
//!
//! Words of 32 bytes: format, digest, root of the weights, their fixed out-of-domain point and value, first state of the transcript. Then
//! numbers of two bytes: the network's sizes, per group of kernel slots layer and source, per skip layer and factor; then for each number of moves
//! from 1 on the sections, the witness's layout and the opening's schedule. Last the noise table. Everything is the Rust circuit's; the contract computes
//! no size itself.

use p3_field::{BasedVectorSpace, PrimeField32};

use crate::argument::columns::ColumnError;
use crate::argument::linear::LinearError;
use crate::argument::lookups::LookupError;
use crate::channel::ChannelError;
use crate::commitment::{OpeningError, Openings, Profile, Schedule};
use crate::encode::{HEAD_PLANES, NUM_PLANES};
use crate::field::{Ext, Val};
use crate::model::{CENTRE, KERNEL, QUOTIENT_BITS, SCALE_LOG2, VerifyingKey, weights_point};
use crate::sampling::{LOG_TABLE, gumbel_table};
use crate::shape::{MASKED_GAP, NUM_LIMBS, Section, Shape};
use crate::transcript::keccak256;
use crate::verify::{VerifyError, protocol};

/// Most words of an opening.
const MAX_WORDS: usize = 6;
/// Tables of the joint opening.
const NUM_TABLES: usize = 2;
/// Largest key: a contract's code holds it behind a stop byte.
pub const MAX_KEY_BYTES: usize = 24_575;

/// Names the layout and the constants that the contract has in its code.
#[must_use]
pub fn format_name() -> String {
    format!(
        "fairmate verifier key 1: planes {NUM_PLANES}, head {HEAD_PLANES}, scale {SCALE_LOG2}, quotient {QUOTIENT_BITS}, \
         limbs {NUM_LIMBS}, masked {MASKED_GAP}, words {MAX_WORDS}, noise {LOG_TABLE}"
    )
}

/// An extension element as a word of the contract: coefficient `k` at bit `51 k`.
#[must_use]
pub fn word(value: Ext) -> [u8; 32] {
    let coefficients: &[Val] = value.as_basis_coefficients_slice();
    let mut bytes = [0; 32];
    for (k, coefficient) in coefficients.iter().enumerate() {
        let (value, bit) = (u64::from(coefficient.as_canonical_u32()), 51 * k);
        for (n, byte) in (value << (bit % 8)).to_le_bytes().iter().enumerate() {
            if let Some(place) = bytes.get_mut(31usize.wrapping_sub(bit / 8 + n)) {
                *place |= byte;
            }
        }
    }
    bytes
}

/// Numbers of two bytes.
struct Numbers(Vec<u8>);

impl Numbers {
    fn push(&mut self, numbers: &[usize]) {
        self.0.extend(numbers.iter().flat_map(|&number| {
            debug_assert!(u16::try_from(number).is_ok());
            (number as u16).to_be_bytes()
        }));
    }

    fn schedule(&mut self, schedule: &Schedule) {
        let Schedule { tables, words, final_variables, grinding } = schedule;
        debug_assert!(tables.len() == NUM_TABLES && words.len() <= MAX_WORDS);
        self.push(&[tables.len(), words.len(), *final_variables, *grinding as usize]);
        for table in tables {
            self.push(&[table.num_variables, table.folds, table.leaf_folds, table.log_leaves()]);
        }
        for word in 0..MAX_WORDS {
            self.push(&words.get(word).map(|w| [w.folds, w.log_leaves(), w.queries]).unwrap_or_default());
        }
    }

    /// What depends on the number of moves.
    fn variant(&mut self, shape: &Shape) {
        let (sections, witness) = (&shape.sections, &shape.witness);
        self.push(&[shape.log_moves, sections.log_leaves, witness.num_variables]);
        for Section { start, num_variables } in [
            sections.activation,
            sections.remainder,
            sections.gap,
            sections.activation_table,
            sections.range_table,
        ] {
            self.push(&[num_variables, start >> num_variables]);
        }
        let block = shape.log_block();
        for (start, log) in [
            (witness.activations, block),
            (witness.quotients, block),
            (witness.logits, block),
            (witness.limbs, block),
            (witness.activation_counts, QUOTIENT_BITS),
            (witness.range_counts, SCALE_LOG2),
        ] {
            debug_assert_eq!(start % (1 << log), 0);
            self.push(&[start >> log]);
        }
        let openings = Openings::new(Profile::Chain, witness.num_variables, shape.weight_variables());
        openings.schedules().for_each(|schedule| self.schedule(schedule));
    }
}

/// The name that both verifiers give an error: a custom error of `contracts/src/verifier/Errors.sol`.
#[must_use]
pub fn error_name(error: VerifyError) -> &'static str {
    let channel = |error| match error {
        ChannelError::Truncated(_) => "Truncated",
        ChannelError::Trailing(_) => "Trailing",
        ChannelError::NonCanonical(_) => "NonCanonical",
        ChannelError::Grinding(_) => "Grinding",
    };
    let opening = |error| match error {
        OpeningError::Channel(error) => channel(error),
        OpeningError::TableRoot(_) => "TableRoot",
        OpeningError::Root(_) => "Root",
        OpeningError::LastWord => "LastWord",
        OpeningError::FinalClaim => "FinalClaim",
    };
    match error {
        VerifyError::IllegalMove(_) => "IllegalMove",
        VerifyError::Channel(error)
        | VerifyError::Lookups(LookupError::Channel(error))
        | VerifyError::Linear(LinearError::Channel(error)) => channel(error),
        VerifyError::Lookups(LookupError::RootNumerator) => "RootNumerator",
        VerifyError::Lookups(LookupError::RootDenominator) => "RootDenominator",
        VerifyError::Lookups(LookupError::Level(_)) => "Level",
        VerifyError::Columns(ColumnError::Numerator) => "Numerator",
        VerifyError::Columns(ColumnError::Denominator) => "Denominator",
        VerifyError::Linear(LinearError::Weights) => "Weights",
        VerifyError::Linear(LinearError::Source) => "Source",
        VerifyError::Witness(error) | VerifyError::Weights(error) | VerifyError::Joint(error) => {
            opening(error)
        }
    }
}

/// The key of a contract that verifies proofs of the chain's profile about at most `max_moves` moves.
#[must_use]
pub fn verifier_key(key: &VerifyingKey, max_moves: usize) -> Vec<u8> {
    let shape = key.circuit(1);
    let (root, value) = key.commitment();
    let mut root_word = [0; 32];
    root_word[32 - crate::transcript::NODE_BYTES..].copy_from_slice(&root[..crate::transcript::NODE_BYTES]);
    let mut numbers = Numbers(Vec::new());
    for word in [
        keccak256(format_name().as_bytes()),
        *key.digest().as_bytes(),
        root_word,
        word(weights_point(&root)),
        word(value),
        keccak256(protocol(Profile::Chain)),
    ] {
        numbers.0.extend_from_slice(&word);
    }
    // Kernel slots come in groups of nine, all offsets in order; behind them one centre slot a head group.
    let kernels: Vec<_> = shape.terms.iter().filter(|term| term.layer <= shape.num_layers).collect();
    debug_assert!(kernels.iter().enumerate().all(|(n, term)| (term.slot, term.offset) == (n, n % KERNEL)));
    debug_assert!(shape.terms.iter().skip(kernels.len()).enumerate().all(|(n, term)| {
        (term.slot, term.layer, term.source, term.offset)
            == (kernels.len() + n, shape.num_layers + 1 + n, shape.num_layers, CENTRE)
    }));
    numbers.push(&[
        shape.channels,
        shape.num_layers,
        shape.log_channels,
        shape.log_layers,
        shape.log_sources,
        shape.log_slots,
        shape.log_head_groups,
        shape.head_groups,
        shape.input_groups,
        shape.skip_slot,
        shape.first_bias_slot,
        usize::from(key.logit_scale_log2()),
        kernels.len() / KERNEL,
        shape.skips.len(),
        max_moves,
        shape.weight_variables(),
    ]);
    for term in kernels.iter().step_by(KERNEL) {
        numbers.push(&[term.layer, term.source]);
    }
    for &(layer, exponent) in &shape.skips {
        numbers.push(&[layer, 1 << SCALE_LOG2.saturating_sub(usize::from(exponent))]);
    }
    for moves in 1..=max_moves {
        numbers.variant(&key.circuit(moves));
    }
    let mut bytes = numbers.0;
    bytes.extend(gumbel_table().iter().flat_map(|entry| entry.to_be_bytes()));
    bytes
}

#[cfg(test)]
mod tests {
    use p3_field::PrimeCharacteristicRing;

    use super::*;

    #[test]
    fn words_hold_coefficients_in_lanes_of_51_bits() {
        let value = Ext::from_basis_coefficients_fn(|k| Val::from_u32(0x7000_0001 + k as u32));
        let bytes = word(value);
        for k in 0..5 {
            let lane: u64 = (0..51)
                .map(|bit| 51 * k + bit)
                .map(|bit| u64::from(bytes[31 - bit / 8] >> (bit % 8) & 1) << (bit - 51 * k))
                .sum();
            assert_eq!(lane, 0x7000_0001 + k as u64, "coefficient {k}");
        }
    }
}
