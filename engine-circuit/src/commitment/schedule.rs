//! Sizes and error terms of openings (WHIR, eprint 2024/1586, section 5), in the Johnson regime, by profile.
//!
//! Error terms per word of rate `rho = 2^-rate`, with `eta = sqrt(rho) / 20`: a query catches a word outside the list with
//! probability `1 - sqrt(rho) - eta`; the list has at most `1 / (2 eta sqrt(rho))` members (Johnson bound); a folding round
//! fails with the mutual correlated agreement of lines (DKT26, eprint 2026/2056, theorem 5.12, with `m = 10`; a preprint of
//! 2026), or the sumcheck's degree over the list. These are the terms p3-security 0.9.0-rc.2 uses.

/// `log2` of the challenge field, `5 * log2(p)`, rounded down.
pub const FIELD_BITS: f64 = 154.9;

/// `log2` of the largest domain, KoalaBear's two-adicity.
const TWO_ADICITY: usize = 24;
/// `log2` of the largest codeword that is made without need: 1 GiB of base elements.
const LOG_CODEWORD: usize = 28;
/// The same for the witness of a chain's proof: 2 GiB.
const LOG_WITNESS_CODEWORD: usize = 29;

/// The two ways to prove the same statement about the same weights' root. Which one a proof is of is agreed on beforehand and
/// part of its transcript's name, never read from the proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Profile {
    /// Little work for the prover: what a server sends with each move.
    Live,
    /// Few bytes, for a contract: seconds of work.
    Chain,
}

impl Profile {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Live, Self::Chain];

    /// Security that each query phase reaches; all terms of a proof together leave 100 (`security.rs`).
    fn query_term_bits(self) -> f64 {
        match self {
            Self::Live => 105.0,
            Self::Chain => 102.3,
        }
    }

    /// Work per query phase, in leading zero bits of a hash.
    fn grinding(self) -> u32 {
        match self {
            Self::Live => 12,
            Self::Chain => 24,
        }
    }

    /// The words after the first: folds and rates.
    fn later(self, height: usize) -> Later {
        match self {
            Self::Live => Later {
                log_domain: 0,
                shrink: |folds| folds.div_ceil(2),
                final_variables: 7..=7,
                split: usize::div_ceil,
                max_rate: |_| 9,
            },
            // Past that rate the folding rounds of a word lose more than they need to.
            Self::Chain => Later {
                log_domain: (height + 8).min(25),
                shrink: |_| 0,
                final_variables: 7..=8,
                split: |variables, words| variables / words,
                max_rate: |variables| (38usize.saturating_sub(variables) / 2).max(2),
            },
        }
    }
}

/// How the words after the first are chosen.
struct Later {
    /// `log2` of the first one's domain's size.
    log_domain: usize,
    /// By how much that gets smaller after so many folds: hashing is what later words cost the prover.
    shrink: fn(usize) -> usize,
    /// Variables sent at the end.
    final_variables: std::ops::RangeInclusive<usize>,
    /// Folds of the next word, of the variables to fold and the words to do it in.
    split: fn(usize, usize) -> usize,
    /// `-log2` of the lowest rate, by the variables of the word.
    max_rate: fn(usize) -> usize,
}

/// A table of base elements that is committed before it is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableShape {
    /// Variables of the table.
    pub num_variables: usize,
    /// Variables folded out of it before the first query.
    pub folds: usize,
    /// A leaf of its tree holds `2^leaf_folds` values; `2^(folds - leaf_folds)` leaves are opened at a position.
    pub leaf_folds: usize,
    /// `-log2` of the rate.
    pub rate: usize,
}

impl TableShape {
    /// The weights, encoded once: as low a rate as 1 GiB of codeword allows, at most 1/64, and leaves small enough for every
    /// profile. One root for both profiles and any number of moves.
    fn weights(num_variables: usize, folds: usize) -> Self {
        let rate = LOG_CODEWORD.saturating_sub(num_variables).clamp(2, 6);
        Self { num_variables, folds, leaf_folds: num_variables.saturating_sub(15).clamp(3, 5), rate }
    }

    /// What the weights' root commits to; the profiles differ in what they open of it.
    #[must_use]
    pub fn committed_weights(num_variables: usize) -> Self {
        let table = Self::weights(num_variables, 0);
        Self { folds: table.leaf_folds, ..table }
    }

    /// `log2` of the number of leaves of the tree.
    #[must_use]
    pub fn log_leaves(&self) -> usize {
        self.num_variables - self.leaf_folds + self.rate
    }

    /// `log2` of the number of leaves opened at a position.
    #[must_use]
    pub fn log_row_leaves(&self) -> usize {
        self.folds - self.leaf_folds
    }

    /// Variables left after the folds.
    #[must_use]
    pub fn height(&self) -> usize {
        self.num_variables - self.folds
    }
}

