//! The prover's half of an opening; `verify.rs` has the protocol.

use std::sync::Arc;

use p3_field::{
    BasedVectorSpace, ExtensionField, PackedFieldExtension, PackedValue, PrimeCharacteristicRing,
};
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;

use crate::channel::ProverChannel;
use crate::commitment::merkle::sibling_nodes;
use crate::commitment::schedule::{Schedule, TableShape, WordShape};
use crate::commitment::verify::{RowFold, domain_element, leaf_indices, opened_indices, table_factors};
use crate::commitment::word::{Word, encode_base};
use crate::dishonest::{OpeningLie, replace};
use crate::field::{
    EXT_BYTES, Ext, ExtPacked, LANES, LOG_LANES, VAL_BYTES, Val, ValPacked, read_ext, read_val,
};
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
    /// All of them, the same in every proof.
    Kept(Arc<KeptHigh>),
    /// One, at an index.
    Single(usize, Ext),
}

/// High weights that stay the same from proof to proof, and what a pass over the table would find for them.
#[derive(Debug)]
pub struct KeptHigh {
    high: Vec<Ext>,
    /// `sum over i of high[i] * row i`, one value per column.
    columns: Vec<Ext>,
}

impl KeptHigh {
    /// One pass over a table of `high.len()` rows.
    #[must_use]
    pub fn new(values: &[Val], high: Vec<Ext>) -> Self {
        let columns = column_sums(values, values.len() / high.len(), &[&high]).remove(0);
        Self { high, columns }
    }
}

/// `sum over i of high[i] * row i`, one value per column, for each dense group.
fn column_sums(values: &[Val], width: usize, dense: &[&[Ext]]) -> Vec<Vec<Ext>> {
    if width < LANES {
        return narrow_column_sums(values, width, dense);
    }
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

/// [`column_sums`] of rows shorter than a register.
fn narrow_column_sums(values: &[Val], width: usize, dense: &[&[Ext]]) -> Vec<Vec<Ext>> {
    let chunk = values.len().div_ceil(8).next_multiple_of(width);
    let zero = || vec![vec![Ext::ZERO; width]; dense.len()];
    values
        .par_chunks(chunk)
        .enumerate()
        .map(|(n, values)| {
            let mut sums = zero();
            for (row, values) in (n * chunk / width..).zip(values.chunks_exact(width)) {
                for (group, sums) in dense.iter().zip(&mut sums) {
                    sums.iter_mut().zip(values).for_each(|(sum, &value)| *sum += group[row] * value);
                }
            }
            sums
        })
        .reduce(zero, |mut a, b| {
            a.iter_mut().flatten().zip(b.into_iter().flatten()).for_each(|(a, b)| *a += b);
            a
        })
}

/// `sum over j of weights[j] * values[i * width + j]` for each row `i`.
fn fold_rows(values: &[Val], width: usize, weights: &[Ext], folded: &mut [Ext]) {
    let packed = crate::field::pack_ext(weights);
    folded.par_iter_mut().zip(values.par_chunks_exact(width)).with_min_len(256).for_each(|(folded, row)| {
        if width < LANES {
            *folded = weights.iter().zip(row).map(|(&weight, &value)| weight * value).sum();
            return;
        }
        let mut sum = ExtPacked::ZERO;
        for (&weight, &value) in packed.iter().zip(ValPacked::pack_slice(row)) {
            sum += weight * value;
        }
        *folded = crate::field::Lane::sum_lanes(sum);
    });
}

/// A committed table of base elements to be opened.
#[derive(Clone, Copy, Debug)]
pub struct Opened<'a> {
    /// Codeword and tree.
    pub word: &'a Word,
    /// The table.
    pub values: &'a [Val],
    /// The functional, a sum of tensors of `2^folds` low weights.
    pub groups: &'a [ClaimGroup],
    /// Its value.
    pub claim: Ext,
}

