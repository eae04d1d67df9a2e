//! Sumcheck of a product of two multilinear tables, highest variable first (Thaler 2022, section 4.1).
//!
//! A round sends `h(0)` and the quadratic coefficient of `h`; `h(1)` follows from the running claim.

use p3_field::PrimeCharacteristicRing;

use crate::channel::{ChannelError, VerifierChannel};
use crate::field::Ext;

/// The running claim after a round: `h(r)`.
fn next_claim(claim: Ext, [h0, quadratic]: [Ext; 2], r: Ext) -> Ext {
    let linear = claim - h0.double() - quadratic;
    h0 + r * (linear + r * quadratic)
}

/// Verifies `rounds` rounds; returns the point and the claim on the product there.
///
/// # Errors
///
/// Returns [`ChannelError`] if the proof ends or holds a non-canonical element. Soundness: the caller settles the claim.
pub fn verify(
    channel: &mut VerifierChannel<'_>,
    mut claim: Ext,
    rounds: usize,
) -> Result<(Vec<Ext>, Ext), ChannelError> {
    let mut point = Vec::with_capacity(rounds);
    for _ in 0..rounds {
        let round_poly = channel.receive_array()?;
        let r = channel.transcript.sample();
        claim = next_claim(claim, round_poly, r);
        point.push(r);
    }
    Ok((point, claim))
}

#[cfg(feature = "prover")]
pub use prover::Product;

#[cfg(feature = "prover")]
mod prover {
    use p3_field::PrimeCharacteristicRing;
    use rayon::prelude::*;

    use super::next_claim;
    use crate::channel::ProverChannel;
    use crate::field::{Ext, ExtPacked, LANES, Lane, pack_ext, unpack_ext};
    use crate::poly::bind;

    /// The prover's side: two tables of equal length.
    #[derive(Clone, Debug)]
    pub struct Product {
        packed: [Vec<ExtPacked>; 2],
        scalar: [Vec<Ext>; 2],
    }

    /// `sum a_low b_low` and `sum (a_high - a_low)(b_high - b_low)`.
    fn round_poly<T: Lane>([a, b]: &[Vec<T>; 2]) -> [Ext; 2] {
        let half = a.len() / 2;
        let chunk = half.div_ceil(2).max(256);
        let sums = a[..half]
            .par_chunks(chunk)
            .zip(a[half..].par_chunks(chunk))
            .zip(b[..half].par_chunks(chunk).zip(b[half..].par_chunks(chunk)))
            .map(|((a0, a1), (b0, b1))| {
                let mut sums = [T::ZERO; 2];
                for i in 0..a0.len() {
                    sums[0] += a0[i] * b0[i];
                    sums[1] += (a1[i] - a0[i]) * (b1[i] - b0[i]);
                }
                sums
            })
            .reduce(|| [T::ZERO; 2], |x, y| [x[0] + y[0], x[1] + y[1]]);
        sums.map(Lane::sum_lanes)
    }

    impl Product {
        /// Both tables have `2^n` entries.
        #[must_use]
        pub fn new(a: Vec<Ext>, b: Vec<Ext>) -> Self {
            if a.len() >= 2 * LANES {
                Self { packed: [pack_ext(&a), pack_ext(&b)], scalar: Default::default() }
            } else {
                Self { packed: Default::default(), scalar: [a, b] }
            }
        }

        /// Proves `rounds` rounds of the claim that the products sum to `claim`; binds the tables. Returns the point and
        /// the claim there.
        pub fn prove(
            &mut self,
            channel: &mut ProverChannel,
            mut claim: Ext,
            rounds: usize,
        ) -> (Vec<Ext>, Ext) {
            let mut point = Vec::with_capacity(rounds);
            for _ in 0..rounds {
                let in_lanes = self.packed[0].len() > 1;
                let round_poly = if in_lanes { round_poly(&self.packed) } else { round_poly(&self.scalar) };
                channel.send(&round_poly);
                let r = channel.transcript.sample();
                claim = next_claim(claim, round_poly, r);
                point.push(r);
                if in_lanes {
                    self.packed.iter_mut().for_each(|table| bind(table, r));
                    self.unpack_if_short();
                } else {
                    self.scalar.iter_mut().for_each(|table| bind(table, r));
                }
            }
            (point, claim)
        }

        fn unpack_if_short(&mut self) {
            if self.packed[0].len() == 1 {
                self.scalar = [unpack_ext(&self.packed[0]), unpack_ext(&self.packed[1])];
                self.packed = Default::default();
            }
        }

        /// The tables as they are now bound.
        #[must_use]
        pub fn tables(&self) -> [Vec<Ext>; 2] {
            if self.packed[0].is_empty() {
                self.scalar.clone()
            } else {
                [unpack_ext(&self.packed[0]), unpack_ext(&self.packed[1])]
            }
        }

        /// Changes the second table.
        pub fn change_second(&mut self, change: impl FnOnce(&mut [Ext])) {
            let [a, mut b] = self.tables();
            change(&mut b);
            *self = Self::new(a, b);
        }

        /// Changes the first table, given the second.
        pub fn change_first(&mut self, change: impl FnOnce(&mut [Ext], &[Ext])) {
            let [mut a, b] = self.tables();
            change(&mut a, &b);
            *self = Self::new(a, b);
        }

        /// Their only entries when every variable is bound.
        pub fn finals(&self) -> [Ext; 2] {
            [0, 1].map(|n| self.scalar[n].first().copied().unwrap_or(Ext::ZERO))
        }
    }
}

#[cfg(all(test, feature = "prover"))]
mod tests {
    use super::*;
    use crate::channel::ProverChannel;
    use crate::poly::evaluate;
    use crate::transcript::Transcript;

    #[test]
    fn claims_are_true_evaluations_and_transcripts_agree() {
        for n in [1, 3, 6, 8] {
            let a = Transcript::new(b"a").sample_many(1 << n);
            let b = Transcript::new(b"b").sample_many(1 << n);
            let claim = a.iter().zip(&b).map(|(&a, &b)| a * b).sum();
            let mut channel = ProverChannel::new(Transcript::new(b"sumcheck"));
            let mut product = Product::new(a.clone(), b.clone());
            let (point, value) = product.prove(&mut channel, claim, n);
            let [a_eval, b_eval] = product.finals();
            assert_eq!((evaluate(&a, &point), evaluate(&b, &point)), (a_eval, b_eval));
            assert_eq!(value, a_eval * b_eval);
            let proof = channel.clone().finish();
            let mut verifier = VerifierChannel::new(Transcript::new(b"sumcheck"), &proof);
            assert_eq!(verify(&mut verifier, claim, n).unwrap(), (point, value));
            assert_eq!(verifier.transcript.sample(), channel.transcript.sample());
            // A wrong claim ends in a wrong claim.
            let mut verifier = VerifierChannel::new(Transcript::new(b"sumcheck"), &proof);
            assert_ne!(verify(&mut verifier, claim + Ext::ONE, n).unwrap().1, value);
        }
    }
}