/// One word: the table or tables at first, a folded table later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordShape {
    /// Variables of the polynomial.
    pub num_variables: usize,
    /// Variables folded out of it: a row holds `2^folds` values.
    pub folds: usize,
    /// `-log2` of the rate.
    pub rate: usize,
    /// Positions opened.
    pub queries: usize,
}

impl WordShape {
    fn new(profile: Profile, num_variables: usize, folds: usize, rate: usize) -> Self {
        let bits = profile.query_term_bits() - f64::from(profile.grinding());
        Self { num_variables, folds, rate, queries: (bits / query_bits(rate)).ceil() as usize }
    }

    /// `log2` of the number of rows.
    #[must_use]
    pub fn log_leaves(&self) -> usize {
        self.num_variables - self.folds + self.rate
    }
}

/// What is committed and folded, word by word; the values left after the last word are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// What is opened: one table, or two that are folded into one word.
    pub tables: Vec<TableShape>,
    /// Word 0 is the tables side by side, later ones hold extension elements.
    pub words: Vec<WordShape>,
    /// Variables of the values sent at the end.
    pub final_variables: usize,
    /// Work per query phase, in leading zero bits of a hash.
    pub grinding: u32,
}

/// Security of one query against words outside the list, in bits.
fn query_bits(rate: usize) -> f64 {
    0.5 * rate as f64 - (21f64 / 20.0).log2()
}

/// `log2` of the list's size: `1 / (2 eta sqrt(rho)) = 10 / rho`.
#[must_use]
pub fn list_bits(rate: usize) -> f64 {
    rate as f64 + 10f64.log2()
}

impl Schedule {
    /// Each word folds up to four variables.
    fn build(profile: Profile, tables: Vec<TableShape>, later: &Later) -> Self {
        let height = tables.iter().map(TableShape::height).max().unwrap_or(0);
        let folds = tables.iter().map(|table| table.folds).max().unwrap_or(0);
        let rate = tables.first().map_or(0, |table| table.height() + table.rate) - height;
        let mut words = vec![WordShape::new(profile, height + folds, folds, rate)];
        let mut left = height;
        let (least, most) = (*later.final_variables.start(), *later.final_variables.end());
        let mut log_domain = later.log_domain;
        while left > most {
            let more = (left - most).div_ceil(4);
            let folds = (later.split)(left - least, more).min(4);
            let rate = log_domain.saturating_sub(left).clamp(2, (later.max_rate)(left));
            words.push(WordShape::new(profile, left, folds, rate));
            left -= folds;
            log_domain -= (later.shrink)(folds);
        }
        Self { tables, words, final_variables: left, grinding: profile.grinding() }
    }

    /// The weights alone, live.
    fn live_weights(num_variables: usize) -> Self {
        let folds = if num_variables > 23 { 9 } else { 7.min(num_variables - 6) };
        let height = num_variables - folds;
        let later = Profile::Live.later(height);
        let later = Later { log_domain: (height + 3).clamp(10, 19), final_variables: 8..=8, ..later };
        Self::build(Profile::Live, vec![TableShape::weights(num_variables, folds)], &later)
    }

    /// A proof's witness alone, live: encoded every time, rate 1/4.
    fn live_witness(num_variables: usize) -> Self {
        let folds = if num_variables > 21 { 8 } else { 6 };
        let height = num_variables - folds;
        let later = Later { log_domain: (height + 4).clamp(10, 21), ..Profile::Live.later(height) };
        let table = TableShape { num_variables, folds, leaf_folds: folds, rate: 2 };
        Self::build(Profile::Live, vec![table], &later)
    }

    /// Witness and weights together. The weights' rows are the leaves of their tree; the witness has as many folds as give it the
    /// same positions, at most 7 where its rate allows, and the lowest rate that 2 GiB of codeword allow, at most the weights'.
    fn chain(witness_variables: usize, weight_variables: usize) -> Self {
        let weights = TableShape::committed_weights(weight_variables);
        let positions = weights.log_leaves();
        let rate = (LOG_WITNESS_CODEWORD.min(positions + 7))
            .saturating_sub(witness_variables)
            .clamp(2, weights.rate)
            .max(positions.saturating_sub(witness_variables));
        let folds = witness_variables + rate - positions;
        let witness = TableShape { num_variables: witness_variables, folds, leaf_folds: folds, rate };
        let height = witness.height().max(weights.height());
        Self::build(Profile::Chain, vec![witness, weights], &Profile::Chain.later(height))
    }

    /// Variables of the table's number.
    #[must_use]
    pub fn log_tables(&self) -> usize {
        self.tables.len().trailing_zeros() as usize
    }

