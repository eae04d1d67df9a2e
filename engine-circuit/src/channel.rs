//! The proof's byte stream. Whatever passes through a channel as a message is on the wire AND in the transcript, on both
//! sides alike: no message can be sent without being observed. Openings of hash trees alone are raw bytes, bound by their root.

use thiserror::Error;

use crate::field::{EXT_BYTES, Ext, Val, read_ext, read_val, write_ext};
use crate::transcript::{NODE_BYTES, Node, Transcript};

/// Writes a proof.
#[derive(Clone, Debug)]
pub struct ProverChannel {
    /// Challenges.
    pub transcript: Transcript,
    bytes: Vec<u8>,
}

impl ProverChannel {
    /// An empty proof.
    #[must_use]
    pub fn new(transcript: Transcript) -> Self {
        Self { transcript, bytes: Vec::new() }
    }

    /// Sends extension elements.
    pub fn send(&mut self, values: &[Ext]) {
        let start = self.bytes.len();
        for &value in values {
            write_ext(&mut self.bytes, value);
        }
        self.transcript.observe(&self.bytes[start..]);
    }

    /// Sends a root.
    pub fn send_root(&mut self, root: &Node) {
        self.bytes.extend_from_slice(root);
        self.transcript.observe(root);
    }

    /// Grinds and sends the nonce, which the transcript applies itself.
    #[cfg(feature = "prover")]
    pub fn grind(&mut self, bits: u32) {
        let nonce = self.transcript.grind(bits);
        self.bytes.extend_from_slice(&nonce.to_be_bytes());
    }

    /// Sends a nonce without the work, as a lazy prover does.
    pub fn skip_grind(&mut self, bits: u32) {
        let worthless =
            (0..u32::MAX).find(|&nonce| !self.transcript.clone().check_grind(bits, nonce)).unwrap_or(0);
        self.bytes.extend_from_slice(&worthless.to_be_bytes());
        // Applied all the same; that it does not do is the verifier's to say.
        let _does = self.transcript.check_grind(bits, worthless);
    }

    /// Sends bytes that a root already sent determines; not observed.
    pub fn send_opening(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Bytes sent so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was sent.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The proof.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// Why a byte stream is no proof of the expected shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ChannelError {
    /// The proof ends early.
    #[error("the proof ends at byte {0}, more is expected")]
    Truncated(usize),
    /// Bytes are left over.
    #[error("{0} bytes follow the end of the proof")]
    Trailing(usize),
    /// A field element is not reduced.
    #[error("the field element at byte {0} is not canonical")]
    NonCanonical(usize),
    /// A nonce does not meet its difficulty.
    #[error("the proof of work before byte {0} is missing")]
    Grinding(usize),
}

/// Reads a proof.
#[derive(Clone, Debug)]
pub struct VerifierChannel<'a> {
    /// Challenges.
    pub transcript: Transcript,
    bytes: &'a [u8],
    position: usize,
}

