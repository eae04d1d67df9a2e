//! The weights' commitment: computed once, offline; the codeword and its tree are kept in a cache file and mapped.
//!
//! Cache file: 64 bytes of header (`FAIRMATE WCACHE2`, root, two zero-padded sizes), the tree in heap order, the rows. It is
//! written under another name and renamed when it is complete, so a half-written file is never taken for a cache. Damage
//! inside shows when an opening does not lead to the root: the prover checks its own (`prove.rs`).

use std::convert::Infallible;
use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use p3_field::PrimeCharacteristicRing;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;
use thiserror::Error;

use crate::commitment::merkle::{hash_inner, hash_rows};
use crate::commitment::{Bytes, TableShape, Word, encode_base_into};
use crate::field::{Ext, VAL_BYTES, Val};
use crate::model::{Model, ModelError, QuantisedNetwork, weights_point};
use crate::shape::Shape;
use crate::transcript::{Hash, NODE_BYTES, Node};
use crate::witness::weight_table;

const MAGIC: &[u8; 16] = b"FAIRMATE WCACHE2";
const HEADER_BYTES: usize = 64;

/// Called with the part done, 0 to 1.
pub type Progress<'a> = &'a (dyn Fn(f32) + Sync);

/// Why a cache can't be used or made.
#[derive(Debug, Error)]
pub enum CacheError {
    /// Reading, mapping or writing failed.
    #[error("weights cache {}: {source}", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The weights' commitment is not the model's.
    #[error("the model's commitment is not that of its weights: the model file is damaged or forged")]
    Commitment,
}

/// Sizes of the encoded weights.
#[derive(Clone, Copy)]
struct Sizes {
    log_leaves: usize,
    row_bytes: usize,
}

impl Sizes {
    fn new(shape: &TableShape) -> Self {
        Self { log_leaves: shape.log_leaves(), row_bytes: VAL_BYTES << shape.leaf_folds }
    }
    fn nodes_bytes(self) -> usize {
        (2 * NODE_BYTES) << self.log_leaves
    }
    fn file_bytes(self) -> usize {
        HEADER_BYTES + self.nodes_bytes() + (self.row_bytes << self.log_leaves)
    }
    fn header(self, root: &Hash) -> [u8; HEADER_BYTES] {
        let mut header = [0; HEADER_BYTES];
        header[..16].copy_from_slice(MAGIC);
        header[16..48].copy_from_slice(root);
        header[48..52].copy_from_slice(&(self.log_leaves as u32).to_le_bytes());
        header[52..56].copy_from_slice(&(self.row_bytes as u32).to_le_bytes());
        header
    }
}

/// Encodes the weights and hashes them; `emit` gets the rows in order.
fn encode<E>(
    shape: &TableShape,
    table: &[Val],
    progress: Progress<'_>,
    mut emit: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Vec<Node>, E> {
    let leaves = 1 << shape.log_leaves();
    let mut nodes: Vec<Node> = vec![[0; NODE_BYTES]; 2 * leaves];
    let coefficients = RowMajorMatrix::new(table.to_vec(), 1 << shape.leaf_folds);
    let height = leaves >> shape.rate;
    encode_base_into(&coefficients, shape.rate, |rows, coset| {
        hash_rows(rows, &mut nodes[leaves + coset * height..][..height]);
        progress((coset + 1) as f32 / (1 << shape.rate) as f32);
        emit(rows)
    })?;
    hash_inner(&mut nodes);
    Ok(nodes)
}

/// `sum of table[i] * z^i`.
pub(crate) fn evaluate_powers(table: &[Val], z: Ext) -> Ext {
    const CHUNK: usize = 1 << 14;
    table
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(n, chunk)| {
            let inner = chunk.iter().rev().fold(Ext::ZERO, |sum, &value| sum * z + value);
            inner * z.exp_u64((n * CHUNK) as u64)
        })
        .sum()
}

/// The weights' tree.
fn committed(shape: &Shape) -> TableShape {
    TableShape::committed_weights(shape.weight_variables())
}

/// A root as the model holds it: followed by zeros.
fn padded(root: &Node) -> Hash {
    let mut hash = [0; 32];
    hash[..NODE_BYTES].copy_from_slice(root);
    hash
}

/// Commits to a network's weights; nothing is kept.
#[must_use]
pub fn commit(network: QuantisedNetwork, progress: Progress<'_>) -> Model {
    let shape = circuit(&network);
    let table = weight_table(&network, &shape);
    let nodes: Result<_, Infallible> = encode(&committed(&shape), &table, progress, |_| Ok(()));
    let root = match nodes {
        Ok(nodes) => padded(&nodes[1]),
        Err(never) => match never {},
    };
    let value = evaluate_powers(&table, weights_point(&root));
    Model::from_parts(network, root, value)
}

/// Recomputes a model's commitment from its weights.
///
/// # Errors
///
/// Returns [`ModelError::Commitment`] if root or value is another.
pub fn check(model: &Model, progress: Progress<'_>) -> Result<(), ModelError> {
    if commit(model.network().clone(), progress) == *model { Ok(()) } else { Err(ModelError::Commitment) }
}

fn circuit(network: &QuantisedNetwork) -> Shape {
    let skips: Vec<u8> = network.layers().iter().filter_map(|layer| layer.skip).collect();
    Shape::new(network.shape(), &skips, 1)
}

