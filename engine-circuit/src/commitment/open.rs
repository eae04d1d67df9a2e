//! The prover's half of an opening; `verify.rs` has the protocol.

use p3_field::{
    BasedVectorSpace, ExtensionField, PackedFieldExtension, PackedValue, PrimeCharacteristicRing,
};
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;

use crate::channel::ProverChannel;
use crate::commitment::merkle::sibling_nodes;
use crate::commitment::schedule::{QUERY_GRINDING, Schedule, WordShape};
use crate::commitment::verify::{domain_element, opened_indices};
use crate::commitment::word::{Word, encode_base};
use crate::dishonest::{OpeningLie, replace};
use crate::field::{Ext, ExtPacked, LANES, LOG_LANES, Val, ValPacked};
use crate::poly::eq_table;
use crate::sumcheck::Product;

/// A linear functional on the table, `sum over (high, low) of high[i] * low[j] * table[i * 2^folds + j]`.
#[derive(Clone, Debug)]
pub struct ClaimGroup {
    /// `2^folds` weights of the low variables.
    pub low: Vec<Ext>,
    /// Weights of the high variables.
    pub high: High,
}

/// Weights of the high variables of a [`ClaimGroup`].
#[derive(Clone, Debug)]
pub enum High {
    /// All of them.
    Dense(Vec<Ext>),
    /// One, at an index.
    Single(usize, Ext),
}

/// `sum over i of high[i] * row i`, one value per column, for each dense group.
fn column_sums(values: &[Val], width: usize, dense: &[&[Ext]]) -> Vec<Vec<Ext>> {
    let registers = width / LANES;
    let rows_a_chunk = (values.len() / width).div_ceil(8).max(1);
    let zero = || vec![ExtPacked::ZERO; registers * dense.len()];
    let sums = values
        .par_chunks(rows_a_chunk * width)
        .enumerate()
        .map(|(chunk, values)| {
            let mut sums = zero();
            for (row, values) in values.chunks_exact(width).enumerate() {
                let values = ValPacked::pack_slice(values);
                for (group, sums) in dense.iter().zip(sums.chunks_exact_mut(registers)) {
                    let weight = ExtPacked::from(group[chunk * rows_a_chunk + row]);
                    for (sum, &value) in sums.iter_mut().zip(values) {
                        *sum += weight * value;
                    }
                }
            }
            sums
        })
        .reduce(zero, |mut a, b| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        });
    sums.chunks_exact(registers).map(crate::field::unpack_ext).collect()
}

/// `sum over j of weights[j] * values[i * width + j]` for each row `i`.
fn fold_rows(values: &[Val], width: usize, weights: &[Ext]) -> Vec<Ext> {
    let weights = crate::field::pack_ext(weights);
    values
        .par_chunks_exact(width)
        .with_min_len(256)
        .map(|row| {
            let mut sum = ExtPacked::ZERO;
            for (&weight, &value) in weights.iter().zip(ValPacked::pack_slice(row)) {
                sum += weight * value;
            }
            crate::field::Lane::sum_lanes(sum)
        })
        .collect()
}

