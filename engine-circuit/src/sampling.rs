//! Levels of play that stay verifiable: the network's logits get public noise before the argmax (`docs/network.md` section 5).
//!
//! `argmax(logit + T g)` with independent Gumbel `g` draws a move from the softmax at temperature `T` exactly (Gumbel 1954;
//! Maddison et al. 2014, "A* sampling", section 2). The noise is a function of a seed, integers only; the seed of a ply comes
//! from the client's nonce and an element of the server's hash chain, so that neither side can choose or foresee it.

use std::sync::OnceLock;

use thiserror::Error;

use crate::transcript::{Hash, keccak256};

/// The seed of one ply's noise.
pub type Seed = [u8; 32];

/// Temperatures of levels 1, 2, .. in 1/64; the last is 0: the argmax itself.
const TEMPERATURES: [u16; 8] = [224, 144, 96, 64, 40, 24, 12, 0];
/// Base-2 logarithm of the entries of the noise table.
pub(crate) const LOG_TABLE: usize = 12;
/// Steps of the noise table in one natural-log unit.
const TABLE_STEPS: f64 = 256.0;
/// The table's steps times the temperature's.
const NOISE_SHIFT: u32 = 8 + 6;

/// How strictly the network's best move is played: 1, the most random, to [`Level::STRONGEST`], no noise at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Level(u8);

impl Level {
    /// No noise.
    pub const STRONGEST: Self = Self(TEMPERATURES.len() as u8);

    /// Level `number`, 1 to 8; `None` for any other.
    #[must_use]
    pub fn new(number: u8) -> Option<Self> {
        (1..=Self::STRONGEST.0).contains(&number).then_some(Self(number))
    }

    /// Every level, the most random first.
    pub fn all() -> impl Iterator<Item = Self> {
        (1..=Self::STRONGEST.0).map(Self)
    }

    /// Its number.
    #[must_use]
    pub fn number(self) -> u8 {
        self.0
    }

    /// Temperature in 1/64 of a logit's natural-log unit.
    #[must_use]
    pub fn temperature_64(self) -> u16 {
        TEMPERATURES.get(usize::from(self.0).wrapping_sub(1)).copied().unwrap_or(0)
    }

    /// True if moves are drawn, so that a seed is needed.
    #[must_use]
    pub fn is_random(self) -> bool {
        self.temperature_64() > 0
    }

    /// The noise of a policy index, in the network's logit steps; below `2^24` in absolute value. `logit_scale_log2` is at most 18.
    #[must_use]
    pub fn noise(self, seed: &Seed, index: usize, logit_scale_log2: u8) -> i32 {
        if !self.is_random() {
            return 0;
        }
        let mut message = [0; 34];
        message[..32].copy_from_slice(seed);
        message[32..].copy_from_slice(&(index as u16).to_be_bytes());
        let [high, low, ..] = keccak256(&message);
        self.scaled(usize::from(u16::from_be_bytes([high, low])) >> (16 - LOG_TABLE), logit_scale_log2)
    }

    /// The largest noise that any seed gives.
    #[must_use]
    pub fn largest_noise(self, logit_scale_log2: u8) -> i32 {
        self.scaled((1 << LOG_TABLE) - 1, logit_scale_log2)
    }

    /// An entry of the table at this temperature, in logit steps.
    fn scaled(self, entry: usize, logit_scale_log2: u8) -> i32 {
        let gumbel = gumbel_table().get(entry).copied().unwrap_or(0);
        let scaled = (i64::from(self.temperature_64()) * i64::from(gumbel)) << logit_scale_log2;
        (scaled >> NOISE_SHIFT) as i32
    }
}

impl Default for Level {
    fn default() -> Self {
        Self::STRONGEST
    }
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// `round(256 * -ln(-ln((u + 0.5) / 4096)))` for `u = 0 .. 4096`: quantiles of the Gumbel distribution.
pub fn gumbel_table() -> &'static [i16] {
    static TABLE: OnceLock<Vec<i16>> = OnceLock::new();
    TABLE.get_or_init(|| (0..1 << LOG_TABLE).map(|u| gumbel_steps(u).round() as i16).collect())
}

