//! Sizes and error terms of an opening (WHIR, eprint 2024/1586, section 5), in the Johnson regime.
//!
//! Error terms per word of rate `rho = 2^-rate`, with `eta = sqrt(rho) / 20`: a query catches a word outside the list with
//! probability `1 - sqrt(rho) - eta`; the list has at most `1 / (2 eta sqrt(rho))` members (Johnson bound); a folding round
//! fails with the mutual correlated agreement of lines (DKT26, eprint 2026/2056, theorem 5.12, with `m = 10`; a preprint of
//! 2026), or the sumcheck's degree over the list. These are the terms p3-security 0.9.0-rc.2 uses.

/// Security that each single error term must reach; all of a proof's together leave 100 (`security.rs`).
pub const TERM_BITS: f64 = 105.0;
/// `log2` of the challenge field, `5 * log2(p)`, rounded down.
pub const FIELD_BITS: f64 = 154.9;
/// Work per query phase, in leading zero bits of a hash.
pub const QUERY_GRINDING: u32 = 12;

/// `log2` of the largest domain, KoalaBear's two-adicity.
const TWO_ADICITY: usize = 24;

/// One committed word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WordShape {
    /// Variables of the polynomial.
    pub num_variables: usize,
    /// Variables folded out of it: a leaf holds `2^folds` values.
    pub folds: usize,
    /// `-log2` of the rate.
    pub rate: usize,
    /// Positions opened.
    pub queries: usize,
}

impl WordShape {
    fn new(num_variables: usize, folds: usize, rate: usize) -> Self {
        let queries = ((TERM_BITS - f64::from(QUERY_GRINDING)) / query_bits(rate)).ceil() as usize;
        Self { num_variables, folds, rate, queries }
    }

    /// `log2` of the number of leaves.
    #[must_use]
    pub fn log_leaves(&self) -> usize {
        self.num_variables - self.folds + self.rate
    }
}

/// What is committed and folded, word by word; the values left after the last word are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Word 0 holds base elements, later ones extension elements.
    pub words: Vec<WordShape>,
    /// Variables of the values sent at the end.
    pub final_variables: usize,
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
    /// Later words have a domain of about `2^log_domain`; each folds up to four variables.
    fn build(num_variables: usize, first_folds: usize, first_rate: usize, log_domain: usize) -> Self {
        let mut words = vec![WordShape::new(num_variables, first_folds, first_rate)];
        let mut left = num_variables - first_folds;
        while left > 6 {
            let folds = (left - 6) / (left - 6).div_ceil(4);
            words.push(WordShape::new(left, folds, log_domain.saturating_sub(left).clamp(2, 9)));
            left -= folds;
        }
        Self { words, final_variables: left }
    }

    /// For the weights, encoded once: as low a rate as 1 GiB of codeword allows, at most 1/64.
    #[must_use]
    pub fn weights(num_variables: usize) -> Self {
        let rate = 28usize.saturating_sub(num_variables).clamp(2, 6);
        let folds = if num_variables > 23 { 9 } else { 7.min(num_variables - 6) };
        Self::build(num_variables, folds, rate, (num_variables - folds + 3).clamp(10, 19))
    }

    /// For a proof's witness, encoded every time: rate 1/4.
    #[must_use]
    pub fn witness(num_variables: usize) -> Self {
        let folds = if num_variables > 21 { 8 } else { 6 };
        Self::build(num_variables, folds, 2, (num_variables - folds + 5).clamp(10, 21))
    }

    /// Whether every word fits the base field's two-adic group.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.words.iter().all(|word| word.log_leaves() <= TWO_ADICITY)
    }

    /// Every error term of one opening, in bits, by name. `claims` linear claims are batched by powers of one challenge.
    #[must_use]
    pub fn error_terms(&self, claims: usize) -> Vec<(String, f64)> {
        let mut terms = Vec::new();
        let mut batched = claims as f64;
        for (i, word) in self.words.iter().enumerate() {
            let rate = word.rate as f64;
            let (n, list) = (word.num_variables as f64, list_bits(word.rate));
            // Two members of the list agree at the out-of-domain point.
            terms.push((format!("word {i}, out of domain"), FIELD_BITS - n + 1.0 - 2.0 * list));
            terms.push((format!("word {i}, batching"), FIELD_BITS - batched.log2() - list));
            for fold in 0..word.folds {
                let gap = FIELD_BITS
                    - (3.0 + n - fold as f64 + 2.0 * rate + 3.0 * 10.5f64.log2() - 3f64.log2())
                    - 2.0;
                let sumcheck = FIELD_BITS - list - 1.0;
                terms.push((format!("word {i}, fold {fold}"), -((-gap).exp2() + (-sumcheck).exp2()).log2()));
            }
            let queries = word.queries as f64 * query_bits(word.rate) + f64::from(QUERY_GRINDING);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_end_small_and_fit_the_two_adic_domain() {
        for n in 12..=30 {
            for schedule in [Schedule::weights(n), Schedule::witness(n)] {
                let folded: usize = schedule.words.iter().map(|word| word.folds).sum();
                assert_eq!(folded + schedule.final_variables, n);
                assert!(schedule.final_variables <= 6, "{n}: {schedule:?}");
                assert!(schedule.fits(), "{n}: {schedule:?}");
                for (name, bits) in schedule.error_terms(8) {
                    assert!(bits >= TERM_BITS - 2.0, "{n}, {name}: {bits}");
                }
            }
        }
    }
}