/// Opens a committed table of base elements: proves that the sum of the groups is `claim`. Returns the point at which the
/// verifier evaluates their weights.
///
/// # Panics
///
/// Panics if table, word or groups do not have the schedule's sizes.
pub fn open(
    schedule: &Schedule,
    word: &Word,
    values: &[Val],
    groups: &[ClaimGroup],
    mut claim: Ext,
    lie: OpeningLie,
    channel: &mut ProverChannel,
) -> Vec<Ext> {
    let first = &schedule.words[0];
    let width = 1 << first.folds;
    assert_eq!(values.len(), 1 << first.num_variables);
    assert!(width >= LANES, "a leaf holds at least a register");

    // Fold word 0: the weights are sums of tensors, so one pass leaves tables of the folded variables alone.
    let dense: Vec<&[Ext]> = groups
        .iter()
        .filter_map(|group| if let High::Dense(high) = &group.high { Some(high.as_slice()) } else { None })
        .collect();
    let mut sums = column_sums(values, width, &dense).into_iter();
    let mut pairs: Vec<[Vec<Ext>; 2]> = groups
        .iter()
        .map(|group| {
            let column = match &group.high {
                High::Dense(_) => sums.next().unwrap_or_default(),
                High::Single(row, weight) => {
                    values[row * width..][..width].iter().map(|&value| *weight * value).collect()
                }
            };
            [group.low.clone(), column]
        })
        .collect();
    let mut low_point = Vec::with_capacity(first.folds);
    for _ in 0..first.folds {
        let half = pairs[0][0].len() / 2;
        let mut round_poly = [Ext::ZERO; 2];
        for [low, column] in &pairs {
            for x in 0..half {
                round_poly[0] += low[x] * column[x];
                round_poly[1] += (low[x + half] - low[x]) * (column[x + half] - column[x]);
            }
        }
        channel.send(&round_poly);
        let r = channel.transcript.sample();
        let linear = claim - round_poly[0].double() - round_poly[1];
        claim = round_poly[0] + r * (linear + r * round_poly[1]);
        pairs.iter_mut().flatten().for_each(|table| crate::poly::bind(table, r));
        low_point.push(r);
    }
    let table = fold_rows(values, width, &eq_table(&low_point));
    let mut weights = vec![Ext::ZERO; table.len()];
    for (group, [low, _]) in groups.iter().zip(&pairs) {
        match &group.high {
            High::Dense(high) => {
                weights
                    .par_iter_mut()
                    .with_min_len(1024)
                    .zip(high)
                    .for_each(|(weight, &high)| *weight += low[0] * high);
            }
            High::Single(row, weight) => weights[*row] += low[0] * *weight,
        }
    }

    // Each further word commits to the folded table, then binds it to the word before by queries.
    let mut product = Product::new(table, weights);
    let mut point = Vec::new();
    let mut previous: Option<Word> = None;
    for (i, shape) in schedule.words.iter().enumerate().skip(1) {
        if lie.replaced_table == Some(i) {
            product.change_first(|table, weights| replace(table, weights, claim));
        }
        let [table, _] = product.tables();
        let committed = encode_ext(&table, shape);
        channel.send_hash(&committed.root());
        let z = channel.transcript.sample();
        let mut value = z.powers().zip(&table).map(|(power, &value)| power * value).sum();
        if lie.out_of_domain == Some(i) {
            value += Ext::ONE;
        }
        channel.send(&[value]);
        let rows =
            answer_queries(&schedule.words[i - 1], previous.as_ref().unwrap_or(word), lie.no_work, channel);
        let batch = channel.transcript.sample();
        let low = if i == 1 { &low_point } else { &point[point.len() - schedule.words[i - 1].folds..] };
        let eq = eq_table(low);
        let mut factor = batch;
        claim += factor * value;
        let mut added = vec![(z, factor)];
        for (index, row) in &rows {
            factor *= batch;
            let y = domain_element(*index, schedule.words[i - 1].log_leaves());
            claim += factor * row.iter().zip(&eq).map(|(&value, &eq)| value * eq).sum::<Ext>();
            added.push((y.into(), factor));
        }
        product.change_second(|weights| add_powers(weights, &added));
        let (round_point, round_claim) = product.prove(channel, claim, shape.folds);
        claim = round_claim;
        point.extend(round_point);
        previous = Some(committed);
    }

    let last = schedule.words.len() - 1;
    if lie.replaced_table == Some(last + 1) {
        product.change_first(|table, weights| replace(table, weights, claim));
    }
    let [table, _] = product.tables();
    channel.send(&table);
    answer_queries(&schedule.words[last], previous.as_ref().unwrap_or(word), lie.no_work, channel);
    let (round_point, _) = product.prove(channel, claim, schedule.final_variables);
    point.extend(round_point);
    point.extend(low_point);
    point
}

/// `weights[i] += sum of factor * y^i`.
fn add_powers(weights: &mut [Ext], added: &[(Ext, Ext)]) {
    let chunk = weights.len().div_ceil(16).max(256).next_multiple_of(LANES);
    weights.par_chunks_mut(chunk).enumerate().for_each(|(n, weights)| {
        if weights.len() < LANES {
            for &(y, factor) in added {
                let powers = y.shifted_powers(factor * y.exp_u64((n * chunk) as u64));
                weights.iter_mut().zip(powers).for_each(|(weight, power)| *weight += power);
            }
            return;
        }
        let mut sums = vec![ExtPacked::ZERO; weights.len() / LANES];
        for &(y, factor) in added {
            let first: Vec<Ext> =
                y.shifted_powers(factor * y.exp_u64((n * chunk) as u64)).take(LANES).collect();
            let mut power = ExtPacked::from_ext_slice(&first);
            let step = y.exp_power_of_2(LOG_LANES);
            // Queried positions are base elements: a product by one costs a fifth.
            if let Some(step) = ExtensionField::<Val>::as_base(&step) {
                let step = ValPacked::from(step);
                for sum in &mut sums {
                    *sum += power;
                    power *= step;
                }
            } else {
                let step = ExtPacked::from(step);
                for sum in &mut sums {
                    *sum += power;
                    power *= step;
                }
            }
        }
        weights.iter_mut().zip(crate::field::unpack_ext(&sums)).for_each(|(weight, sum)| *weight += sum);
    });
}

/// Encodes a folded table: column `j` holds the entries whose highest `folds` bits are `j`.
fn encode_ext(table: &[Ext], shape: &WordShape) -> Word {
    let (width, height) = (1 << shape.folds, 1 << (shape.num_variables - shape.folds));
    let mut coefficients = Vec::with_capacity(table.len() * 5);
    for row in 0..height {
        for column in 0..width {
            coefficients.extend_from_slice(BasedVectorSpace::<Val>::as_basis_coefficients_slice(
                &table[column * height + row],
            ));
        }
    }
    encode_base(RowMajorMatrix::new(coefficients, width * 5), shape.rate)
}

