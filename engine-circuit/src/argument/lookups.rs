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
pub use prover::{Tree, prove};

#[cfg(feature = "prover")]
mod prover {
    use p3_field::{Field, PrimeCharacteristicRing};
    use rayon::prelude::*;

    use super::LeafClaims;
    use crate::channel::ProverChannel;
    use crate::dishonest::TreeLie;
    use crate::field::{Ext, ExtPacked, LANES, LOG_LANES, Lane, ValPacked, unpack_ext};
    use crate::poly::{eq_table, eq_table_packed};

    /// Registers a thread takes at a time.
    const CHUNK: usize = 256;

    /// A level: numerators and denominators.
    struct Level<T> {
        numerators: Vec<T>,
        denominators: Vec<T>,
    }

    /// Every level of the tree, in registers while a level has at least two.
    pub struct Tree {
        log_leaves: usize,
        leaf_numerators: Vec<ValPacked>,
        leaf_denominators: Vec<ExtPacked>,
        /// Levels `log_leaves - 1` down to `LOG_LANES + 1`.
        packed: Vec<Level<ExtPacked>>,
        /// Levels `LOG_LANES` down to 1.
        scalar: Vec<Level<Ext>>,
    }

    /// The parents of a level whose halves are given.
    fn parents<N: Copy + Send + Sync, T: Lane + std::ops::Mul<N, Output = T>>(
        numerators: &[N],
        denominators: &[T],
    ) -> Level<T> {
        let half = numerators.len() / 2;
        let mut level = Level { numerators: vec![T::ZERO; half], denominators: vec![T::ZERO; half] };
        let ((n0, n1), (d0, d1)) = (numerators.split_at(half), denominators.split_at(half));
        (level.numerators.par_chunks_mut(CHUNK), level.denominators.par_chunks_mut(CHUNK))
            .into_par_iter()
            .zip((n0.par_chunks(CHUNK), n1.par_chunks(CHUNK)).into_par_iter())
            .zip((d0.par_chunks(CHUNK), d1.par_chunks(CHUNK)).into_par_iter())
            .for_each(|(((n, d), (n0, n1)), (d0, d1))| {
                for x in 0..n.len() {
                    n[x] = d1[x] * n0[x] + d0[x] * n1[x];
                    d[x] = d0[x] * d1[x];
                }
            });
        level
    }

    impl Tree {
        /// Builds the tree over leaves; there are at least `4 * LANES`, a power of two.
        #[must_use]
        pub fn new(leaf_numerators: Vec<ValPacked>, leaf_denominators: Vec<ExtPacked>) -> Self {
            let log_leaves = leaf_numerators.len().trailing_zeros() as usize + LOG_LANES;
            let mut packed = vec![parents(&leaf_numerators, &leaf_denominators)];
            while packed[packed.len() - 1].numerators.len() > 2 {
                let last = &packed[packed.len() - 1];
                packed.push(parents(&last.numerators, &last.denominators));
            }
            let last = &packed[packed.len() - 1];
            let mut scalar = vec![parents(&unpack_ext(&last.numerators), &unpack_ext(&last.denominators))];
            while scalar[scalar.len() - 1].numerators.len() > 2 {
                let last = &scalar[scalar.len() - 1];
                scalar.push(parents(&last.numerators, &last.denominators));
            }
            Self { log_leaves, leaf_numerators, leaf_denominators, packed, scalar }
        }

        /// The two nodes below the root: `[n0, n1, d0, d1]`.
        fn top(&self) -> [Ext; 4] {
            // With one lane to a register the two nodes are the last registers, and the scalar levels hold the root alone.
            let unpacked;
            let (numerators, denominators) = if LOG_LANES == 0 {
                let level = &self.packed[self.packed.len() - 1];
                unpacked = (unpack_ext(&level.numerators), unpack_ext(&level.denominators));
                (&unpacked.0, &unpacked.1)
            } else {
                let level = &self.scalar[self.scalar.len() - 1];
                (&level.numerators, &level.denominators)
            };
            [numerators[0], numerators[1], denominators[0], denominators[1]]
        }
    }

