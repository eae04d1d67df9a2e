//! Fiat-Shamir over Keccak-256: `observe` and `sample`. Knows fields and bytes only.
//!
//! State: 32 bytes. What is observed is collected; the next sample sets `state = keccak256(state || collected)` and is
//! read off the new state. Two samples in a row hash the state alone. All messages have widths fixed by the statement
//! and the shape, so no lengths or labels are needed (`docs/proof-format.md`, section 2).

use p3_field::{BasedVectorSpace, PrimeCharacteristicRing};
use p3_keccak::Keccak256Hash;
use p3_symmetric::CryptographicHasher;

use crate::field::{Ext, Val, write_ext};

/// A Keccak-256 digest.
pub type Hash = [u8; 32];
/// Bytes of a hash tree's nodes: the first of a Keccak-256 digest. Collisions take `2^104` evaluations (`security.rs`).
pub const NODE_BYTES: usize = 26;
/// A node of a hash tree.
pub type Node = [u8; NODE_BYTES];

/// Keccak-256 of a byte string.
#[must_use]
pub fn keccak256(bytes: &[u8]) -> Hash {
    Keccak256Hash.hash_iter_slices([bytes])
}

/// Keccak-256 of many messages of equal length, hashed side by side in SIMD lanes.
pub fn keccak256_many(messages: &[u8], digests: &mut [Hash]) {
    Keccak256Hash.hash_many(messages, digests);
}

/// The transcript.
#[derive(Clone, Debug)]
pub struct Transcript {
    state: Hash,
    pending: Vec<u8>,
}

impl Transcript {
    /// A transcript bound to a protocol's name and version.
    #[must_use]
    pub fn new(protocol: &[u8]) -> Self {
        Self { state: keccak256(protocol), pending: Vec::new() }
    }

