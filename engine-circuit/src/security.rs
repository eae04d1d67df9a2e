//! The composed security of a proof, in bits: every error term of every argument, added up.
//!
//! Interactive soundness of each round, as Fiat-Shamir in the random-oracle model needs it (round-by-round; grinding adds
//! its bits to the query phases). No conjecture: the openings' terms are those of the Johnson regime
//! (`commitment/schedule.rs`). Outer challenges are charged once for every pair of members of the witness's and the weights' lists.
//!
//! Nodes of hash trees are 26 bytes. Who evaluates the hash `t` times finds a collision with probability below
//! `3 t^2 / 2^208` (Ben-Sasson, Chiesa, Spooner, TCC 2016, eprint 2016/116, section 6); for the `t <= 2^100` that a claim of
//! 100 bits is about that is at most `2^-106.4` an evaluation, which is charged. Not charged: collisions of the transcript's
//! 32 bytes (`2^-154` by the same count), the bias of sampled challenges.

use crate::argument::packing::{WEIGHT_CLAIMS, WITNESS_CLAIMS};
use crate::commitment::schedule::FIELD_BITS;
use crate::commitment::{Openings, Profile, Schedule};
use crate::model::VerifyingKey;
use crate::transcript::NODE_BYTES;

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
pub fn error_terms(key: &VerifyingKey, num_moves: usize, profile: Profile) -> Vec<ErrorTerm> {
    let shape = key.circuit(num_moves);
    let openings = Openings::new(profile, shape.witness.num_variables, shape.weight_variables());
    // Both commitments may be close to lists; every pair of members gets its chance.
    let lists: f64 = openings.schedules().map(Schedule::first_lists).sum();
    let leaves = shape.sections.log_leaves;
    let outer = |name: &str, degree: f64| ErrorTerm {
        name: name.to_owned(),
        bits: FIELD_BITS - degree.log2() - lists,
    };
    let mut terms = vec![
        ErrorTerm { name: "collisions".to_owned(), bits: 8.0 * NODE_BYTES as f64 - 100.0 - 3f64.log2() },
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
    let parts = match &openings {
        Openings::Separate { witness, weights } => {
            vec![("witness", witness, WITNESS_CLAIMS), ("weights", weights, WEIGHT_CLAIMS)]
        }
        Openings::Joint(schedule) => vec![("opening", schedule, WITNESS_CLAIMS + WEIGHT_CLAIMS)],
    };
    for (name, schedule, claims) in parts {
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
pub fn composed_bits(key: &VerifyingKey, num_moves: usize, profile: Profile) -> f64 {
    -error_terms(key, num_moves, profile).iter().map(|term| (-term.bits).exp2()).sum::<f64>().log2()
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
                for profile in Profile::ALL {
                    let bits = composed_bits(&key, moves, profile);
                    assert!(
                        bits >= 100.0,
                        "{channels} x {blocks}, {moves} moves, {profile:?}: {bits:.2} bits"
                    );
                }
            }
        }
    }
}