    /// Whether every word fits the base field's two-adic group.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.words.iter().all(|word| word.log_leaves() <= TWO_ADICITY)
            && self.tables.iter().all(|table| table.log_leaves() <= TWO_ADICITY)
    }

    /// Lists of all tables, in bits: what the first challenges are charged for.
    #[must_use]
    pub fn first_lists(&self) -> f64 {
        self.words.first().map_or(0.0, |word| self.tables.len() as f64 * list_bits(word.rate))
    }

    /// Every error term of one opening, in bits, by name. `claims` linear claims are batched by powers of one challenge.
    #[must_use]
    pub fn error_terms(&self, claims: usize) -> Vec<(String, f64)> {
        let mut terms = Vec::new();
        let mut batched = claims as f64;
        for (i, word) in self.words.iter().enumerate() {
            let rate = word.rate as f64;
            let (mut n, list) = (word.num_variables as f64, list_bits(word.rate));
            // Challenges of word 0 get their chance with every pair of members; one more round folds two tables into one.
            let (lists, mut rounds) =
                if i == 0 { (self.first_lists(), word.folds) } else { (list, word.folds) };
            if i == 0 {
                n += self.log_tables() as f64;
                rounds += self.log_tables();
            }
            // Two members of the list agree at the out-of-domain point.
            terms.push((format!("word {i}, out of domain"), FIELD_BITS - n + 1.0 - 2.0 * list));
            terms.push((format!("word {i}, batching"), FIELD_BITS - batched.log2() - lists));
            for fold in 0..rounds {
                let gap = FIELD_BITS
                    - (3.0 + n - fold as f64 + 2.0 * rate + 3.0 * 10.5f64.log2() - 3f64.log2())
                    - 2.0;
                let sumcheck = FIELD_BITS - lists - 1.0;
                terms.push((format!("word {i}, fold {fold}"), -((-gap).exp2() + (-sumcheck).exp2()).log2()));
            }
            let queries = word.queries as f64 * query_bits(word.rate) + f64::from(self.grinding);
            terms.push((format!("word {i}, queries"), queries));
            batched = word.queries as f64 + 2.0;
        }
        terms.push((
            "final sumcheck".to_owned(),
            FIELD_BITS - (2.0 * self.final_variables as f64 + batched).log2(),
        ));
        terms
    }
}

/// Number of the witness among the tables of a joint opening; the other is the weights'.
pub const WITNESS_TABLE: usize = 0;

/// The openings of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Openings {
    /// The witness, then the weights: each with the folds and the rate that cost the prover least.
    Separate {
        /// Of the witness.
        witness: Schedule,
        /// Of the weights.
        weights: Schedule,
    },
    /// Both at the same positions, one folded word from there on (`docs/decisions/0003-joint-opening.md`).
    Joint(Schedule),
}

impl Openings {
    /// The schedules for a witness and weights of so many variables.
    #[must_use]
    pub fn new(profile: Profile, witness_variables: usize, weight_variables: usize) -> Self {
        match profile {
            Profile::Live => Self::Separate {
                witness: Schedule::live_witness(witness_variables),
                weights: Schedule::live_weights(weight_variables),
            },
            Profile::Chain => Self::Joint(Schedule::chain(witness_variables, weight_variables)),
        }
    }

    /// The schedules, in the proof's order.
    pub fn schedules(&self) -> impl Iterator<Item = &Schedule> {
        let (first, second) = match self {
            Self::Separate { witness, weights } => (witness, Some(weights)),
            Self::Joint(schedule) => (schedule, None),
        };
        std::iter::once(first).chain(second)
    }

    /// The same with other work per query phase: for tests that make many proofs (`dishonest.rs`).
    #[cfg(feature = "prover")]
    #[must_use]
    pub(crate) fn with_grinding(mut self, bits: u32) -> Self {
        match &mut self {
            Self::Separate { witness, weights } => (witness.grinding, weights.grinding) = (bits, bits),
            Self::Joint(schedule) => schedule.grinding = bits,
        }
        self
    }

    /// The witness as it is committed.
    #[must_use]
    pub fn witness_table(&self) -> TableShape {
        match self {
            Self::Separate { witness, .. } => witness.tables[0],
            Self::Joint(schedule) => schedule.tables[WITNESS_TABLE],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_end_small_and_fit_the_two_adic_domain() {
        for n in 12..=30 {
            for profile in Profile::ALL {
                for weights in 12..=25 {
                    for schedule in Openings::new(profile, n, weights).schedules() {
                        let folded: usize = schedule.words.iter().map(|word| word.folds).sum();
                        assert_eq!(folded + schedule.final_variables, schedule.words[0].num_variables);
                        assert!(schedule.final_variables <= 8, "{n}: {schedule:?}");
                        assert!(schedule.fits(), "{n}: {schedule:?}");
                        for table in &schedule.tables {
                            let positions = table.log_leaves() - table.log_row_leaves();
                            assert_eq!(positions, schedule.words[0].log_leaves(), "{n}: {schedule:?}");
                        }
                        for (name, bits) in schedule.error_terms(8) {
                            let least = profile.query_term_bits() - 2.0;
                            assert!(bits >= least, "{profile:?} {n}, {name}: {bits}");
                        }
                    }
                }
            }
        }
    }
}
