//! The prover of the fractional sumcheck.
//!
//! Large levels are cut into chunks of `2^LOG_CHUNK` nodes. Where no section lies (layers that pad the layer axis, moves that pad
//! the move axis) every leaf is the filler `0 / 1`, and so is every node above two such: a chunk of nothing but filler is not
//! stored, and its sums are known. A level's first round reads the children, the second binds them into rows, so
//! that no table of a whole level is ever written.

use p3_field::{Field, PrimeCharacteristicRing};
use rayon::prelude::*;

use super::LeafClaims;
use crate::channel::ProverChannel;
use crate::dishonest::TreeLie;
use crate::field::{Ext, ExtPacked, LANES, Lane, unpack_ext};
use crate::poly::{eq_table, eq_table_packed};

/// Base-2 logarithm of the nodes in a chunk.
pub const LOG_CHUNK: usize = 10;
/// Registers of a chunk.
const REGISTERS: usize = (1 << LOG_CHUNK) / LANES;

mod leaves;
pub use leaves::{Leaf, Leaves};

/// A chunk of a level: as many numerators as denominators. Numerators of leaves are base elements.
pub struct Chunk<N> {
    numerators: Vec<N>,
    denominators: Vec<ExtPacked>,
}

impl<N: PrimeCharacteristicRing + Copy> Chunk<N> {
    /// A chunk of fractions `0 / 1`.
    #[must_use]
    pub fn filler() -> Self {
        Self { numerators: vec![N::ZERO; REGISTERS], denominators: vec![ExtPacked::ONE; REGISTERS] }
    }

    /// Numerators and denominators of every register.
    pub fn registers_mut(&mut self) -> impl Iterator<Item = (&mut N, &mut ExtPacked)> {
        self.numerators.iter_mut().zip(&mut self.denominators)
    }
}

impl Chunk<ExtPacked> {
    /// The row of node `x` and of that of the chunk half a level above.
    fn row(&self, upper: &Self, x: usize, mix: ExtPacked) -> Row<ExtPacked> {
        Row::new(self.numerators[x], upper.numerators[x], self.denominators[x], upper.denominators[x], mix)
    }
}

/// The chunks of a level; `None` is all filler.
type Level<N> = Vec<Option<Chunk<N>>>;

/// Numerators and denominators of a level of less than a chunk.
type Small = (Vec<Ext>, Vec<Ext>);

/// Every level of the tree.
pub struct Tree<'a> {
    log_leaves: usize,
    leaves: Leaves<'a>,
    /// Levels `log_leaves - 1` down to `LOG_CHUNK + 1`.
    chunked: Vec<Level<ExtPacked>>,
    /// Levels `LOG_CHUNK` down to 1.
    small: Vec<Small>,
}

/// The parents of a level: the halves' fractions added.
fn parents(level: &[Option<Chunk<ExtPacked>>]) -> Level<ExtPacked> {
    let (low, high) = level.split_at(level.len() / 2);
    low.par_iter()
        .zip(high)
        .map(|pair| match pair {
            (None, None) => None,
            (Some(one), None) | (None, Some(one)) => {
                Some(Chunk { numerators: one.numerators.clone(), denominators: one.denominators.clone() })
            }
            (Some(a), Some(b)) => {
                let pairs = a.denominators.iter().zip(&b.denominators);
                Some(Chunk {
                    numerators: (a.numerators.iter().zip(&b.numerators).zip(pairs.clone()))
                        .map(|((&n0, &n1), (&d0, &d1))| d1 * n0 + d0 * n1)
                        .collect(),
                    denominators: pairs.map(|(&d0, &d1)| d0 * d1).collect(),
                })
            }
        })
        .collect()
}

fn small_parents((numerators, denominators): &Small) -> Small {
    let half = numerators.len() / 2;
    let ((n0, n1), (d0, d1)) = (numerators.split_at(half), denominators.split_at(half));
    let node = |x: usize| (d1[x] * n0[x] + d0[x] * n1[x], d0[x] * d1[x]);
    (0..half).map(node).unzip()
}

impl<'a> Tree<'a> {
    /// Builds the tree over its leaves.
    #[must_use]
    pub fn new(leaves: Leaves<'a>) -> Self {
        let log_leaves = leaves.chunks.len().trailing_zeros() as usize + LOG_CHUNK;
        let mut chunked = vec![leaves.parents()];
        while chunked[chunked.len() - 1].len() > 1 {
            chunked.push(parents(&chunked[chunked.len() - 1]));
        }
        let chunk = chunked.pop().and_then(|mut level| level.pop()).flatten().unwrap_or_else(Chunk::filler);
        let mut small = vec![(unpack_ext(&chunk.numerators), unpack_ext(&chunk.denominators))];
        while small[small.len() - 1].0.len() > 2 {
            small.push(small_parents(&small[small.len() - 1]));
        }
        Self { log_leaves, leaves, chunked, small }
    }
}