    /// `[n0 + mix d0, n1, d0, d1]` at an index.
    type Row<T> = [T; 4];

    /// What a pair of rows adds to the constant and the quadratic coefficient.
    fn terms<T: Lane>(sums: &mut [T; 2], eq: T, [a, n, d, e]: &Row<T>, [a1, n1, d1, e1]: &Row<T>) {
        sums[0] += eq * (*a * *e + *n * *d);
        sums[1] += eq * ((*a1 - *a) * (*e1 - *e) + (*n1 - *n) * (*d1 - *d));
    }

    fn add<T: Lane>(a: [T; 2], b: [T; 2]) -> [T; 2] {
        [a[0] + b[0], a[1] + b[1]]
    }

    /// Builds the rows of a level and sums the first round in the same pass. `eq` has half as many entries as there are rows.
    fn start<T: Lane, N: Copy + Send + Sync + Into<T>>(
        numerators: &[N],
        denominators: &[T],
        mix: Ext,
        eq: &[T],
    ) -> (Vec<Row<T>>, [T; 2]) {
        let (rows, half) = (numerators.len() / 2, eq.len());
        let row = |x: usize| -> Row<T> {
            let (d0, d1) = (denominators[x], denominators[x + rows]);
            [d0 * mix + numerators[x].into(), numerators[x + rows].into(), d0, d1]
        };
        let mut table = vec![[T::ZERO; 4]; rows];
        let (low, high) = table.split_at_mut(half);
        let sums = low
            .par_chunks_mut(CHUNK)
            .zip(high.par_chunks_mut(CHUNK))
            .zip(eq.par_chunks(CHUNK))
            .enumerate()
            .map(|(chunk, ((low, high), eq))| {
                let mut sums = [T::ZERO; 2];
                for x in 0..low.len() {
                    low[x] = row(chunk * CHUNK + x);
                    high[x] = row(chunk * CHUNK + x + half);
                    terms(&mut sums, eq[x], &low[x], &high[x]);
                }
                sums
            })
            .reduce(|| [T::ZERO; 2], add);
        (table, sums)
    }

    fn bind_row<T: Lane>(low: &mut Row<T>, high: &Row<T>, r: T) {
        for (low, &high) in low.iter_mut().zip(high) {
            *low += (high - *low) * r;
        }
    }

    /// Binds the rows at `r` and sums the next round in the same pass.
    fn advance<T: Lane>(table: &mut Vec<Row<T>>, r: Ext, eq: &[T]) -> [T; 2] {
        let quarter = table.len() / 4;
        let r = T::from(r);
        let (low, high) = table.split_at_mut(2 * quarter);
        let (q0, q1) = low.split_at_mut(quarter);
        let (q2, q3) = high.split_at(quarter);
        let sums = q0
            .par_chunks_mut(CHUNK)
            .zip(q1.par_chunks_mut(CHUNK))
            .zip(q2.par_chunks(CHUNK).zip(q3.par_chunks(CHUNK)))
            .zip(eq.par_chunks(CHUNK))
            .map(|(((q0, q1), (q2, q3)), eq)| {
                let mut sums = [T::ZERO; 2];
                for x in 0..q0.len() {
                    bind_row(&mut q0[x], &q2[x], r);
                    bind_row(&mut q1[x], &q3[x], r);
                    terms(&mut sums, eq[x], &q0[x], &q1[x]);
                }
                sums
            })
            .reduce(|| [T::ZERO; 2], add);
        table.truncate(2 * quarter);
        sums
    }

    fn bind_last<T: Lane>(table: &mut Vec<Row<T>>, r: Ext) {
        let half = table.len() / 2;
        let (low, high) = table.split_at_mut(half);
        for (low, high) in low.iter_mut().zip(high.iter()) {
            bind_row(low, high, T::from(r));
        }
        table.truncate(half);
    }