/// Grinds, samples positions, sends their rows and siblings. Returns positions and rows as extension elements.
fn answer_queries(
    shape: &WordShape,
    word: &Word,
    no_work: bool,
    channel: &mut ProverChannel,
) -> Vec<(usize, Vec<Ext>)> {
    if no_work {
        channel.skip_grind(QUERY_GRINDING);
    } else {
        channel.grind(QUERY_GRINDING);
    }
    let indices = opened_indices(&mut channel.transcript, shape);
    for &index in &indices {
        channel.send_opening(word.row(index));
    }
    for node in sibling_nodes(&indices, shape.log_leaves()) {
        channel.send_opening(&word.node(node));
    }
    indices
        .into_iter()
        .map(|index| {
            (
                index,
                crate::commitment::verify::row_values(word.row(index), 1 << shape.folds).unwrap_or_default(),
            )
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ChannelError, VerifierChannel};
    use crate::commitment::{OpeningClaim, OpeningError, verify_opening};
    use crate::field::ext;
    use crate::poly::{eq_eval, eq_index, powers_eval};
    use crate::transcript::Transcript;

    struct Case {
        schedule: Schedule,
        word: Word,
        claim: Ext,
        point: Vec<Ext>,
        z: Ext,
        proof: Vec<u8>,
    }

    /// Claims at an eq point, at the powers of an element and at one entry, opened together.
    fn case(schedule: Schedule, seed: u8) -> Case {
        let first = schedule.words[0];
        let (n, folds) = (first.num_variables, first.folds);
        let values: Vec<Val> = (0..1u64 << n)
            .map(|i| Val::from_u64(i.wrapping_mul(0x9e37_79b9 + u64::from(seed)) >> 7))
            .collect();
        let word = encode_base(RowMajorMatrix::new(values.clone(), 1 << folds), first.rate);
        let point = Transcript::new(b"point").sample_many(n);
        let z = Transcript::new(b"z").sample();
        let groups = [
            ClaimGroup {
                low: eq_table(&point[n - folds..]),
                high: High::Dense(eq_table(&point[..n - folds])),
            },
            ClaimGroup {
                low: z.powers().take(1 << folds).collect(),
                high: High::Dense(z.exp_power_of_2(folds).powers().take(1 << (n - folds)).collect()),
            },
            ClaimGroup { low: eq_one_hot(folds, 5), high: High::Single(9, Ext::TWO) },
        ];
        let table: Vec<Ext> = values.iter().map(|&value| ext(value)).collect();
        let claim = crate::poly::evaluate(&table, &point)
            + z.powers().zip(&table).map(|(power, &value)| power * value).sum::<Ext>()
            + Ext::TWO * table[(9 << folds) + 5];
        let mut channel = ProverChannel::new(Transcript::new(b"opening"));
        channel.send_hash(&word.root());
        open(&schedule, &word, &values, &groups, claim, OpeningLie::default(), &mut channel);
        Case { schedule, word, claim, point, z, proof: channel.finish() }
    }

    fn eq_one_hot(folds: usize, at: usize) -> Vec<Ext> {
        (0..1 << folds).map(|j| if j == at { Ext::ONE } else { Ext::ZERO }).collect()
    }

    fn check(case: &Case, proof: &[u8], claim: Ext) -> Result<(), OpeningError> {
        let mut channel = VerifierChannel::new(Transcript::new(b"opening"), proof);
        let root = channel.receive_hash()?;
        assert_eq!(root, case.word.root());
        let folds = case.schedule.words[0].folds;
        verify_opening(&case.schedule, OpeningClaim { root, value: claim }, &mut channel, |point| {
            eq_eval(point, &case.point)
                + powers_eval(case.z, point)
                + Ext::TWO * eq_index(point, (9 << folds) + 5)
        })?;
        Ok(channel.finish()?)
    }

    #[test]
    fn openings_verify_and_wrong_claims_do_not() {
        for (n, schedule) in
            [(13, Schedule::weights(13)), (14, Schedule::witness(14)), (17, Schedule::witness(17))]
        {
            let case = case(schedule, 1);
            assert_eq!(check(&case, &case.proof, case.claim), Ok(()), "{n}");
            assert_eq!(check(&case, &case.proof, case.claim + Ext::ONE), Err(OpeningError::FinalClaim));
            let short = &case.proof[..case.proof.len() - 1];
            assert!(matches!(
                check(&case, short, case.claim),
                Err(OpeningError::Channel(ChannelError::Truncated(_)))
            ));
        }
    }

    #[test]
    fn every_flipped_byte_is_rejected() {
        let case = case(Schedule::witness(12), 2);
        // The first 32 bytes are the root, compared above.
        for at in (32..case.proof.len()).step_by(if cfg!(debug_assertions) { 97 } else { 13 }) {
            let mut proof = case.proof.clone();
            proof[at] ^= 1;
            assert!(check(&case, &proof, case.claim).is_err(), "byte {at} of {}", proof.len());
        }
    }
}
