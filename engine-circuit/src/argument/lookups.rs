//! Fractional sumcheck: the fractions `numerator / denominator` of all leaves sum to zero over a denominator that is not
//! zero. Source: Papini, Haböck, "Improving logarithmic derivative lookups using GKR" (eprint 2023/1284), section 3.
//!
//! Level `j` has `2^j` nodes; the children of node `x` are `x` and `x + 2^j`. Claim in: none (the root is checked). Claims out:
//! numerator and denominator of the leaf level at one point.
//!
//! The eq factor is kept out of the round polynomials (Gruen, eprint 2024/108, section 3.1): of
//! `sum_x eq(z, x) gate(x)` a round sends the linear and the quadratic coefficient of `q(t)`, the sum without the current
//! variable's eq; the constant follows from the running claim, `claim = (1 - z_i) q(0) + z_i q(1)`, and the next claim is `q(r)`.

use p3_field::PrimeCharacteristicRing;
use thiserror::Error;

use crate::channel::{ChannelError, VerifierChannel};
use crate::field::Ext;

/// Claims about the leaf level.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "the lookups hold only if the leaf claims do"]
pub struct LeafClaims {
    /// Point, highest variable first.
    pub point: Vec<Ext>,
    /// Value of the numerators there.
    pub numerator: Ext,
    /// Value of the denominators there.
    pub denominator: Ext,
}

/// Why the fractional sumcheck was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LookupError {
    /// The bytes do not have the shape.
    #[error(transparent)]
    Channel(#[from] ChannelError),
    /// The sum of all fractions is not zero.
    #[error("the lookups do not balance: a value is outside its table")]
    RootNumerator,
    /// The denominator of the sum is zero.
    #[error("the lookups' common denominator is zero")]
    RootDenominator,
    /// A level's sumcheck does not end in its children.
    #[error("level {0} of the lookup tree does not follow from the next")]
    Level(usize),
}

/// `n0 d1 + n1 d0 + mix d0 d1`.
fn gate([n0, n1, d0, d1]: [Ext; 4], mix: Ext) -> Ext {
    (n0 + mix * d0) * d1 + n1 * d0
}

/// Verifies a tree with `2^log_leaves` leaves.
///
/// # Errors
///
/// Returns [`LookupError`] for every proof that is malformed or wrong.
///
/// # Soundness
///
/// The caller settles the leaf claims and has fixed all leaves before the first challenge.
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub fn verify(log_leaves: usize, channel: &mut VerifierChannel<'_>) -> Result<LeafClaims, LookupError> {
    let mut claims = LeafClaims { point: Vec::new(), numerator: Ext::ZERO, denominator: Ext::ZERO };
    for level in 0..log_leaves {
        let mut point = Vec::with_capacity(level + 1);
        let (mut claim, mut mix) = (Ext::ZERO, Ext::ZERO);
        if level > 0 {
            mix = channel.transcript.sample();
            claim = claims.numerator + mix * claims.denominator;
            for &z in &claims.point {
                let [linear, quadratic] = channel.receive_array()?;
                let r = channel.transcript.sample();
                claim = claim - z * (linear + quadratic) + r * (linear + r * quadratic);
                point.push(r);
            }
        }
        let children @ [n0, n1, d0, d1] = channel.receive_array()?;
        // Observed first, decided after: every message has moved the transcript by now.
        let r = channel.transcript.sample();
        if level == 0 {
            if n0 * d1 + n1 * d0 != Ext::ZERO {
                return Err(LookupError::RootNumerator);
            }
            if d0 * d1 == Ext::ZERO {
                return Err(LookupError::RootDenominator);
            }
        } else if gate(children, mix) != claim {
            return Err(LookupError::Level(level));
        }
        point.insert(0, r);
        claims = LeafClaims { point, numerator: n0 + r * (n1 - n0), denominator: d0 + r * (d1 - d0) };
    }
    Ok(claims)
}

#[cfg(feature = "prover")]
mod prover;
#[cfg(feature = "prover")]
pub use prover::{Chunk, LOG_CHUNK, Leaf, Leaves, Tree, prove};

#[cfg(all(test, feature = "prover"))]
mod tests {
    use p3_field::PackedValue;

    use super::*;
    use crate::channel::ProverChannel;
    use crate::dishonest::TreeLie;
    use crate::field::{ExtPacked, Val, ValPacked, ext, pack_ext};
    use crate::poly::evaluate;
    use crate::transcript::Transcript;

    /// Pairs of leaves `1/d` and `-1/d` in three chunks of four, filler `0/1` in every fourth: the sum is zero.
    fn leaves(log_leaves: usize) -> (Vec<Val>, Vec<Ext>) {
        let half = 1 << (log_leaves - 1);
        let denominators = Transcript::new(b"d").sample_many(half);
        let filler = |x: usize| half >> LOG_CHUNK > 3 && (x >> LOG_CHUNK).is_multiple_of(4);
        let one = |x: usize| if filler(x) { Val::ZERO } else { Val::ONE };
        let numerators = (0..half).map(one).chain((0..half).map(|x| -one(x))).collect();
        let denominator = |x: usize| if filler(x) { Ext::ONE } else { denominators[x] };
        (numerators, [0, 1].into_iter().flat_map(|_| (0..half).map(denominator)).collect())
    }