fn gumbel_steps(u: usize) -> f64 {
    let quantile = (u as f64 + 0.5) / (1 << LOG_TABLE) as f64;
    TABLE_STEPS * -(-quantile.ln()).ln()
}

/// The seed of a ply: `keccak256("fairmate seed 1" || nonce || element || ply)`, ply in four bytes, big-endian.
#[must_use]
pub fn ply_seed(nonce: &[u8; 32], element: &Hash, ply: u32) -> Seed {
    let mut message = b"fairmate seed 1".to_vec();
    message.extend_from_slice(nonce);
    message.extend_from_slice(element);
    message.extend_from_slice(&ply.to_be_bytes());
    keccak256(&message)
}

/// A server's hash chain for one game: element `i` hashes to element `i - 1`, element 0 is the head.
#[derive(Clone, Debug)]
pub struct SeedChain {
    elements: Vec<Hash>,
}

impl SeedChain {
    /// The chain of `length` elements behind a head, from the secret last element.
    #[must_use]
    pub fn new(last: Hash, length: usize) -> Self {
        let mut elements = vec![last];
        for _ in 0..length {
            elements.push(keccak256(&elements[elements.len() - 1]));
        }
        elements.reverse();
        Self { elements }
    }

    /// What is shown before the client's nonce is known.
    #[must_use]
    pub fn head(&self) -> Hash {
        self.elements[0]
    }

    /// The element of the network's `number`-th move (1 first); `None` past the end.
    #[must_use]
    pub fn element(&self, number: usize) -> Option<Hash> {
        self.elements.get(number).copied()
    }
}

/// True if `element` follows `previous` in a chain.
#[must_use]
pub fn follows(previous: &Hash, element: &Hash) -> bool {
    keccak256(element) == *previous
}

/// What a game below the strongest level leaves behind, so that anyone can check its seeds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeedRecord {
    /// Level of the whole game.
    pub level: Level,
    /// Element 0 of the server's chain.
    pub head: Hash,
    /// The client's nonce.
    pub nonce: [u8; 32],
    /// Elements 1, 2, .. as revealed, one a move of the network.
    pub elements: Vec<Hash>,
}

/// Why a record of seeds is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SeedError {
    /// Not one element a move.
    #[error("{actual} elements of the seed chain for {expected} moves")]
    Count {
        /// Moves of the network.
        expected: usize,
        /// Elements.
        actual: usize,
    },
    /// An element does not hash to the one before it.
    #[error("element {0} of the seed chain does not hash to the element before it")]
    Chain(usize),
}

