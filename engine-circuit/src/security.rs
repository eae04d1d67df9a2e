//! The composed security of a proof, in bits: every error term of every argument, added up.
//!
//! Interactive soundness of each round, as Fiat-Shamir in the random-oracle model needs it (round-by-round; grinding adds
//! its bits to the query phases). No conjecture: the openings' terms are those of the Johnson regime
//! (`commitment/schedule.rs`). Not charged, each below 2^-128: collisions of Keccak-256, the bias of sampled challenges. Outer challenges are charged once for every member of the witness's list.

use crate::argument::packing::{WEIGHT_CLAIMS, WITNESS_CLAIMS};
use crate::commitment::schedule::{FIELD_BITS, list_bits};
use crate::commitment::{Schedule, WordShape};
use crate::model::VerifyingKey;

/// A named error term.
#[derive(Clone, Debug, PartialEq)]
pub struct ErrorTerm {
    /// What fails.
    pub name: String,
    /// `-log2` of its probability.
    pub bits: f64,
}

/// Every error term of a proof about `num_moves` moves.
#[must_use]
pub fn error_terms(key: &VerifyingKey, num_moves: usize) -> Vec<ErrorTerm> {
    let shape = key.circuit(num_moves);
    let witness = Schedule::witness(shape.witness.num_variables);
    let weights = Schedule::weights(shape.weight_variables());
    let list =
        |schedule: &Schedule| schedule.words.first().map_or(0.0, |word: &WordShape| list_bits(word.rate));
    // Both commitments may be close to lists; every pair of members gets its chance.
    let lists = list(&witness) + list(&weights);
    let leaves = shape.sections.log_leaves;
    let outer = |name: &str, degree: f64| ErrorTerm {
        name: name.to_owned(),
        bits: FIELD_BITS - degree.log2() - lists,
    };
    let mut terms = vec![
        // A rational function of degree 2^leaves in alpha, tuples of degree 2 in beta.
        outer("lookup challenges", 3.0 * (leaves as f64).exp2()),
        // Per level a mix, a child and rounds of degree 3.
        outer("lookup tree", (0..leaves).map(|level| 2.0 + 3.0 * level as f64).sum()),
        outer("gamma", 1.0),
        // Also the winners' logits and the stated values: sums over the moves with eq of the leaf point.
        outer("logits at the leaf point", leaves as f64),
        outer(
            "linear sumchecks",
            2.0 * (shape.log_slots + shape.log_channels + shape.log_sources + crate::shape::LOG_SQUARES)
                as f64,
        ),
    ];
    for (name, schedule, claims) in
        [("witness", &witness, WITNESS_CLAIMS), ("weights", &weights, WEIGHT_CLAIMS)]
    {
        terms.extend(
            schedule
                .error_terms(claims)
                .into_iter()
                .map(|(term, bits)| ErrorTerm { name: format!("{name}: {term}"), bits }),
        );
    }
    terms
}

/// All terms together.
#[must_use]
pub fn composed_bits(key: &VerifyingKey, num_moves: usize) -> f64 {
    -error_terms(key, num_moves).iter().map(|term| (-term.bits).exp2()).sum::<f64>().log2()
}

#[cfg(all(test, feature = "prover"))]
mod tests {
    use p3_field::PrimeCharacteristicRing;

    use super::*;
    use crate::field::Ext;
    use crate::model::{Model, NetworkShape, QuantisedNetwork};

    #[test]
    fn every_supported_size_has_a_hundred_bits() {
        for (channels, blocks) in [(16, 1), (64, 5), (64, 24), (128, 10), (256, 16), (263, 16), (384, 7)] {
            let network = QuantisedNetwork::random(NetworkShape { channels, blocks }, 1).unwrap();
            let key = Model::from_parts(network, [0; 32], Ext::ZERO).verifying_key();
            for moves in [1, 2, 40, crate::shape::MAX_MOVES] {
                let bits = composed_bits(&key, moves);
                assert!(bits >= 100.0, "{channels} x {blocks}, {moves} moves: {bits:.1} bits");
            }
        }
    }
}
