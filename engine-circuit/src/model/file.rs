//! The model file and the verifying key: a quantised network bound to one commitment (`docs/network.md` section 4).

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::quantised::{NetworkError, NetworkShape, QuantisedNetwork};
use crate::field::{EXT_BYTES, Ext, read_ext, write_ext};
use crate::shape::Shape;
use crate::transcript::{Hash, Transcript, keccak256};

/// First bytes of a verifying key.
const KEY_MAGIC: &[u8; 8] = b"FAIRMVK2";

/// The name of a model: a hash of everything that determines its answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The 32 bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// From 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
            // Digit by digit: the library's parser of numbers takes a sign, too.
            let [high, low] = digits.map(|digit| char::from(digit).to_digit(16));
            *byte = (high? << 4 | low?) as u8;
        }
        Some(Self(bytes))
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a verifier knows of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifyingKey {
    shape: NetworkShape,
    /// The network file's first `16 + blocks` bytes: shape, scale, skip exponents.
    header: Vec<u8>,
    weights_hash: Hash,
    /// Root of the weights' commitment.
    pub(crate) root: Hash,
    /// The committed polynomial at [`weights_point`] of the root.
    pub(crate) value: Ext,
}

/// The fixed out-of-domain point of a root: it picks one polynomial of those the root is close to.
pub fn weights_point(root: &Hash) -> Ext {
    let mut transcript = Transcript::new(b"fairmate weights point 1");
    transcript.observe(root);
    transcript.sample()
}

/// Why a file is no model or no verifying key.
#[derive(Debug, Error)]
pub enum ModelError {
    /// The file can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// Not a network.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// Not a verifying key of this version.
    #[error("not a Fairmate verifying key of version 2")]
    KeyMagic,
    /// Longer or shorter than its shape says.
    #[error("the file has {actual} bytes, its shape needs {expected}")]
    Length {
        /// From the shape.
        expected: usize,
        /// From the file.
        actual: usize,
    },
    /// The weights are not those that were hashed.
    #[error("the weights do not have the hash written behind them: the file is damaged")]
    WeightsHash,
    /// The digest does not follow from the contents.
    #[error("the file's digest does not follow from its contents: the file is damaged")]
    Digest,
    /// A field element is out of range.
    #[error("the commitment's value is not canonical: the file is damaged")]
    Value,
    /// The commitment is not of these weights.
    #[error("the commitment in the file is not that of its weights")]
    Commitment,
}

fn read(path: &Path) -> Result<Vec<u8>, ModelError> {
    std::fs::read(path).map_err(|source| ModelError::Io { path: path.to_owned(), source })
}

fn hash_at(bytes: &[u8], at: usize) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(&bytes[at..at + 32]);
    hash
}