    /// Sums out the highest variable of an eq table.
    fn halve<T: Lane>(eq: &mut Vec<T>) {
        let half = eq.len() / 2;
        let (low, high) = eq.split_at_mut(half);
        low.par_iter_mut().with_min_len(CHUNK).zip(high.par_iter()).for_each(|(low, &high)| *low += high);
        eq.truncate(half);
    }

    /// Sends a round from the constant and the quadratic coefficient; returns challenge and next claim.
    fn send_round(
        channel: &mut ProverChannel,
        claim: Ext,
        z: Ext,
        [constant, quadratic]: [Ext; 2],
    ) -> (Ext, Ext) {
        // `claim = constant + z (linear + quadratic)`. A zero `z` has probability 2^-155; then any linear term would do for the
        // check and the proof would fail to verify, so nothing unsound happens.
        let linear = (claim - constant) * z.try_inverse().unwrap_or(Ext::ZERO) - quadratic;
        channel.send(&[linear, quadratic]);
        let r = channel.transcript.sample();
        (r, constant + r * (linear + r * quadratic))
    }

    /// Rounds on rows in registers or single elements; stops when one row is left. Returns it.
    fn rounds<T: Lane>(
        channel: &mut ProverChannel,
        (mut table, sums): (Vec<Row<T>>, [T; 2]),
        eq: &mut Vec<T>,
        z: &[Ext],
        claim: &mut Ext,
        point: &mut Vec<Ext>,
    ) -> Row<T> {
        let mut sums = sums;
        while table.len() > 1 {
            let (r, next) = send_round(channel, *claim, z[point.len()], sums.map(Lane::sum_lanes));
            (*claim, _) = (next, point.push(r));
            if table.len() > 2 {
                halve(eq);
                sums = advance(&mut table, r, eq);
            } else {
                bind_last(&mut table, r);
            }
        }
        table[0]
    }

    /// The sumcheck of one level on single elements: at most `LANES` rows.
    fn finish(
        channel: &mut ProverChannel,
        table: Vec<Row<Ext>>,
        z: &[Ext],
        claim: &mut Ext,
        point: &mut Vec<Ext>,
    ) -> [Ext; 4] {
        if table.len() == 1 {
            return table[0];
        }
        let mut eq = eq_table(&z[point.len() + 1..]);
        let half = table.len() / 2;
        let mut sums = [Ext::ZERO; 2];
        for x in 0..half {
            terms(&mut sums, eq[x], &table[x], &table[x + half]);
        }
        rounds(channel, (table, sums), &mut eq, z, claim, point)
    }

    fn unpack_row(row: &Row<ExtPacked>) -> Vec<Row<Ext>> {
        let columns = row.map(|value| unpack_ext(&[value]));
        (0..LANES).map(|lane| [0, 1, 2, 3].map(|column: usize| columns[column][lane])).collect()
    }

    /// Proves that the tree's root has numerator zero.
    pub fn prove(tree: &Tree, lie: TreeLie, channel: &mut ProverChannel) -> LeafClaims {
        let [mut n0, n1, d0, d1] = tree.top();
        if lie != TreeLie::Honest {
            n0 = -n1 * d0 * d1.inverse();
        }
        channel.send(&[n0, n1, d0, d1]);
        let r = channel.transcript.sample();
        let mut claims =
            LeafClaims { point: vec![r], numerator: n0 + r * (n1 - n0), denominator: d0 + r * (d1 - d0) };
        for level in 1..tree.log_leaves {
            let z = claims.point;
            let mix = channel.transcript.sample();
            let mut claim = claims.numerator + mix * claims.denominator;
            let mut point = Vec::with_capacity(level + 1);
            let from_leaves = tree.log_leaves - 1 - level;
            let [a, n1, d0, d1] = if level <= LOG_LANES {
                let (numerators, denominators);
                if level < LOG_LANES {
                    let children = &tree.scalar[tree.scalar.len() - 1 - level];
                    (numerators, denominators) = (children.numerators.clone(), children.denominators.clone());
                } else {
                    let children = &tree.packed[tree.packed.len() - 1];
                    (numerators, denominators) =
                        (unpack_ext(&children.numerators), unpack_ext(&children.denominators));
                }
                let half = numerators.len() / 2;
                let table = (0..half)
                    .map(|x| {
                        [
                            numerators[x] + mix * denominators[x],
                            numerators[x + half],
                            denominators[x],
                            denominators[x + half],
                        ]
                    })
                    .collect();
                finish(channel, table, &z, &mut claim, &mut point)
            } else {
                let mut eq = eq_table_packed(&z[1..]);
                let started = if from_leaves == 0 {
                    start(&tree.leaf_numerators, &tree.leaf_denominators, mix, &eq)
                } else {
                    let children = &tree.packed[from_leaves - 1];
                    start(&children.numerators, &children.denominators, mix, &eq)
                };
                let row = rounds(channel, started, &mut eq, &z, &mut claim, &mut point);
                finish(channel, unpack_row(&row), &z, &mut claim, &mut point)
            };
            let mut n0 = a - mix * d0;
            if lie == TreeLie::Down {
                n0 = (claim - n1 * d0) * d1.inverse() - mix * d0;
            }
            channel.send(&[n0, n1, d0, d1]);
            let r = channel.transcript.sample();
            point.insert(0, r);
            claims = LeafClaims { point, numerator: n0 + r * (n1 - n0), denominator: d0 + r * (d1 - d0) };
        }
        claims
    }
}