/// Two children of a node: `mixed = n0 + mix d0`.
#[derive(Clone, Copy)]
struct Row<T> {
    mixed: T,
    n1: T,
    d0: T,
    d1: T,
}

/// Rows of one kind of element.
type Rows<T> = Vec<Row<T>>;

impl<T: Lane> Row<T> {
    fn new(n0: T, n1: T, d0: T, d1: T, mix: T) -> Self {
        Self { mixed: d0 * mix + n0, n1, d0, d1 }
    }

    /// Adds this row's and the upper row's constant and quadratic coefficient.
    fn add_terms(&self, upper: &Self, eq: T, sums: &mut [T; 2]) {
        let (mixed, n1) = (upper.mixed - self.mixed, upper.n1 - self.n1);
        sums[0] += eq * (self.mixed * self.d1 + self.d0 * self.n1);
        sums[1] += eq * (mixed * (upper.d1 - self.d1) + (upper.d0 - self.d0) * n1);
    }

    /// Two empty nodes below one.
    fn filler(mix: T) -> Self {
        Self::new(T::ZERO, T::ZERO, T::ONE, T::ONE, mix)
    }

    /// The row between this one and `upper`.
    fn bind(&self, upper: &Self, r: T) -> Self {
        Self {
            mixed: bind(self.mixed, upper.mixed, r),
            n1: bind(self.n1, upper.n1, r),
            d0: bind(self.d0, upper.d0, r),
            d1: bind(self.d1, upper.d1, r),
        }
    }
}

fn bind<T: Lane>(low: T, high: T, r: T) -> T {
    r * (high - low) + low
}

/// One element in every lane.
fn broadcast(value: Ext) -> ExtPacked {
    value.into()
}

fn add([a, b]: [Ext; 2], [c, d]: [Ext; 2]) -> [Ext; 2] {
    [a + c, b + d]
}

/// A chunk of rows; `None` is all filler.
type RowChunk = Option<Rows<ExtPacked>>;

/// Two chunks of rows that are a half apart, and their sums.
type Pair<T> = (T, T, [Ext; 2]);

/// The filler in its three shapes.
struct Filler {
    chunk: Chunk<ExtPacked>,
    row: Row<ExtPacked>,
    /// What two chunks of it add: eq sums to one over a chunk.
    sums: [Ext; 2],
}

/// Two chunks of children, `x` and `x` plus half a level.
type Children<'a> = [Option<&'a Chunk<ExtPacked>>; 2];

fn or<'a>(children: Children<'a>, filler: &'a Chunk<ExtPacked>) -> [&'a Chunk<ExtPacked>; 2] {
    children.map(|chunk| chunk.unwrap_or(filler))
}

/// Sums over a chunk of rows and of rows half a level above; `eq` of the chunk's variables.
fn sums_of(
    eq: &[ExtPacked],
    row: impl Fn(usize) -> Row<ExtPacked>,
    upper: impl Fn(usize) -> Row<ExtPacked>,
) -> [Ext; 2] {
    let mut sums = [ExtPacked::ZERO; 2];
    for (x, &eq) in eq.iter().enumerate() {
        row(x).add_terms(&upper(x), eq, &mut sums);
    }
    sums.map(Lane::sum_lanes)
}

impl Filler {
    fn new(mix: Ext) -> Self {
        Self { chunk: Chunk::filler(), row: Row::filler(mix.into()), sums: [mix, Ext::ZERO] }
    }