impl VerifyingKey {
    /// The model's name.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut message = b"fairmate model 2".to_vec();
        message.extend_from_slice(&self.header);
        message.extend_from_slice(&self.weights_hash);
        message.extend_from_slice(&self.root);
        write_ext(&mut message, self.value);
        Digest(keccak256(&message))
    }

    /// Root of the weights' commitment, and the committed polynomial's value at [`weights_point`].
    pub fn commitment(&self) -> (Hash, Ext) {
        (self.root, self.value)
    }

    /// The network's sizes.
    #[must_use]
    pub fn shape(&self) -> NetworkShape {
        self.shape
    }

    /// A logit over `2^logit_scale_log2` is a natural-log probability but for a constant.
    #[must_use]
    pub fn logit_scale_log2(&self) -> u8 {
        self.header.get(14).copied().unwrap_or_default()
    }

    /// The circuit for a number of moves.
    #[must_use]
    pub fn circuit(&self, num_moves: usize) -> Shape {
        Shape::new(self.shape, &self.header[16..], num_moves)
    }

    /// The file form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = KEY_MAGIC.to_vec();
        bytes.extend_from_slice(&self.header);
        bytes.extend_from_slice(&self.tail());
        bytes
    }

    /// Weights hash, root, value, digest: what follows the header here and the weights in a model file.
    fn tail(&self) -> Vec<u8> {
        let mut bytes = self.weights_hash.to_vec();
        bytes.extend_from_slice(&self.root);
        write_ext(&mut bytes, self.value);
        bytes.extend_from_slice(self.digest().as_bytes());
        bytes
    }

    const TAIL_BYTES: usize = 32 + 32 + EXT_BYTES + 32;

    /// `tail` has [`Self::TAIL_BYTES`].
    fn from_parts(shape: NetworkShape, header: &[u8], tail: &[u8]) -> Result<Self, ModelError> {
        if header[16..].iter().any(|&e| e > 7) {
            return Err(ModelError::Digest);
        }
        let value = tail[64..].first_chunk().and_then(read_ext).ok_or(ModelError::Value)?;
        let key = Self {
            shape,
            header: header.to_vec(),
            weights_hash: hash_at(tail, 0),
            root: hash_at(tail, 32),
            value,
        };
        if key.digest().as_bytes() == &tail[64 + EXT_BYTES..] { Ok(key) } else { Err(ModelError::Digest) }
    }

    /// Reads and checks a verifying key.
    ///
    /// # Errors
    ///
    /// Returns [`ModelError`] naming what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let rest = bytes.strip_prefix(KEY_MAGIC).ok_or(ModelError::KeyMagic)?;
        let shape = QuantisedNetwork::read_shape(rest)?;
        let expected = 16 + shape.blocks + Self::TAIL_BYTES;
        if rest.len() != expected {
            return Err(ModelError::Length { expected: expected + KEY_MAGIC.len(), actual: bytes.len() });
        }
        let (header, tail) = rest.split_at(16 + shape.blocks);
        Self::from_parts(shape, header, tail)
    }

    /// Reads and checks a verifying key's file.
    ///
    /// # Errors
    ///
    /// Returns [`ModelError`] naming what is wrong.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        Self::from_bytes(&read(path)?)
    }
}

/// A network with its commitment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    network: QuantisedNetwork,
    key: VerifyingKey,
}

impl Model {
    /// The network.
    #[must_use]
    pub fn network(&self) -> &QuantisedNetwork {
        &self.network
    }

    /// The model's name.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.key.digest()
    }

    /// What a verifier needs.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        self.key.clone()
    }

    /// Binds a network to its commitment.
    #[must_use]
    pub fn from_parts(network: QuantisedNetwork, root: Hash, value: Ext) -> Self {
        let bytes = network.to_bytes();
        let shape = network.shape();
        let key = VerifyingKey {
            shape,
            header: bytes[..16 + shape.blocks].to_vec(),
            weights_hash: keccak256(&bytes),
            root,
            value,
        };
        Self { network, key }
    }

    /// The file form.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.network.to_bytes();
        bytes.extend_from_slice(&self.key.tail());
        bytes
    }

    /// Reads and checks a model: lengths, ranges, hash and digest. That the root is the weights' is not recomputed here
    /// (`engine model check` does); a wrong one gives proofs that its own prover finds not to verify.
    ///
    /// # Errors
    ///
    /// Returns [`ModelError`] naming what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        let shape = QuantisedNetwork::read_shape(bytes)?;
        let expected = shape.file_bytes() + VerifyingKey::TAIL_BYTES;
        if bytes.len() != expected {
            return Err(ModelError::Length { expected, actual: bytes.len() });
        }
        let (network_bytes, tail) = bytes.split_at(shape.file_bytes());
        if keccak256(network_bytes) != hash_at(tail, 0) {
            return Err(ModelError::WeightsHash);
        }
        let key = VerifyingKey::from_parts(shape, &network_bytes[..16 + shape.blocks], tail)?;
        Ok(Self { network: QuantisedNetwork::from_bytes(network_bytes)?, key })
    }

    /// Reads and checks a model's file.
    ///
    /// # Errors
    ///
    /// Returns [`ModelError`] naming what is wrong.
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        Self::from_bytes(&read(path)?)
    }
}