    /// Chunks of filler are given as such if `sparse`.
    fn prove_leaves(numerators: &[Val], denominators: &[Ext], sparse: bool) -> (LeafClaims, Vec<u8>) {
        let chunks = numerators.chunks(1 << LOG_CHUNK).zip(denominators.chunks(1 << LOG_CHUNK));
        let chunk = |(numerators, denominators): (&[Val], &[Ext])| {
            let values = ValPacked::pack_slice(numerators).iter().zip(pack_ext(denominators));
            let mut chunk = Chunk::filler();
            chunk.registers_mut().zip(values).for_each(|((n, d), (&numerator, denominator))| {
                (*n, *d) = (numerator, denominator);
            });
            let empty =
                numerators.iter().all(|&n| n == Val::ZERO) && denominators.iter().all(|&d| d == Ext::ONE);
            (!sparse || !empty).then_some(Leaf::Explicit(chunk))
        };
        let tree = Tree::new(Leaves { chunks: chunks.map(chunk).collect(), betas: [Ext::ZERO; 2] });
        let mut channel = ProverChannel::new(Transcript::new(b"lookups"));
        let claims = prove(&tree, TreeLie::Honest, &mut channel);
        (claims, channel.finish())
    }

    fn proof(numerators: &[Val], denominators: &[Ext]) -> (LeafClaims, Vec<u8>) {
        let sparse = prove_leaves(numerators, denominators, true);
        assert_eq!(sparse, prove_leaves(numerators, denominators, false), "filler that is not stored");
        sparse
    }

    /// Lookups of one and of two columns, filler and explicit chunks, side by side in every way: the same proof as with all of them
    /// explicit.
    #[test]
    fn lookups_are_proven_as_if_they_were_written_out() {
        for (seed, log_leaves) in [11, 12, 13, 14, 15, 15, 16, 16, 16].into_iter().enumerate() {
            let chunks = 1 << (log_leaves - LOG_CHUNK);
            let mut transcript = Transcript::new(b"kinds");
            transcript.observe(&seed.to_be_bytes());
            let starts = transcript.sample_many(2);
            let betas = [transcript.sample(), transcript.sample()];
            let kinds = transcript.sample_indices(chunks, 2);
            let values: Vec<Val> = (0..2u64 << log_leaves).map(|i| Val::from_u64((i * i) >> 3)).collect();
            let column = |chunk: usize, which: usize| {
                ValPacked::pack_slice(&values[(2 * chunk + which) << LOG_CHUNK..][..1 << LOG_CHUNK])
            };
            let leaf = |chunk: usize, explicit: bool| {
                let (a, b) = (column(chunk, 0), column(chunk, 1));
                let (start, b) = match kinds[chunk] {
                    0 => return None,
                    1 => (starts[0], Some(b)),
                    2 => (starts[1], None),
                    _ => (starts[1], Some(b)),
                };
                if !explicit && kinds[chunk] < 3 {
                    return Some(Leaf::Lookups { start, a, b });
                }
                let mut written = Chunk::filler();
                for (x, (n, d)) in written.registers_mut().enumerate() {
                    *n = ValPacked::ONE;
                    let [beta, beta2] = betas.map(ExtPacked::from);
                    *d = ExtPacked::from(start) - beta * a[x] - b.map_or(ExtPacked::ZERO, |b| beta2 * b[x]);
                }
                Some(Leaf::Explicit(written))
            };
            let prove = |explicit: bool| {
                let leaves =
                    Leaves { chunks: (0..chunks).map(|chunk| leaf(chunk, explicit)).collect(), betas };
                let mut channel = ProverChannel::new(Transcript::new(b"lookups"));
                let claims = prove(&Tree::new(leaves), TreeLie::Honest, &mut channel);
                (claims, channel.finish())
            };
            assert_eq!(prove(false), prove(true), "{log_leaves}: {kinds:?}");
        }
    }

    fn check(log_leaves: usize, proof: &[u8]) -> Result<LeafClaims, LookupError> {
        let mut channel = VerifierChannel::new(Transcript::new(b"lookups"), proof);
        let claims = verify(log_leaves, &mut channel)?;
        channel.finish()?;
        Ok(claims)
    }

    #[test]
    fn leaf_claims_are_true() {
        for log_leaves in [11, 12, 13, 14, 16] {
            let (numerators, denominators) = leaves(log_leaves);
            let (claims, proof) = proof(&numerators, &denominators);
            assert_eq!(check(log_leaves, &proof).as_ref(), Ok(&claims), "{log_leaves}");
            let lifted: Vec<Ext> = numerators.iter().map(|&n| ext(n)).collect();
            assert_eq!(evaluate(&lifted, &claims.point), claims.numerator);
            assert_eq!(evaluate(&denominators, &claims.point), claims.denominator);
        }
    }

    #[test]
    fn rejects_an_unbalanced_sum() {
        let (mut numerators, denominators) = leaves(11);
        numerators[3] = Val::TWO;
        assert_eq!(check(11, &proof(&numerators, &denominators).1), Err(LookupError::RootNumerator));
    }

    #[test]
    fn rejects_a_zero_denominator() {
        let (mut numerators, mut denominators) = leaves(11);
        numerators[3] = Val::TWO;
        (denominators[0], denominators[1]) = (Ext::ZERO, Ext::ZERO);
        assert_eq!(check(11, &proof(&numerators, &denominators).1), Err(LookupError::RootDenominator));
    }

    #[test]
    fn every_message_is_checked_or_moves_the_claims() {
        let (numerators, denominators) = leaves(11);
        let (claims, proof) = proof(&numerators, &denominators);
        for at in (3..proof.len()).step_by(4) {
            let mut bad = proof.clone();
            bad[at] ^= 1;
            assert_ne!(check(11, &bad).as_ref(), Ok(&claims), "byte {at}");
        }
        assert!(matches!(check(11, &proof[1..]), Err(LookupError::Channel(_))));
    }
}
