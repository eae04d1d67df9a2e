//! The prover's leaf level: half of the tree's work.
//!
//! Nearly all leaves are lookups, `1 / (start - beta a - beta' b)` with base elements `a`, `b`. They are never written as extension
//! elements: a round's sums over them are sums over products of base elements, times constants. And with `E = mix d + n`
//! the gate of two nodes is `n0 d1 + n1 d0 + mix d0 d1 = (E0 E1 - n0 n1) / mix`, where `n0 n1` is the same for a whole chunk: rows
//! are two elements instead of four, and their gates one product instead of two.

use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;

use super::{Chunk, LOG_CHUNK, Level, LevelProver, Pair, REGISTERS, Row, Rows, add, broadcast, gather};
use crate::field::{Ext, ExtPacked, Lane, ValPacked};
use crate::poly::eq_table_packed;

/// A chunk of leaves.
pub enum Leaf<'a> {
    /// Numerators 1, denominators `start - beta a - beta' b`.
    Lookups {
        /// The challenge the tuple is subtracted from, its tag subtracted.
        start: Ext,
        /// One register of `a` each.
        a: &'a [ValPacked],
        /// The same of `b`, if tuples have it.
        b: Option<&'a [ValPacked]>,
    },
    /// Anything else.
    Explicit(Chunk<ValPacked>),
}

/// The leaf level; a chunk that is `None` is all filler.
pub struct Leaves<'a> {
    /// Its chunks, a power of two, at least two.
    pub chunks: Vec<Option<Leaf<'a>>>,
    /// `beta` and `beta'`.
    pub betas: [Ext; 2],
}

static ZEROS: [ValPacked; REGISTERS] = [ValPacked::ZERO; REGISTERS];

/// `start - beta a - beta' b` of a chunk of lookups, of filler, or `None` for another chunk.
#[derive(Clone, Copy)]
struct Affine<'a> {
    start: Ext,
    a: &'a [ValPacked],
    b: Option<&'a [ValPacked]>,
    numerator: Ext,
}

impl<'a> Affine<'a> {
    /// `mix d + n` of a chunk.
    fn new(leaf: Option<&Leaf<'a>>, mix: Ext) -> Option<Self> {
        match leaf {
            None => Some(Self { start: mix, a: &ZEROS, b: None, numerator: Ext::ZERO }),
            Some(&Leaf::Lookups { start, a, b }) => {
                Some(Self { start: mix * start + Ext::ONE, a, b, numerator: Ext::ONE })
            }
            Some(Leaf::Explicit(_)) => None,
        }
    }

    fn b_or_zeros(&self) -> &'a [ValPacked] {
        self.b.unwrap_or(&ZEROS)
    }
}

fn dot(eq: &[ExtPacked], values: &[ValPacked]) -> Ext {
    let mut sum = ExtPacked::ZERO;
    for (&eq, &value) in eq.iter().zip(values) {
        sum += eq * value;
    }
    sum.sum_lanes()
}