    /// The first round's sums, before anything is bound.
    fn first_sums(&self, [low, high]: [Children<'_>; 2], eq: &[ExtPacked]) -> [Ext; 2] {
        if [low, high].as_flattened().iter().all(Option::is_none) {
            return self.sums;
        }
        let mix = self.row.mixed;
        let ([a, b], [c, d]) = (or(low, &self.chunk), or(high, &self.chunk));
        sums_of(eq, |x| a.row(b, x, mix), |x| c.row(d, x, mix))
    }

    /// The rows between two chunks of children.
    fn bind_children(&self, [low, high]: [Children<'_>; 2], r: ExtPacked) -> RowChunk {
        if [low, high].as_flattened().iter().all(Option::is_none) {
            return None;
        }
        let mix = self.row.mixed;
        let ([a, b], [c, d]) = (or(low, &self.chunk), or(high, &self.chunk));
        let node = |low: &Chunk<ExtPacked>, high: &Chunk<ExtPacked>, x: usize| -> (ExtPacked, ExtPacked) {
            let denominator = bind(low.denominators[x], high.denominators[x], r);
            (bind(low.numerators[x], high.numerators[x], r), denominator)
        };
        let row = |x| {
            let ((n0, d0), (n1, d1)) = (node(a, c, x), node(b, d, x));
            Row::new(n0, n1, d0, d1, mix)
        };
        Some((0..REGISTERS).map(row).collect())
    }

    /// The rows between two chunks of rows.
    fn bind_rows(&self, low: RowChunk, high: RowChunk, r: ExtPacked) -> RowChunk {
        match (low, high) {
            (None, None) => None,
            (Some(mut low), high) => {
                match high {
                    Some(high) => low.iter_mut().zip(&high).for_each(|(low, high)| *low = low.bind(high, r)),
                    None => low.iter_mut().for_each(|low| *low = low.bind(&self.row, r)),
                }
                Some(low)
            }
            (None, Some(mut high)) => {
                high.iter_mut().for_each(|high| *high = self.row.bind(high, r));
                Some(high)
            }
        }
    }

    /// Two chunks of rows with their sums, times the weight of the chunk.
    fn pair(&self, low: RowChunk, high: RowChunk, eq: &[ExtPacked], weight: Ext) -> Pair<RowChunk> {
        let sums = match (&low, &high) {
            (None, None) => self.sums,
            (Some(low), None) => sums_of(eq, |x| low[x], |_| self.row),
            (None, Some(high)) => sums_of(eq, |_| self.row, |x| high[x]),
            (Some(low), Some(high)) => sums_of(eq, |x| low[x], |x| high[x]),
        };
        (low, high, sums.map(|sum| sum * weight))
    }

    fn filled(&self, chunk: RowChunk) -> Rows<ExtPacked> {
        chunk.unwrap_or_else(|| vec![self.row; REGISTERS])
    }
}

/// Pairs in the order of the table, and the sum of their sums.
fn gather<T>(pairs: Vec<Pair<T>>) -> (Vec<T>, [Ext; 2]) {
    let (mut table, mut upper) = (Vec::with_capacity(2 * pairs.len()), Vec::with_capacity(pairs.len()));
    let mut sums = [Ext::ZERO; 2];
    for (low, high, part) in pairs {
        table.push(low);
        upper.push(high);
        sums = add(sums, part);
    }
    table.append(&mut upper);
    (table, sums)
}

/// The sumcheck of one level.
struct LevelProver<'a> {
    channel: &'a mut ProverChannel,
    /// The claim's point: one coordinate a variable of the level.
    z: &'a [Ext],
    mix: Ext,
    claim: Ext,
    point: Vec<Ext>,
}

impl LevelProver<'_> {
    /// The coordinates that stay free in the round to come.
    fn free(&self) -> &[Ext] {
        &self.z[self.point.len() + 1..]
    }

    /// eq of the free variables above the chunk's.
    fn weights(&self) -> Vec<Ext> {
        let free = self.free();
        eq_table(&free[..free.len() - LOG_CHUNK])
    }

    /// Sends a round from the constant and the quadratic coefficient; the challenge.
    fn send_round(&mut self, [constant, quadratic]: [Ext; 2]) -> Ext {
        let z = self.z[self.point.len()];
        // `claim = constant + z (linear + quadratic)`. A zero `z` has probability 2^-155; then any linear term would do for the
        // check and the proof would fail to verify, so nothing unsound happens.
        let linear = (self.claim - constant) * z.try_inverse().unwrap_or(Ext::ZERO) - quadratic;
        self.channel.send(&[linear, quadratic]);
        let r = self.channel.transcript.sample();
        self.claim = constant + r * (linear + r * quadratic);
        self.point.push(r);
        r
    }

    /// Rounds until one row is left, on at most a chunk.
    fn finish<T: Lane>(&mut self, mut rows: Rows<T>, eq_table: impl Fn(&[Ext]) -> Vec<T>) -> Row<T> {
        while rows.len() > 1 {
            let eq = eq_table(self.free());
            let upper = rows.split_off(rows.len() / 2);
            let mut sums = [T::ZERO; 2];
            for ((row, upper), &eq) in rows.iter().zip(&upper).zip(&eq) {
                row.add_terms(upper, eq, &mut sums);
            }
            let r = T::from(self.send_round(sums.map(Lane::sum_lanes)));
            rows.iter_mut().zip(&upper).for_each(|(row, upper)| *row = row.bind(upper, r));
        }
        rows[0]
    }

    /// Rounds on a level whose children are less than two chunks.
    fn small(&mut self, (numerators, denominators): &Small) -> Row<Ext> {
        let half = numerators.len() / 2;
        let row = |x| {
            Row::new(numerators[x], numerators[x + half], denominators[x], denominators[x + half], self.mix)
        };
        let rows = (0..half).map(row).collect();
        self.finish(rows, eq_table)
    }