/// Weights ready for openings.
#[derive(Debug)]
pub struct EncodedWeights {
    /// The committed table.
    pub table: Vec<Val>,
    /// Codeword and tree.
    pub word: Word,
}

impl EncodedWeights {
    /// Encodes in memory.
    ///
    /// # Errors
    ///
    /// Returns [`CacheError::Commitment`] if the root is not the model's.
    pub fn in_memory(model: &Model, progress: Progress<'_>) -> Result<Self, CacheError> {
        let shape = circuit(model.network());
        let committed = committed(&shape);
        let table = weight_table(model.network(), &shape);
        let mut rows = Vec::with_capacity((table.len() * VAL_BYTES) << committed.rate);
        let nodes: Result<_, Infallible> = encode(&committed, &table, progress, |bytes| {
            rows.extend_from_slice(bytes);
            Ok(())
        });
        let nodes = match nodes {
            Ok(nodes) => nodes,
            Err(never) => match never {},
        };
        let log_leaves = committed.log_leaves();
        let word = Word { rows: Bytes::Owned(rows), nodes: Bytes::Owned(nodes.into_flattened()), log_leaves };
        if padded(&word.root()) == model.verifying_key().root {
            Ok(Self { table, word })
        } else {
            Err(CacheError::Commitment)
        }
    }

    /// Gives the mapped pages that openings touched back to the system: each fault maps its neighbours too, so that
    /// proof by proof the whole file would count as this process's memory.
    #[allow(unsafe_code, reason = "advice on a map has no safe form")]
    pub fn release(&self) {
        if let Bytes::Mapped { map, .. } = &self.word.rows {
            // SAFETY: the map is of a file and read-only: pages given back are read again from the file. Advice that the system
            // refuses changes nothing, so its error is of no interest.
            drop(unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) });
        }
    }

    /// Maps the cache file, or builds it if it is missing, of another model, of another size or not readable.
    ///
    /// # Errors
    ///
    /// Returns [`CacheError`] if the file can't be written, or if the weights don't have the model's root.
    pub fn open(model: &Model, path: &Path, progress: Progress<'_>) -> Result<Self, CacheError> {
        let shape = circuit(model.network());
        let committed = committed(&shape);
        let table = weight_table(model.network(), &shape);
        let root = model.verifying_key().root;
        let sizes = Sizes::new(&committed);
        if let Some(word) = map(path, sizes, &root) {
            return Ok(Self { table, word });
        }
        build(path, &committed, &table, &root, progress)?;
        let io = |source| CacheError::Io { path: path.to_owned(), source };
        let word = map(path, sizes, &root)
            .ok_or_else(|| io(std::io::Error::other("the cache just written can't be mapped")))?;
        Ok(Self { table, word })
    }
}

/// The mapped cache, if it is complete and of this root.
fn map(path: &Path, sizes: Sizes, root: &Hash) -> Option<Word> {
    let file = File::open(path).ok()?;
    if file.metadata().ok()?.len() != sizes.file_bytes() as u64 {
        return None;
    }
    let map = map_file(&file)?;
    if map[..HEADER_BYTES] != sizes.header(root)
        || map[HEADER_BYTES + NODE_BYTES..][..NODE_BYTES] != root[..NODE_BYTES]
    {
        return None;
    }
    let map = Arc::new(map);
    let rows = HEADER_BYTES + sizes.nodes_bytes();
    Some(Word {
        nodes: Bytes::Mapped { map: Arc::clone(&map), range: HEADER_BYTES..rows },
        rows: Bytes::Mapped { range: rows..map.len(), map },
        log_leaves: sizes.log_leaves,
    })
}

/// Maps a file read-only.
#[allow(unsafe_code, reason = "mapping a file has no safe form")]
fn map_file(file: &File) -> Option<memmap2::Mmap> {
    // SAFETY: the file is only ever replaced by rename, never written in place by this program; what others write into it
    // can change bytes under the map, which are plain integers checked against the root before they leave the prover.
    unsafe { memmap2::Mmap::map(file) }.ok()
}

fn build(
    path: &Path,
    shape: &TableShape,
    table: &[Val],
    root: &Hash,
    progress: Progress<'_>,
) -> Result<(), CacheError> {
    let io = |source| CacheError::Io { path: path.to_owned(), source };
    let sizes = Sizes::new(shape);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io)?;
    }
    let partial = path.with_extension(format!("partial-{}", std::process::id()));
    let write = || -> Result<Hash, std::io::Error> {
        let mut file = File::create(&partial)?;
        file.set_len(sizes.file_bytes() as u64)?;
        file.seek(SeekFrom::Start((HEADER_BYTES + sizes.nodes_bytes()) as u64))?;
        let nodes = encode(shape, table, progress, |rows| file.write_all(rows))?;
        file.seek(SeekFrom::Start(0))?;
        let root = padded(&nodes[1]);
        file.write_all(&sizes.header(&root))?;
        file.write_all(nodes.as_flattened())?;
        file.sync_all()?;
        Ok(root)
    };
    let result = match write() {
        Ok(actual) if actual == *root => std::fs::rename(&partial, path).map_err(io),
        Ok(_) => Err(CacheError::Commitment),
        Err(source) => Err(io(source)),
    };
    if result.is_err() {
        // The partial file is of no use; that it can't be removed either adds nothing to the error.
        drop(std::fs::remove_file(&partial));
    }
    result
}