#[cfg(all(test, feature = "prover"))]
mod tests {
    use p3_field::PackedValue;

    use super::*;
    use crate::channel::ProverChannel;
    use crate::dishonest::TreeLie;
    use crate::field::{Val, ValPacked, ext, pack_ext};
    use crate::poly::evaluate;
    use crate::transcript::Transcript;

    /// Pairs of leaves `1/d` and `-1/d`: the sum is zero.
    fn leaves(log_leaves: usize) -> (Vec<Val>, Vec<Ext>) {
        let half = 1 << (log_leaves - 1);
        let mut numerators = vec![Val::ONE; half];
        numerators.extend(vec![Val::NEG_ONE; half]);
        let denominators = Transcript::new(b"d").sample_many(half);
        (numerators, [denominators.clone(), denominators].concat())
    }

    fn proof(numerators: &[Val], denominators: &[Ext]) -> (LeafClaims, Vec<u8>) {
        let tree = Tree::new(ValPacked::pack_slice(numerators).to_vec(), pack_ext(denominators));
        let mut channel = ProverChannel::new(Transcript::new(b"lookups"));
        let claims = prove(&tree, TreeLie::Honest, &mut channel);
        (claims, channel.finish())
    }

    fn check(log_leaves: usize, proof: &[u8]) -> Result<LeafClaims, LookupError> {
        let mut channel = VerifierChannel::new(Transcript::new(b"lookups"), proof);
        let claims = verify(log_leaves, &mut channel)?;
        channel.finish()?;
        Ok(claims)
    }

    #[test]
    fn leaf_claims_are_true() {
        for log_leaves in [7, 8, 11] {
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
        let (mut numerators, denominators) = leaves(7);
        numerators[3] = Val::TWO;
        assert_eq!(check(7, &proof(&numerators, &denominators).1), Err(LookupError::RootNumerator));
    }

    #[test]
    fn rejects_a_zero_denominator() {
        let (mut numerators, mut denominators) = leaves(7);
        numerators[3] = Val::TWO;
        (denominators[0], denominators[1]) = (Ext::ZERO, Ext::ZERO);
        assert_eq!(check(7, &proof(&numerators, &denominators).1), Err(LookupError::RootDenominator));
    }

    #[test]
    fn every_message_is_checked_or_moves_the_claims() {
        let (numerators, denominators) = leaves(7);
        let (claims, proof) = proof(&numerators, &denominators);
        for at in (3..proof.len()).step_by(4) {
            let mut bad = proof.clone();
            bad[at] ^= 1;
            assert_ne!(check(7, &bad).as_ref(), Ok(&claims), "byte {at}");
        }
        assert!(matches!(check(7, &proof[1..]), Err(LookupError::Channel(_))));
    }
}
