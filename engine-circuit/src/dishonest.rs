//! Where a dishonest prover departs from the protocol. The default is honest, and all that a server ever uses; the rest exists
//! so that tests can show, for each of the verifier's checks, a proof that this check alone stops (`tests/dishonest.rs`).

use p3_field::PrimeCharacteristicRing;

use crate::commitment::Profile;
use crate::field::{Ext, Val};
use crate::model::VerifyingKey;
use crate::statement::{PublicMove, Statement};
use crate::verify::{VerifyError, verify_with};
use crate::witness::Witness;

/// A lie in the lookup tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TreeLie {
    /// None.
    #[default]
    Honest,
    /// The root's first child has a numerator that makes the sum zero; the levels below are honest.
    Root,
    /// The same, and every level's first numerator makes the level before it right.
    Down,
}

/// A lie in an opening.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpeningLie {
    /// At this stage (1: before word 1, and so on; the number of words: before the last table) the table is replaced by one for
    /// which the running claim holds.
    pub replaced_table: Option<usize>,
    /// One more than the out-of-domain value of this word.
    pub out_of_domain: Option<usize>,
    /// Nonces without their work.
    pub no_work: bool,
    /// Error of the claim before the last of several tables joins: each round until then halves it, whatever its challenge.
    pub halved_error: Ext,
}

/// All departures of one proof.
#[derive(Clone, Debug, Default)]
pub struct Lies<'a> {
    /// What is committed, if not the witness's table.
    pub committed: Option<&'a [Val]>,
    /// Added to the witness's out-of-domain value.
    pub out_of_domain: Ext,
    /// In the lookup tree.
    pub tree: TreeLie,
    /// The witness of the linear argument, if another than the lookups'.
    pub linear_witness: Option<&'a Witness>,
    /// The positions of the linear argument, if others than the statement's.
    pub linear_moves: Option<&'a [PublicMove]>,
    /// The weights of the linear argument, if others than the committed.
    pub weights: Option<&'a [Val]>,
    /// In the opening of the witness.
    pub witness_opening: OpeningLie,
    /// In the opening of the weights.
    pub weights_opening: OpeningLie,
    /// Work per query phase, if other than the profile's: for [`verify_with_work`].
    pub grinding: Option<u32>,
}

/// Verifies with every check of a profile but for its work: `bits` a query phase. For tests that make hundreds of proofs; it
/// accepts proofs that cost too little to make, so nothing else may use it.
///
/// # Errors
///
/// As [`crate::verify()`].
pub fn verify_with_work(
    key: &VerifyingKey,
    statement: &Statement,
    profile: Profile,
    proof: &[u8],
    bits: u32,
) -> Result<(), VerifyError> {
    verify_with(key, statement, profile, proof, |openings| openings.with_grinding(bits))
}

/// Changes one entry of `table` so that its product with `weights` sums to `claim`.
pub(crate) fn replace(table: &mut [Ext], weights: &[Ext], claim: Ext) {
    let sum: Ext = table.iter().zip(weights).map(|(&value, &weight)| value * weight).sum();
    if let Some((entry, &weight)) = table.iter_mut().zip(weights).find(|(_, weight)| **weight != Ext::ZERO) {
        *entry += (claim - sum) * p3_field::Field::inverse(&weight);
    }
}