    /// Rounds on a level whose children are at least two chunks.
    fn chunked(&mut self, children: &[Option<Chunk<ExtPacked>>]) -> Row<Ext> {
        let rows = self.one_chunk(children);
        self.finish_chunk(rows)
    }

    /// Rounds on the leaf level.
    fn leaves(&mut self, leaves: &Leaves<'_>) -> Row<Ext> {
        let rows = self.leaf_chunk(leaves);
        self.finish_chunk(rows)
    }

    /// The last rounds, on one chunk.
    fn finish_chunk(&mut self, rows: Rows<ExtPacked>) -> Row<Ext> {
        let row = self.finish(rows, eq_table_packed);
        let [mixed, n1, d0, d1] = [row.mixed, row.n1, row.d0, row.d1].map(|value| unpack_ext(&[value]));
        let row = |lane| Row { mixed: mixed[lane], n1: n1[lane], d0: d0[lane], d1: d1[lane] };
        self.finish((0..LANES).map(row).collect(), eq_table)
    }

    /// Rounds until one chunk of rows is left.
    fn one_chunk(&mut self, children: &[Option<Chunk<ExtPacked>>]) -> Rows<ExtPacked> {
        let filler = Filler::new(self.mix);
        let rows = children.len() / 2;
        let both = |at: usize| [children[at].as_ref(), children[at + rows].as_ref()];
        if rows == 1 {
            let [a, b] = or(both(0), &filler.chunk);
            return (0..REGISTERS).map(|x| a.row(b, x, filler.row.mixed)).collect();
        }
        let four = |at: usize| [both(at), both(at + rows / 2)];
        let eq = eq_table_packed(&self.z[self.z.len() - LOG_CHUNK..]);
        let sums = (self.weights().par_iter().enumerate())
            .map(|(at, &weight)| filler.first_sums(four(at), &eq).map(|sum| sum * weight))
            .reduce(|| [Ext::ZERO; 2], add);
        let r = broadcast(self.send_round(sums));
        if rows == 2 {
            return filler.filled(filler.bind_children(four(0), r));
        }
        let chunk = |at: usize| filler.bind_children(four(at), r);
        let pairs = (self.weights().into_par_iter().enumerate())
            .map(|(at, weight)| filler.pair(chunk(at), chunk(at + rows / 4), &eq, weight))
            .collect();
        let (mut table, mut sums) = gather(pairs);
        loop {
            let r = broadcast(self.send_round(sums));
            if table.len() == 2 {
                let (high, low) = (table.pop().flatten(), table.pop().flatten());
                return filler.filled(filler.bind_rows(low, high, r));
            }
            let upper = table.split_off(table.len() / 2);
            let mut low: Vec<_> = table.into_iter().zip(upper).collect();
            let high = low.split_off(low.len() / 2);
            let pairs = (low.into_par_iter().zip(high).zip(self.weights()))
                .map(|(((a, c), (b, d)), weight)| {
                    filler.pair(filler.bind_rows(a, c, r), filler.bind_rows(b, d, r), &eq, weight)
                })
                .collect();
            (table, sums) = gather(pairs);
        }
    }
}

/// Proves that the tree's root has numerator zero.
pub fn prove(tree: &Tree<'_>, lie: TreeLie, channel: &mut ProverChannel) -> LeafClaims {
    let (numerators, denominators) = &tree.small[tree.small.len() - 1];
    let [mut n0, n1, d0, d1] = [numerators[0], numerators[1], denominators[0], denominators[1]];
    if lie != TreeLie::Honest {
        n0 = -n1 * d0 * d1.inverse();
    }
    channel.send(&[n0, n1, d0, d1]);
    let r = channel.transcript.sample();
    let mut claims =
        LeafClaims { point: vec![r], numerator: n0 + r * (n1 - n0), denominator: d0 + r * (d1 - d0) };
    for level in 1..tree.log_leaves {
        let mix = channel.transcript.sample();
        let mut prover = LevelProver {
            z: &claims.point,
            mix,
            claim: claims.numerator + mix * claims.denominator,
            point: Vec::with_capacity(level + 1),
            channel,
        };
        let row = if level < LOG_CHUNK {
            prover.small(&tree.small[tree.small.len() - 1 - level])
        } else if level + 1 < tree.log_leaves {
            prover.chunked(&tree.chunked[tree.log_leaves - 2 - level])
        } else {
            prover.leaves(&tree.leaves)
        };
        let (claim, mut point) = (prover.claim, prover.point);
        let Row { mixed, n1, d0, d1 } = row;
        let mut n0 = mixed - mix * d0;
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