#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
impl<'a> VerifierChannel<'a> {
    /// Reads from the first byte.
    #[must_use]
    pub fn new(transcript: Transcript, bytes: &'a [u8]) -> Self {
        Self { transcript, bytes, position: 0 }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], ChannelError> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let taken = rest.get(..count).ok_or(ChannelError::Truncated(self.bytes.len()))?;
        self.position += count;
        Ok(taken)
    }

    /// Receives `count` extension elements.
    ///
    /// # Errors
    ///
    /// Returns [`ChannelError`] if the proof ends or an element is not canonical.
    pub fn receive(&mut self, count: usize) -> Result<Vec<Ext>, ChannelError> {
        let start = self.position;
        let bytes = self.take(count * EXT_BYTES)?;
        let values = bytes
            .as_chunks::<EXT_BYTES>()
            .0
            .iter()
            .enumerate()
            .map(|(i, chunk)| read_ext(chunk).ok_or(ChannelError::NonCanonical(start + i * EXT_BYTES)))
            .collect::<Result<_, _>>()?;
        self.transcript.observe(bytes);
        Ok(values)
    }

    /// Receives exactly `N` extension elements.
    ///
    /// # Errors
    ///
    /// As [`Self::receive`].
    pub fn receive_array<const N: usize>(&mut self) -> Result<[Ext; N], ChannelError> {
        let end = self.bytes.len();
        self.receive(N)?.try_into().map_err(|_| ChannelError::Truncated(end))
    }

    /// Receives a root.
    ///
    /// # Errors
    ///
    /// Returns [`ChannelError`] if the proof ends.
    pub fn receive_root(&mut self) -> Result<Node, ChannelError> {
        let bytes = self.take(NODE_BYTES)?;
        self.transcript.observe(bytes);
        bytes.try_into().map_err(|_| ChannelError::Truncated(self.bytes.len()))
    }

    /// Receives a nonce and checks its work.
    ///
    /// # Errors
    ///
    /// Returns [`ChannelError`] if the proof ends or the nonce does not do.
    pub fn check_grind(&mut self, bits: u32) -> Result<(), ChannelError> {
        let bytes = self.take(4)?;
        let nonce = u32::from_be_bytes(bytes.try_into().map_err(|_| ChannelError::Truncated(self.position))?);
        if self.transcript.check_grind(bits, nonce) {
            Ok(())
        } else {
            Err(ChannelError::Grinding(self.position))
        }
    }

    /// Receives raw bytes of an opening, to be checked against a root; not observed.
    ///
    /// # Errors
    ///
    /// Returns [`ChannelError`] if the proof ends.
    pub fn receive_opening(&mut self, count: usize) -> Result<&'a [u8], ChannelError> {
        self.take(count)
    }

    /// Base elements of an opening's bytes.
    ///
    /// # Errors
    ///
    /// Returns [`ChannelError`] if one is not canonical.
    pub fn parse_vals(&self, bytes: &[u8]) -> Result<Vec<Val>, ChannelError> {
        bytes
            .as_chunks::<4>()
            .0
            .iter()
            .map(|chunk| read_val(chunk).ok_or(ChannelError::NonCanonical(self.position)))
            .collect()
    }

    /// Extension elements of an opening's bytes.
    ///
    /// # Errors
    ///
    /// Returns [`ChannelError`] if one is not canonical.
    pub fn parse_exts(&self, bytes: &[u8]) -> Result<Vec<Ext>, ChannelError> {
        bytes
            .as_chunks::<EXT_BYTES>()
            .0
            .iter()
            .map(|chunk| read_ext(chunk).ok_or(ChannelError::NonCanonical(self.position)))
            .collect()
    }

    /// Ends the proof.
    ///
    /// # Errors
    ///
    /// Returns [`ChannelError::Trailing`] if bytes are left.
    pub fn finish(self) -> Result<(), ChannelError> {
        match self.bytes.len().saturating_sub(self.position) {
            0 => Ok(()),
            rest => Err(ChannelError::Trailing(rest)),
        }
    }
}

#[cfg(all(test, feature = "prover"))]
mod tests {
    use p3_field::PrimeCharacteristicRing;

    use super::*;

    /// What both sides sample after one message, and the message's bytes.
    fn sampled(
        send: impl Fn(&mut ProverChannel),
        receive: impl Fn(&mut VerifierChannel<'_>),
    ) -> (Ext, Vec<u8>) {
        let mut prover = ProverChannel::new(Transcript::new(b"channel"));
        send(&mut prover);
        let challenge = prover.transcript.sample();
        let bytes = prover.finish();
        let mut verifier = VerifierChannel::new(Transcript::new(b"channel"), &bytes);
        receive(&mut verifier);
        assert_eq!(verifier.transcript.sample(), challenge, "both sides sample the same");
        verifier.finish().unwrap();
        (challenge, bytes)
    }

    /// Dropping an `observe` changes both sides alike, so only this test can see it.
    #[test]
    fn every_kind_of_message_moves_the_transcript() {
        let silent = Transcript::new(b"channel").sample();
        let elements = |value: Ext| {
            sampled(
                |channel| channel.send(&[Ext::ONE, value]),
                |channel| assert_eq!(channel.receive_array().unwrap(), [Ext::ONE, value]),
            )
            .0
        };
        let root = |byte: u8| {
            sampled(
                |channel| channel.send_root(&[byte; NODE_BYTES]),
                |channel| assert_eq!(channel.receive_root().unwrap(), [byte; NODE_BYTES]),
            )
            .0
        };
        let nonce = |bits: u32| {
            sampled(|channel| channel.grind(bits), |channel| channel.check_grind(bits).unwrap()).0
        };
        let challenges =
            [silent, elements(Ext::ZERO), elements(Ext::TWO), root(1), root(2), nonce(4), nonce(9)];
        for (n, challenge) in challenges.iter().enumerate() {
            assert!(!challenges[..n].contains(challenge), "message {n}");
        }
    }

    #[test]
    fn a_nonce_without_work_is_refused() {
        let mut prover = ProverChannel::new(Transcript::new(b"channel"));
        prover.skip_grind(6);
        let bytes = prover.finish();
        let mut verifier = VerifierChannel::new(Transcript::new(b"channel"), &bytes);
        assert_eq!(verifier.check_grind(6), Err(ChannelError::Grinding(4)));
    }
}