/// Opens committed tables: proves that the sum of their groups is the sum of their claims.
///
/// # Panics
///
/// Panics if tables, words or groups do not have the schedule's sizes.
pub fn open(schedule: &Schedule, opened: &[Opened<'_>], lie: OpeningLie, channel: &mut ProverChannel) {
    let first = &schedule.words[0];
    assert_eq!(opened.len(), schedule.tables.len());
    let (mut product, mut claim, low_point) = fold_tables(schedule, opened, lie.halved_error, channel);
    let (selector, selected) = product.prove(channel, claim, schedule.log_tables());
    claim = selected;
    let factors = table_factors(&selector);
    let answer_first = |channel: &mut ProverChannel| {
        answer_table_queries(schedule, opened, &low_point, &factors, lie.no_work, channel)
    };

    // Each further word commits to the folded table, then binds it to the word before by queries.
    let mut folded = Vec::new();
    let mut previous: Option<Word> = None;
    for (i, shape) in schedule.words.iter().enumerate().skip(1) {
        if lie.replaced_table == Some(i) {
            product.change_first(|table, weights| replace(table, weights, claim));
        }
        let [table, _] = product.tables();
        let committed = encode_ext(&table, shape);
        channel.send_root(&committed.root());
        let z = channel.transcript.sample();
        let mut value = z.powers().zip(&table).map(|(power, &value)| power * value).sum();
        if lie.out_of_domain == Some(i) {
            value += Ext::ONE;
        }
        channel.send(&[value]);
        let rows = match &previous {
            None => answer_first(channel),
            Some(word) => {
                answer_word_queries(schedule, &schedule.words[i - 1], word, &folded, lie.no_work, channel)
            }
        };
        let batch = channel.transcript.sample();
        let mut factor = batch;
        claim += factor * value;
        let mut added = vec![(z, factor)];
        for (y, fold) in rows {
            factor *= batch;
            claim += factor * fold;
            added.push((y.into(), factor));
        }
        product.change_second(|weights| add_powers(weights, &added));
        (folded, claim) = product.prove(channel, claim, shape.folds);
        previous = Some(committed);
    }

    let last = schedule.words.len() - 1;
    if lie.replaced_table == Some(last + 1) {
        product.change_first(|table, weights| replace(table, weights, claim));
    }
    let [table, _] = product.tables();
    channel.send(&table);
    match &previous {
        None => answer_first(channel),
        Some(word) => {
            answer_word_queries(schedule, &schedule.words[last], word, &folded, lie.no_work, channel)
        }
    };
    debug_assert!(first.folds == low_point.len());
    let _point_and_value = product.prove(channel, claim, schedule.final_variables);
}

/// Folds the low variables of all tables: their weights are sums of tensors, so one pass leaves tables of those variables
/// alone. Returns the folded tables and weights side by side, the running claim and the low variables' challenges.
fn fold_tables(
    schedule: &Schedule,
    opened: &[Opened<'_>],
    mut halved_error: Ext,
    channel: &mut ProverChannel,
) -> (Product, Ext, Vec<Ext>) {
    let first = &schedule.words[0];
    let height = first.num_variables - first.folds;
    let mut pairs: Vec<Vec<[Vec<Ext>; 2]>> =
        schedule.tables.iter().zip(opened).map(|(shape, opened)| low_pairs(shape, opened)).collect();
    let mut claim = Ext::ZERO;
    let mut low_point = Vec::with_capacity(first.folds);
    let joining = |left: usize| -> Ext {
        let tables = schedule.tables.iter().zip(opened);
        tables.filter(|(shape, _)| shape.folds == left).map(|(_, opened)| opened.claim).sum()
    };
    for left in (1..=first.folds).rev() {
        claim += joining(left);
        let mut round_poly = [Ext::ZERO; 2];
        let joined = |shape: &TableShape| shape.folds >= left;
        for (_, pairs) in schedule.tables.iter().zip(&pairs).filter(|(shape, _)| joined(shape)) {
            for [low, column] in pairs {
                let half = low.len() / 2;
                for x in 0..half {
                    round_poly[0] += low[x] * column[x];
                    round_poly[1] += (low[x + half] - low[x]) * (column[x + half] - column[x]);
                }
            }
        }
        if halved_error != Ext::ZERO && schedule.tables.iter().any(|shape| !joined(shape)) {
            halved_error = halved_error.halve();
            round_poly[0] += halved_error;
        }
        channel.send(&round_poly);
        let r = channel.transcript.sample();
        let linear = claim - round_poly[0].double() - round_poly[1];
        claim = round_poly[0] + r * (linear + r * round_poly[1]);
        for (_, pairs) in schedule.tables.iter().zip(&mut pairs).filter(|(shape, _)| joined(shape)) {
            pairs.iter_mut().flatten().for_each(|table| crate::poly::bind(table, r));
        }
        low_point.push(r);
    }
    claim += joining(0);

    let mut table = vec![Ext::ZERO; opened.len() << height];
    let mut weights = vec![Ext::ZERO; table.len()];
    for (number, ((shape, opened), pairs)) in schedule.tables.iter().zip(opened).zip(&pairs).enumerate() {
        let range = number << height..(number << height) + (1 << shape.height());
        let own = &low_point[low_point.len() - shape.folds..];
        fold_rows(opened.values, 1 << shape.folds, &eq_table(own), &mut table[range.clone()]);
        let weights = &mut weights[range];
        for (group, [low, _]) in opened.groups.iter().zip(pairs) {
            let high = match &group.high {
                High::Dense(high) => high,
                High::Kept(kept) => &kept.high,
                High::Single(row, weight) => {
                    weights[*row] += low[0] * *weight;
                    continue;
                }
            };
            let weights = weights.par_iter_mut().with_min_len(1024);
            weights.zip(high).for_each(|(weight, &high)| *weight += low[0] * high);
        }
    }
    (Product::new(table, weights), claim, low_point)
}

/// For each group its low weights and the sums of the columns by its high ones.
fn low_pairs(shape: &TableShape, opened: &Opened<'_>) -> Vec<[Vec<Ext>; 2]> {
    let width = 1 << shape.folds;
    let (values, groups) = (opened.values, opened.groups);
    assert_eq!(values.len(), 1 << shape.num_variables);
    let dense: Vec<&[Ext]> = groups
        .iter()
        .filter_map(|group| if let High::Dense(high) = &group.high { Some(high.as_slice()) } else { None })
        .collect();
    let mut sums = column_sums(values, width, &dense).into_iter();
    groups
        .iter()
        .map(|group| {
            let column = match &group.high {
                High::Dense(_) => sums.next().unwrap_or_default(),
                High::Kept(kept) => kept.columns.clone(),
                High::Single(row, weight) => {
                    values[row * width..][..width].iter().map(|&value| *weight * value).collect()
                }
            };
            [group.low.clone(), column]
        })
        .collect()
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

/// Grinds and samples positions.
fn queried(schedule: &Schedule, shape: &WordShape, no_work: bool, channel: &mut ProverChannel) -> Vec<usize> {
    if no_work {
        channel.skip_grind(schedule.grinding);
    } else {
        channel.grind(schedule.grinding);
    }
    opened_indices(&mut channel.transcript, shape)
}

/// Sends the rows and siblings of every table at the positions sampled. Returns each position's `y` and fold.
fn answer_table_queries(
    schedule: &Schedule,
    opened: &[Opened<'_>],
    low_point: &[Ext],
    factors: &[Ext],
    no_work: bool,
    channel: &mut ProverChannel,
) -> Vec<(Val, Ext)> {
    let first = &schedule.words[0];
    let indices = queried(schedule, first, no_work, channel);
    let mut folds: Vec<(Val, Ext)> =
        indices.iter().map(|&index| (domain_element(index, first.log_leaves()), Ext::ZERO)).collect();
    for ((shape, opened), &factor) in schedule.tables.iter().zip(opened).zip(factors) {
        let row_fold = RowFold::new(shape, low_point, factor);
        for (&index, (_, fold)) in indices.iter().zip(&mut folds) {
            let row = opened.word.row(index, shape.log_row_leaves());
            channel.send_opening(row);
            // Of a damaged cache whatever it holds is sent; it does not verify.
            let value = |bytes| read_val(bytes).unwrap_or_default();
            let values: Vec<Val> = row.as_chunks::<VAL_BYTES>().0.iter().map(value).collect();
            *fold += row_fold.fold(index, &values);
        }
        for node in sibling_nodes(&leaf_indices(shape, &indices), shape.log_leaves()) {
            channel.send_opening(&opened.word.node(node));
        }
    }
    folds
}

/// The same for a later word, folded at `fold_point`.
fn answer_word_queries(
    schedule: &Schedule,
    shape: &WordShape,
    word: &Word,
    fold_point: &[Ext],
    no_work: bool,
    channel: &mut ProverChannel,
) -> Vec<(Val, Ext)> {
    let indices = queried(schedule, shape, no_work, channel);
    for &index in &indices {
        channel.send_opening(word.row(index, 0));
    }
    for node in sibling_nodes(&indices, shape.log_leaves()) {
        channel.send_opening(&word.node(node));
    }
    let eq = eq_table(fold_point);
    let fold = |index: usize| {
        let row = word.row(index, 0).as_chunks::<EXT_BYTES>().0.iter();
        row.zip(&eq).map(|(bytes, &eq)| read_ext(bytes).unwrap_or_default() * eq).sum()
    };
    indices.iter().map(|&index| (domain_element(index, shape.log_leaves()), fold(index))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::channel::{ChannelError, VerifierChannel};
    use crate::commitment::{OpeningClaim, OpeningError, Openings, Profile, verify_opening};
    use crate::field::ext;
    use crate::poly::{eq_eval, eq_index, powers_eval};
    use crate::transcript::Transcript;

    /// Work of the tests' query phases.
    const WORK: u32 = 4;

    struct Table {
        values: Vec<Val>,
        word: Word,
        groups: Vec<ClaimGroup>,
        claim: Ext,
        point: Vec<Ext>,
        z: Ext,
    }

    struct Case {
        schedule: Schedule,
        tables: Vec<Table>,
        proof: Vec<u8>,
    }

    /// Claims at an eq point, at the powers of an element and at one entry, opened together.
    fn table(shape: &TableShape, seed: u8) -> Table {
        let (n, folds) = (shape.num_variables, shape.folds);
        let values: Vec<Val> = (0..1u64 << n)
            .map(|i| Val::from_u64(i.wrapping_mul(0x9e37_79b9 + u64::from(seed)) >> 7))
            .collect();
        let word = encode_base(RowMajorMatrix::new(values.clone(), 1 << shape.leaf_folds), shape.rate);
        let point = Transcript::new(&[seed]).sample_many(n);
        let z = Transcript::new(&[seed, 1]).sample();
        let groups = vec![
            ClaimGroup {
                low: eq_table(&point[n - folds..]),
                high: High::Dense(eq_table(&point[..n - folds])),
            },
            ClaimGroup {
                low: z.powers().take(1 << folds).collect(),
                high: High::Dense(z.exp_power_of_2(folds).powers().take(1 << (n - folds)).collect()),
            },
            ClaimGroup { low: eq_one_hot(folds, 3), high: High::Single(6, Ext::TWO) },
        ];
        let lifted: Vec<Ext> = values.iter().map(|&value| ext(value)).collect();
        let claim = crate::poly::evaluate(&lifted, &point)
            + z.powers().zip(&lifted).map(|(power, &value)| power * value).sum::<Ext>()
            + Ext::TWO * lifted[(6 << folds) + 3];
        Table { values, word, groups, claim, point, z }
    }

    fn case(schedule: &Schedule, seed: u8) -> Case {
        let schedule = Schedule { grinding: WORK, ..schedule.clone() };
        let tables: Vec<Table> =
            schedule.tables.iter().zip(seed..).map(|(shape, seed)| table(shape, seed)).collect();
        let opened: Vec<Opened<'_>> = tables
            .iter()
            .map(|Table { values, word, groups, claim, .. }| Opened { word, values, groups, claim: *claim })
            .collect();
        let mut channel = ProverChannel::new(Transcript::new(b"opening"));
        open(&schedule, &opened, OpeningLie::default(), &mut channel);
        Case { proof: channel.finish(), schedule, tables }
    }

    fn eq_one_hot(folds: usize, at: usize) -> Vec<Ext> {
        (0..1 << folds).map(|j| if j == at { Ext::ONE } else { Ext::ZERO }).collect()
    }

    /// Checks with something added to the value of each table.
    fn check(case: &Case, proof: &[u8], added: &[Ext]) -> Result<(), OpeningError> {
        let mut channel = VerifierChannel::new(Transcript::new(b"opening"), proof);
        let claims: Vec<OpeningClaim> = case
            .tables
            .iter()
            .zip(added)
            .map(|(table, &added)| OpeningClaim { root: table.word.root(), value: table.claim + added })
            .collect();
        verify_opening(&case.schedule, &claims, &mut channel, |number, point| {
            let Table { point: at, z, .. } = &case.tables[number];
            let entry = (6 << case.schedule.tables[number].folds) + 3;
            eq_eval(point, at) + powers_eval(*z, point) + Ext::TWO * eq_index(point, entry)
        })?;
        Ok(channel.finish()?)
    }

    fn schedules() -> Vec<Schedule> {
        let mut schedules = Vec::new();
        for profile in Profile::ALL {
            for (witness, weights) in [(13, 14), (17, 13), (16, 12)] {
                schedules.extend(Openings::new(profile, witness, weights).schedules().cloned());
            }
        }
        schedules
    }

    #[test]
    fn openings_verify_and_wrong_claims_do_not() {
        for schedule in schedules() {
            let case = case(&schedule, 1);
            let honest = vec![Ext::ZERO; case.tables.len()];
            assert_eq!(check(&case, &case.proof, &honest), Ok(()), "{schedule:?}");
            for number in 0..honest.len() {
                let mut wrong = honest.clone();
                wrong[number] = Ext::ONE;
                assert_eq!(check(&case, &case.proof, &wrong), Err(OpeningError::FinalClaim), "{schedule:?}");
            }
            let short = &case.proof[..case.proof.len() - 1];
            assert!(matches!(
                check(&case, short, &honest),
                Err(OpeningError::Channel(ChannelError::Truncated(_)))
            ));
        }
    }

    #[test]
    fn every_flipped_byte_is_rejected() {
        for profile in Profile::ALL {
            for schedule in Openings::new(profile, 13, 12).schedules() {
                let case = case(schedule, 2);
                let honest = vec![Ext::ZERO; case.tables.len()];
                for at in (0..case.proof.len()).step_by(if cfg!(debug_assertions) { 97 } else { 13 }) {
                    let mut proof = case.proof.clone();
                    proof[at] ^= 1;
                    assert!(check(&case, &proof, &honest).is_err(), "byte {at} of {}", proof.len());
                }
            }
        }
    }

    /// Leaves of `2^2` values, opened as rows of `2^2` to `2^5`: each row folds to the folded polynomial at its position.
    #[test]
    fn a_row_of_several_leaves_folds_as_one() {
        for folds in 2..=5 {
            let shape = TableShape { num_variables: 8, folds, leaf_folds: 2, rate: 2 };
            let Table { values, word, .. } = table(&shape, 3);
            let low_point = Transcript::new(b"low").sample_many(folds);
            let mut folded = vec![Ext::ZERO; 1 << shape.height()];
            fold_rows(&values, 1 << folds, &eq_table(&low_point), &mut folded);
            let row_fold = RowFold::new(&shape, &low_point, Ext::TWO);
            let log_rows = shape.log_leaves() - shape.log_row_leaves();
            for index in 0..1 << log_rows {
                let row = word.row(index, shape.log_row_leaves()).as_chunks::<VAL_BYTES>().0;
                let row: Vec<Val> = row.iter().map(|bytes| read_val(bytes).unwrap()).collect();
                let y = domain_element(index, log_rows);
                let expected = folded.iter().rev().fold(Ext::ZERO, |sum, &value| sum * y + value);
                assert_eq!(row_fold.fold(index, &row), expected.double(), "{folds} folds, row {index}");
            }
        }
    }
}