    /// Absorbs bytes.
    pub fn observe(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Absorbs extension elements in their wire form.
    pub fn observe_exts(&mut self, values: &[Ext]) {
        for &value in values {
            write_ext(&mut self.pending, value);
        }
    }

    /// A challenge: coefficient `d` is bytes `6d..6d+6` of the state, big-endian, mod p (bias below 2^-16 a coefficient).
    pub fn sample(&mut self) -> Ext {
        let state = self.advance();
        Ext::from_basis_coefficients_fn(|d| {
            let mut word = [0; 8];
            word[2..].copy_from_slice(&state[6 * d..6 * d + 6]);
            Val::from_u64(u64::from_be_bytes(word))
        })
    }

    /// `count` challenges, one after the other.
    pub fn sample_many(&mut self, count: usize) -> Vec<Ext> {
        (0..count).map(|_| self.sample()).collect()
    }

    /// `count` indices below `2^log_size`, in the order drawn, repetitions kept. Eight to a state: each four bytes,
    /// big-endian, masked.
    pub fn sample_indices(&mut self, count: usize, log_size: usize) -> Vec<usize> {
        let mut indices = Vec::with_capacity(count + 7);
        while indices.len() < count {
            let state = self.advance();
            indices.extend(
                state
                    .as_chunks::<4>()
                    .0
                    .iter()
                    .map(|&word| u32::from_be_bytes(word) as usize & ((1 << log_size) - 1)),
            );
        }
        indices.truncate(count);
        indices
    }

    /// Finds the first nonce that satisfies [`Self::check_grind`], and applies it.
    #[cfg(feature = "prover")]
    pub fn grind(&mut self, bits: u32) -> u32 {
        use rayon::prelude::*;
        let state = self.advance();
        // Spans of nonces are searched side by side, one round of them after the other; the first find counts.
        let log_span = bits.saturating_sub(6).clamp(6, 14);
        let spans = if bits < 16 { 1 } else { 4 * rayon::current_num_threads() };
        let mut first = 0u32;
        loop {
            let found = (0..spans as u32)
                .into_par_iter()
                .map(|span| first.wrapping_add(span << log_span))
                .find_map_first(|start| first_nonce(&state, bits, start, 1 << log_span));
            if let Some((nonce, digest)) = found {
                self.state = digest;
                return nonce;
            }
            first = first.wrapping_add((spans as u32) << log_span);
        }
    }

    /// Applies a nonce: `state = keccak256(state || nonce)`, four bytes, big-endian. True if the new state starts with
    /// `bits` zero bits.
    #[must_use]
    pub fn check_grind(&mut self, bits: u32, nonce: u32) -> bool {
        let state = self.advance();
        let mut message = [0; 36];
        message[..32].copy_from_slice(&state);
        message[32..].copy_from_slice(&nonce.to_be_bytes());
        self.state = keccak256(&message);
        leading_zeros(&self.state) >= bits
    }

    fn advance(&mut self) -> Hash {
        let mut message = Vec::with_capacity(32 + self.pending.len());
        message.extend_from_slice(&self.state);
        message.append(&mut self.pending);
        self.state = keccak256(&message);
        self.state
    }
}

/// The first of `count` nonces from `start` on whose digest with the state starts with `bits` zero bits.
#[cfg(feature = "prover")]
fn first_nonce(state: &Hash, bits: u32, start: u32, count: u32) -> Option<(u32, Hash)> {
    const BATCH: usize = 64;
    let mut messages = [0; BATCH * 36];
    let mut digests = [[0; 32]; BATCH];
    for message in messages.chunks_exact_mut(36) {
        message[..32].copy_from_slice(state);
    }
    (start..start + count).step_by(BATCH).find_map(|first| {
        for (message, nonce) in messages.chunks_exact_mut(36).zip(first..) {
            message[32..].copy_from_slice(&nonce.to_be_bytes());
        }
        keccak256_many(&messages, &mut digests);
        let mut nonces = digests.iter().zip(first..);
        nonces.find(|(digest, _)| leading_zeros(digest) >= bits).map(|(&digest, nonce)| (nonce, digest))
    })
}

fn leading_zeros(hash: &Hash) -> u32 {
    let mut word = [0; 4];
    word.copy_from_slice(&hash[..4]);
    u32::from_be_bytes(word).leading_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_observation_moves_the_challenges() {
        let challenge = |bytes: &[u8]| {
            let mut transcript = Transcript::new(b"test");
            transcript.observe(bytes);
            transcript.sample()
        };
        assert_ne!(challenge(b"a"), challenge(b"b"));
        assert_ne!(challenge(b""), challenge(b"a"));
        assert_eq!(challenge(b"a"), challenge(b"a"));
    }

    #[test]
    fn samples_in_a_row_differ() {
        let samples = Transcript::new(b"test").sample_many(3);
        assert!(samples[0] != samples[1] && samples[1] != samples[2]);
    }

    #[cfg(feature = "prover")]
    #[test]
    fn grinding_side_by_side_finds_the_first_nonce() {
        let mut transcript = Transcript::new(b"g");
        let state = transcript.clone().advance();
        let nonce = transcript.grind(17);
        assert_eq!(first_nonce(&state, 17, 0, nonce + 1).map(|(nonce, _)| nonce), Some(nonce));
    }

    #[cfg(feature = "prover")]
    #[test]
    fn grinding_is_checked() {
        let (mut prover, mut verifier, mut cheater) =
            (Transcript::new(b"g"), Transcript::new(b"g"), Transcript::new(b"g"));
        let nonce = prover.grind(10);
        assert!(verifier.check_grind(10, nonce));
        assert_eq!(prover.sample(), verifier.sample());
        assert!(nonce > 0 && !cheater.check_grind(10, nonce - 1), "the first nonce is taken");
    }

    #[test]
    fn indices_stay_below_the_size() {
        let indices = Transcript::new(b"i").sample_indices(100, 5);
        assert_eq!(indices.len(), 100);
        assert!(indices.iter().all(|&index| index < 32));
        assert!(indices.iter().any(|&index| index >= 16));
    }
}