impl SeedRecord {
    /// The seeds of the network's moves at these plies, after checking the chain; none at the strongest level.
    ///
    /// # Errors
    ///
    /// Returns [`SeedError`] if the elements are no chain from the head, or are not one a move.
    pub fn seeds(&self, plies: &[u32]) -> Result<Vec<Seed>, SeedError> {
        if self.elements.len() != plies.len() {
            return Err(SeedError::Count { expected: plies.len(), actual: self.elements.len() });
        }
        let mut previous = &self.head;
        for (number, element) in self.elements.iter().enumerate() {
            if !follows(previous, element) {
                return Err(SeedError::Chain(number + 1));
            }
            previous = element;
        }
        let seeds =
            self.elements.iter().zip(plies).map(|(element, &ply)| ply_seed(&self.nonce, element, ply));
        Ok(if self.level.is_random() { seeds.collect() } else { Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So that no platform's logarithm rounds an entry to another integer, and nobody changes the table unseen.
    #[test]
    fn the_table_is_the_specified_one() {
        for u in 0..1 << LOG_TABLE {
            let fraction = gumbel_steps(u).rem_euclid(1.0);
            assert!((fraction - 0.5).abs() > 1e-6, "entry {u} lies between two integers");
        }
        let table = gumbel_table();
        assert_eq!((table[0], table[2048], table[4095]), (-563, 94, 2307));
        let bytes: Vec<u8> = table.iter().flat_map(|entry| entry.to_be_bytes()).collect();
        let digest: String = keccak256(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(digest, "684f07134f04d29505a36ed83b2c78141a7651623b8b87d57bbfb7fae5d213d8");
    }

    #[test]
    fn noise_is_bounded_and_the_strongest_level_has_none() {
        let largest = f64::from(TEMPERATURES[0]) * 2307.0 / f64::from(1 << NOISE_SHIFT) * f64::from(1 << 18);
        assert!(largest < f64::from(1 << 24));
        let (level, seed) = (Level::new(1).unwrap(), [7; 32]);
        let noise: Vec<i32> = (0..500).map(|index| level.noise(&seed, index, 18)).collect();
        assert!(noise.iter().all(|noise| noise.abs() < 1 << 24));
        assert!(noise.iter().any(|&noise| noise > 0) && noise.iter().any(|&noise| noise < 0));
        assert_ne!(noise, (0..500).map(|index| level.noise(&[8; 32], index, 18)).collect::<Vec<_>>());
        assert!(noise.iter().all(|&noise| noise <= level.largest_noise(18)));
        assert_eq!((Level::STRONGEST.noise(&seed, 3, 18), Level::STRONGEST.largest_noise(18)), (0, 0));
        assert!(Level::all().map(Level::temperature_64).is_sorted_by(|a, b| a > b));
        assert_eq!((Level::new(0), Level::new(9)), (None, None));
    }

    /// The share of each of three moves is the softmax of its logits at the level's temperature.
    #[test]
    fn sampling_follows_the_softmax() {
        let (level, scale) = (Level::new(4).unwrap(), 10);
        assert_eq!(level.temperature_64(), 64);
        let logits = [0i32, 1 << scale, 2 << scale];
        let mut counts = [0u32; 3];
        let draws = 20_000u32;
        for n in 0..draws {
            let seed = keccak256(&n.to_be_bytes());
            let best = (0..3).max_by_key(|&m| logits[m] + level.noise(&seed, 100 * m, scale)).unwrap();
            counts[best] += 1;
        }
        let total: f64 = (0..3).map(|m| f64::from(m).exp()).sum();
        for (m, &count) in counts.iter().enumerate() {
            let (share, expected) = (f64::from(count) / f64::from(draws), (m as f64).exp() / total);
            assert!((share - expected).abs() < 0.012, "{m}: {share} against {expected}");
        }
    }

    #[test]
    fn a_chain_opens_backwards() {
        let chain = SeedChain::new([9; 32], 5);
        let mut previous = chain.head();
        for number in 1..=5 {
            let element = chain.element(number).unwrap();
            assert!(follows(&previous, &element) && !follows(&element, &previous));
            previous = element;
        }
        assert_eq!((previous, chain.element(6)), ([9; 32], None));
        assert_ne!(ply_seed(&[1; 32], &previous, 4), ply_seed(&[1; 32], &previous, 5));

        let record = |level: u8, numbers: &[usize]| SeedRecord {
            level: Level::new(level).unwrap(),
            head: chain.head(),
            nonce: [1; 32],
            elements: numbers.iter().map(|&number| chain.element(number).unwrap()).collect(),
        };
        let seeds = record(3, &[1, 2]).seeds(&[0, 2]).unwrap();
        assert_eq!(seeds[1], ply_seed(&[1; 32], &chain.element(2).unwrap(), 2));
        assert_eq!(record(8, &[1, 2]).seeds(&[0, 2]).unwrap(), Vec::<Seed>::new());
        assert_eq!(record(3, &[1, 3]).seeds(&[0, 2]), Err(SeedError::Chain(2)));
        assert_eq!(record(3, &[2, 3]).seeds(&[0, 2]), Err(SeedError::Chain(1)));
        assert_eq!(record(3, &[1]).seeds(&[0, 2]), Err(SeedError::Count { expected: 2, actual: 1 }));
    }
}