/// Sums of `eq a0 a1`, `eq (a0 b1 + b0 a1)`, `eq b0 b1` over a chunk, and of the same with differences `high - low` for values.
/// Without `B0` or `B1` the sides have no `b`.
fn products<const B0: bool, const B1: bool>(
    eq: &[ExtPacked],
    [low, high]: [[Affine<'_>; 2]; 2],
) -> [[Ext; 3]; 2] {
    let mut sums = [[ExtPacked::ZERO; 3]; 2];
    let [l0, l1, h0, h1] = [low[0], low[1], high[0], high[1]];
    let [lb0, lb1, hb0, hb1] = [l0, l1, h0, h1].map(|affine| affine.b_or_zeros());
    for (x, &eq) in eq.iter().enumerate().take(REGISTERS) {
        let (a0, a1) = (l0.a[x], l1.a[x]);
        let (da0, da1) = (h0.a[x] - a0, h1.a[x] - a1);
        sums[0][0] += eq * (a0 * a1);
        sums[1][0] += eq * (da0 * da1);
        let (b0, db0) = if B0 { (lb0[x], hb0[x] - lb0[x]) } else { (ValPacked::ZERO, ValPacked::ZERO) };
        let (b1, db1) = if B1 { (lb1[x], hb1[x] - lb1[x]) } else { (ValPacked::ZERO, ValPacked::ZERO) };
        match (B0, B1) {
            (false, false) => {}
            (true, false) => {
                sums[0][1] += eq * (b0 * a1);
                sums[1][1] += eq * (db0 * da1);
            }
            (false, true) => {
                sums[0][1] += eq * (a0 * b1);
                sums[1][1] += eq * (da0 * db1);
            }
            (true, true) => {
                sums[0][1] += eq * (a0 * b1 + b0 * a1);
                sums[1][1] += eq * (da0 * db1 + db0 * da1);
                sums[0][2] += eq * (b0 * b1);
                sums[1][2] += eq * (db0 * db1);
            }
        }
    }
    sums.map(|sums| sums.map(Lane::sum_lanes))
}

/// A row's numerators over a chunk.
enum Numerators {
    All(Ext),
    Each(Vec<ExtPacked>),
}

impl Numerators {
    fn at(&self, x: usize) -> ExtPacked {
        match self {
            Self::All(value) => broadcast(*value),
            Self::Each(values) => values[x],
        }
    }

    fn bind(&self, high: &Self, r: Ext) -> Self {
        match (self, high) {
            (Self::All(low), Self::All(high)) => Self::All(*low + r * (*high - *low)),
            _ => {
                let r = broadcast(r);
                Self::Each((0..REGISTERS).map(|x| self.at(x) + r * (high.at(x) - self.at(x))).collect())
            }
        }
    }
}

/// One of the two children over a chunk of rows: `E` and `n`.
struct Child {
    e: Vec<ExtPacked>,
    n: Numerators,
}

impl Child {
    fn filler(mix: Ext) -> Self {
        Self { e: vec![broadcast(mix); REGISTERS], n: Numerators::All(Ext::ZERO) }
    }

    /// Binds in place where it can.
    fn bind(mut self, high: &Self, r: Ext) -> Self {
        let r_packed = broadcast(r);
        self.e.iter_mut().zip(&high.e).for_each(|(low, &high)| *low += r_packed * (high - *low));
        self.n = self.n.bind(&high.n, r);
        self
    }
}

/// A chunk of rows; `None` is all filler.
type RowChunk = Option<[Child; 2]>;

/// What a level's rounds share.
struct Gate {
    mix: Ext,
    betas: [Ext; 2],
    filler: [Child; 2],
}

impl Gate {
    fn new(mix: Ext, betas: [Ext; 2]) -> Self {
        Self { mix, betas: betas.map(|beta| mix * beta), filler: [Child::filler(mix), Child::filler(mix)] }
    }

    /// Sums over filler: eq sums to one over a chunk.
    fn filler_sums(&self) -> [Ext; 2] {
        [self.mix * self.mix, Ext::ZERO]
    }

    /// A leaf chunk written out, times a factor.
    fn child(&self, leaf: Option<&Leaf<'_>>) -> Child {
        match leaf {
            None => Child::filler(self.mix),
            Some(Leaf::Explicit(chunk)) => Child {
                e: (chunk.numerators.iter().zip(&chunk.denominators))
                    .map(|(&n, &d)| d * broadcast(self.mix) + n)
                    .collect(),
                n: Numerators::Each(chunk.numerators.iter().map(|&n| n.into()).collect()),
            },
            Some(Leaf::Lookups { .. }) => {
                let e = Affine::new(leaf, self.mix).map(|affine| self.write_out(&[(affine, Ext::ONE)]));
                Child { e: e.unwrap_or_default(), n: Numerators::All(Ext::ONE) }
            }
        }
    }

    /// The sum of the chunks, each times its factor.
    fn write_out(&self, terms: &[(Affine<'_>, Ext)]) -> Vec<ExtPacked> {
        let start = broadcast(terms.iter().map(|(affine, factor)| affine.start * *factor).sum());
        let mut e = vec![start; REGISTERS];
        for (affine, factor) in terms {
            let [beta, beta2] = self.betas.map(|beta| broadcast(beta * *factor));
            match affine.b {
                Some(b) => {
                    e.iter_mut()
                        .zip(affine.a.iter().zip(b))
                        .for_each(|(e, (&a, &b))| *e -= beta * a + beta2 * b);
                }
                None => e.iter_mut().zip(affine.a).for_each(|(e, &a)| *e -= beta * a),
            }
        }
        e
    }

    /// The first round's sums, times `mix`: children `[low, high]` of two chunks of rows.
    fn first_sums(&self, chunks: [[Option<&Leaf<'_>>; 2]; 2], eq: &[ExtPacked]) -> [Ext; 2] {
        if chunks.as_flattened().iter().all(Option::is_none) {
            return self.filler_sums();
        }
        let [l0, l1, h0, h1] =
            [chunks[0][0], chunks[0][1], chunks[1][0], chunks[1][1]].map(|leaf| Affine::new(leaf, self.mix));
        if let (Some(l0), Some(l1), Some(h0), Some(h1)) = (l0, l1, h0, h1) {
            return self.affine_sums(eq, [[l0, l1], [h0, h1]]);
        }
        let [low, high] = chunks.map(|pair| pair.map(|leaf| self.child(leaf)));
        sums(&low, &high, eq)
    }

    fn affine_sums(&self, eq: &[ExtPacked], both @ [low, high]: [[Affine<'_>; 2]; 2]) -> [Ext; 2] {
        let has_b = |at: usize| low[at].b.is_some() || high[at].b.is_some();
        let quadratic = match (has_b(0), has_b(1)) {
            (false, false) => products::<false, false>(eq, both),
            (true, false) => products::<true, false>(eq, both),
            (false, true) => products::<false, true>(eq, both),
            (true, true) => products::<true, true>(eq, both),
        };
        let [beta, beta2] = self.betas;
        // `beta a + beta' b`, summed with eq.
        let linear = |affine: &Affine<'_>| {
            beta * dot(eq, affine.a) + affine.b.map_or(Ext::ZERO, |b| beta2 * dot(eq, b))
        };
        let weighted = |[aa, ab, bb]: [Ext; 3]| beta * beta * aa + beta * beta2 * ab + beta2 * beta2 * bb;
        let on_low = [linear(&low[0]), linear(&low[1])];
        let constant = low[0].start * low[1].start - low[1].start * on_low[0] - low[0].start * on_low[1]
            + weighted(quadratic[0])
            - low[0].numerator * low[1].numerator;
        let starts = [high[0].start - low[0].start, high[1].start - low[1].start];
        let mut difference = starts[0] * starts[1] + weighted(quadratic[1]);
        for (at, start) in [(0, starts[1]), (1, starts[0])] {
            if start != Ext::ZERO {
                difference -= start * (linear(&high[at]) - on_low[at]);
            }
        }
        difference -= (high[0].numerator - low[0].numerator) * (high[1].numerator - low[1].numerator);
        [constant, difference]
    }

    /// The rows between two chunks of leaves.
    fn bind_leaves(&self, chunks: [[Option<&Leaf<'_>>; 2]; 2], r: Ext) -> RowChunk {
        if chunks.as_flattened().iter().all(Option::is_none) {
            return None;
        }
        let [low, high] = chunks;
        let child = |low: Option<&Leaf<'_>>, high: Option<&Leaf<'_>>| match (
            Affine::new(low, self.mix),
            Affine::new(high, self.mix),
        ) {
            (Some(low), Some(high)) => Child {
                e: self.write_out(&[(low, Ext::ONE - r), (high, r)]),
                n: Numerators::All(low.numerator + r * (high.numerator - low.numerator)),
            },
            _ => self.child(low).bind(&self.child(high), r),
        };
        Some([child(low[0], high[0]), child(low[1], high[1])])
    }

    /// The rows between two chunks of rows.
    fn bind_rows(&self, low: RowChunk, high: &RowChunk, r: Ext) -> RowChunk {
        if low.is_none() && high.is_none() {
            return None;
        }
        let filler = || [Child::filler(self.mix), Child::filler(self.mix)];
        let [low0, low1] = low.unwrap_or_else(filler);
        let [high0, high1] = high.as_ref().unwrap_or(&self.filler);
        Some([low0.bind(high0, r), low1.bind(high1, r)])
    }

    /// Two chunks of rows with their sums, times the weight of the chunk.
    fn pair(&self, low: RowChunk, high: RowChunk, eq: &[ExtPacked], weight: Ext) -> Pair<RowChunk> {
        let pair_sums = if low.is_none() && high.is_none() {
            self.filler_sums()
        } else {
            sums(low.as_ref().unwrap_or(&self.filler), high.as_ref().unwrap_or(&self.filler), eq)
        };
        (low, high, pair_sums.map(|sum| sum * weight))
    }

    /// Rows as the last rounds want them.
    fn rows(&self, pair: RowChunk) -> Rows<ExtPacked> {
        let [child0, child1] = pair.unwrap_or_else(|| [Child::filler(self.mix), Child::filler(self.mix)]);
        // A zero `mix` has probability 2^-155; the proof would fail to verify.
        let by_mix = broadcast(self.mix.try_inverse().unwrap_or(Ext::ZERO));
        (0..REGISTERS)
            .map(|x| {
                let (n0, n1) = (child0.n.at(x), child1.n.at(x));
                Row {
                    mixed: child0.e[x],
                    n1,
                    d0: (child0.e[x] - n0) * by_mix,
                    d1: (child1.e[x] - n1) * by_mix,
                }
            })
            .collect()
    }
}

/// Sums of `E0 E1 - n0 n1` over a chunk of rows, and of the same with differences.
fn sums(low: &[Child; 2], high: &[Child; 2], eq: &[ExtPacked]) -> [Ext; 2] {
    let mut sums = [ExtPacked::ZERO; 2];
    let entries = low[0].e.iter().zip(&low[1].e).zip(high[0].e.iter().zip(&high[1].e));
    for (((&l0, &l1), (&h0, &h1)), &eq) in entries.zip(eq) {
        sums[0] += eq * (l0 * l1);
        sums[1] += eq * ((h0 - l0) * (h1 - l1));
    }
    let numerators = [&low[0].n, &low[1].n, &high[0].n, &high[1].n];
    if let [Numerators::All(l0), Numerators::All(l1), Numerators::All(h0), Numerators::All(h1)] = numerators {
        let [constant, quadratic] = sums.map(Lane::sum_lanes);
        return [constant - *l0 * *l1, quadratic - (*h0 - *l0) * (*h1 - *l1)];
    }
    for (x, &eq) in eq.iter().enumerate() {
        let [l0, l1, h0, h1] = numerators.map(|n| n.at(x));
        sums[0] -= eq * (l0 * l1);
        sums[1] -= eq * ((h0 - l0) * (h1 - l1));
    }
    sums.map(Lane::sum_lanes)
}

impl Leaves<'_> {
    /// The level above.
    pub(super) fn parents(&self) -> Level<ExtPacked> {
        let (low, high) = self.chunks.split_at(self.chunks.len() / 2);
        let gate = Gate {
            mix: Ext::ONE,
            betas: self.betas,
            filler: [Child::filler(Ext::ONE), Child::filler(Ext::ONE)],
        };
        // Numerators and denominators written out.
        let written = |leaf: &Leaf<'_>| -> Chunk<ExtPacked> {
            match leaf {
                Leaf::Explicit(chunk) => Chunk {
                    numerators: chunk.numerators.iter().map(|&n| n.into()).collect(),
                    denominators: chunk.denominators.clone(),
                },
                &Leaf::Lookups { start, a, b } => {
                    let affine = Affine { start, a, b, numerator: Ext::ONE };
                    Chunk {
                        numerators: vec![ExtPacked::ONE; REGISTERS],
                        denominators: gate.write_out(&[(affine, Ext::ONE)]),
                    }
                }
            }
        };
        low.par_iter()
            .zip(high)
            .map(|pair| match pair {
                (None, None) => None,
                (Some(one), None) | (None, Some(one)) => Some(written(one)),
                (Some(a), Some(b)) => {
                    let both = matches!((a, b), (Leaf::Lookups { .. }, Leaf::Lookups { .. }));
                    let (mut a, b) = (written(a), written(b));
                    for x in 0..REGISTERS {
                        let ((n0, d0), (n1, d1)) =
                            ((a.numerators[x], a.denominators[x]), (b.numerators[x], b.denominators[x]));
                        a.numerators[x] = if both { d0 + d1 } else { d1 * n0 + d0 * n1 };
                        a.denominators[x] = d0 * d1;
                    }
                    Some(a)
                }
            })
            .collect()
    }
}

impl LevelProver<'_> {
    /// Rounds on the leaf level until one chunk of rows is left.
    pub(super) fn leaf_chunk(&mut self, leaves: &Leaves<'_>) -> Rows<ExtPacked> {
        let gate = Gate::new(self.mix, leaves.betas);
        let by_mix = self.mix.try_inverse().unwrap_or(Ext::ZERO);
        let rows = leaves.chunks.len() / 2;
        let both = |at: usize| [leaves.chunks[at].as_ref(), leaves.chunks[at + rows].as_ref()];
        if rows == 1 {
            return gate.rows(Some(both(0).map(|leaf| gate.child(leaf))));
        }
        let four = |at: usize| [both(at), both(at + rows / 2)];
        let eq = eq_table_packed(&self.z[self.z.len() - LOG_CHUNK..]);
        let sums = (self.weights().par_iter().enumerate())
            .map(|(at, &weight)| gate.first_sums(four(at), &eq).map(|sum| sum * weight))
            .reduce(|| [Ext::ZERO; 2], add);
        let r = self.send_round(sums.map(|sum| sum * by_mix));
        if rows == 2 {
            return gate.rows(gate.bind_leaves(four(0), r));
        }
        let chunk = |at: usize| gate.bind_leaves(four(at), r);
        let pairs: Vec<_> = (self.weights().into_par_iter().enumerate())
            .map(|(at, weight)| gate.pair(chunk(at), chunk(at + rows / 4), &eq, weight))
            .collect();
        let (mut table, mut sums) = gather(pairs);
        loop {
            let r = self.send_round(sums.map(|sum| sum * by_mix));
            if table.len() == 2 {
                let (high, low) = (table.pop().flatten(), table.pop().flatten());
                return gate.rows(gate.bind_rows(low, &high, r));
            }
            let upper = table.split_off(table.len() / 2);
            let mut low: Vec<_> = table.into_iter().zip(upper).collect();
            let high = low.split_off(low.len() / 2);
            let pairs: Vec<_> = (low.into_par_iter().zip(high).zip(self.weights()))
                .map(|(((a, c), (b, d)), weight)| {
                    gate.pair(gate.bind_rows(a, &c, r), gate.bind_rows(b, &d, r), &eq, weight)
                })
                .collect();
            (table, sums) = gather(pairs);
        }
    }
}
