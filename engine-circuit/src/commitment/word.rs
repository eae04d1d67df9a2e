//! Committed words: encoded rows and their hash tree.
//!
//! A table of `2^n` values is read as a matrix of `2^(n - folds)` rows by `2^folds` columns. Column `j` holds the
//! coefficients of a polynomial `F_j` of degree below `2^(n - folds)`. Leaf `b` of the tree is the row
//! `F_0(y), F_1(y), ..` at `y = g^bitrev(b)`, where `g` generates the group of `2^(n - folds + rate)` elements. So an
//! aligned block of `2^(n - folds)` leaves is a coset of the smaller group, and is encoded on its own. An aligned block of
//! `2^k` leaves holds what one leaf of the same table with `k` more folds would (`verify.rs`, `RowFold`).

use std::sync::OnceLock;

use p3_dft::{Radix2DitParallel, TwoAdicSubgroupDft};
use p3_field::{PrimeCharacteristicRing, PrimeField32, TwoAdicField};
use p3_matrix::bitrev::BitReversibleMatrix;
use p3_matrix::dense::RowMajorMatrix;
use rayon::prelude::*;

use crate::commitment::merkle::{hash_inner, hash_rows};
use crate::field::{VAL_BYTES, Val};
use crate::transcript::{NODE_BYTES, Node};

/// Bytes held in memory or mapped from a file.
#[derive(Debug)]
pub enum Bytes {
    /// In memory.
    Owned(Vec<u8>),
    /// A range of a mapped file.
    Mapped {
        /// The file.
        map: std::sync::Arc<memmap2::Mmap>,
        /// First byte and one past the last.
        range: std::ops::Range<usize>,
    },
}

impl std::ops::Deref for Bytes {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Owned(bytes) => bytes,
            Self::Mapped { map, range } => &map[range.clone()],
        }
    }
}

/// An encoded table.
#[derive(Debug)]
pub struct Word {
    /// `2^log_leaves` rows of `row_bytes` bytes in wire form.
    pub rows: Bytes,
    /// The tree in heap order, 26 bytes a node; node 0 is unused.
    pub nodes: Bytes,
    /// Base-2 logarithm of the number of rows.
    pub log_leaves: usize,
}

impl Word {
    /// The commitment.
    #[must_use]
    pub fn root(&self) -> Node {
        self.node(1)
    }

    /// A node of the tree.
    #[must_use]
    pub fn node(&self, index: usize) -> Node {
        let mut node = [0; NODE_BYTES];
        node.copy_from_slice(&self.nodes[index * NODE_BYTES..][..NODE_BYTES]);
        node
    }

    /// In wire form: the leaves of aligned block `index` of `2^log_leaves` leaves.
    #[must_use]
    pub fn row(&self, index: usize, log_leaves: usize) -> &[u8] {
        let row_bytes = self.rows.len() >> (self.log_leaves - log_leaves);
        &self.rows[index * row_bytes..][..row_bytes]
    }
}

fn bit_reverse(value: usize, bits: usize) -> usize {
    if bits == 0 { 0 } else { value.reverse_bits() >> (usize::BITS as usize - bits) }
}

/// Encodes a matrix of coefficients, coset by coset; `emit(rows, coset)` gets the wire form of `height` rows.
///
/// # Errors
///
/// Passes on the first error of `emit`.
pub fn encode_base_into<E>(
    coefficients: &RowMajorMatrix<Val>,
    rate: usize,
    mut emit: impl FnMut(&[u8], usize) -> Result<(), E>,
) -> Result<(), E> {
    let width = coefficients.width;
    let log_height = (coefficients.values.len() / width).trailing_zeros() as usize;
    let generator = Val::two_adic_generator(log_height + rate);
    let dft = Radix2DitParallel::<Val>::default();
    let mut bytes = vec![0; coefficients.values.len() * VAL_BYTES];
    for coset in 0..1 << rate {
        let shift = generator.exp_u64(bit_reverse(coset, rate) as u64);
        let encoded = dft.coset_dft_batch(coefficients.clone(), shift).bit_reverse_rows();
        wire_form(&encoded.values, &mut bytes);
        emit(&bytes, coset)?;
    }
    Ok(())
}

/// Writes elements in wire form.
fn wire_form(values: &[Val], bytes: &mut [u8]) {
    bytes.par_chunks_mut(1 << 14).zip(values.par_chunks(1 << 12)).for_each(|(bytes, values)| {
        for (bytes, value) in bytes.as_chunks_mut::<VAL_BYTES>().0.iter_mut().zip(values) {
            *bytes = value.as_canonical_u32().to_be_bytes();
        }
    });
}

/// The transform of a proof's own words; it keeps its twiddles from proof to proof.
fn transform() -> &'static Radix2DitParallel<Val> {
    static TRANSFORM: OnceLock<Radix2DitParallel<Val>> = OnceLock::new();
    TRANSFORM.get_or_init(Radix2DitParallel::default)
}

/// Codewords of more elements are encoded coset by coset, which needs half the memory and somewhat more time.
const LOG_AT_ONCE: u32 = 24;

/// Encodes a matrix of coefficients in memory.
#[must_use]
pub fn encode_base(coefficients: RowMajorMatrix<Val>, rate: usize) -> Word {
    let leaves = (coefficients.values.len() / coefficients.width) << rate;
    let elements = coefficients.values.len() << rate;
    let mut nodes: Vec<Node> = vec![[0; NODE_BYTES]; 2 * leaves];
    let rows = if elements > 1 << LOG_AT_ONCE {
        encode_by_cosets(&coefficients, rate, &mut nodes[leaves..])
    } else {
        let rows = encode_at_once(coefficients, rate);
        hash_rows(&rows, &mut nodes[leaves..]);
        rows
    };
    hash_inner(&mut nodes);
    Word {
        rows: Bytes::Owned(rows),
        nodes: Bytes::Owned(nodes.into_flattened()),
        log_leaves: leaves.trailing_zeros() as usize,
    }
}

fn encode_at_once(mut coefficients: RowMajorMatrix<Val>, rate: usize) -> Vec<u8> {
    coefficients.values.resize(coefficients.values.len() << rate, Val::ZERO);
    let encoded = transform().dft_batch(coefficients).bit_reverse_rows();
    let mut rows = vec![0; encoded.values.len() * VAL_BYTES];
    wire_form(&encoded.values, &mut rows);
    rows
}

fn encode_by_cosets(coefficients: &RowMajorMatrix<Val>, rate: usize, leaves: &mut [Node]) -> Vec<u8> {
    let mut rows = Vec::with_capacity((coefficients.values.len() << rate) * VAL_BYTES);
    let height = leaves.len() >> rate;
    let encoded: Result<(), std::convert::Infallible> =
        encode_base_into(coefficients, rate, |bytes, coset| {
            hash_rows(bytes, &mut leaves[coset * height..][..height]);
            rows.extend_from_slice(bytes);
            Ok(())
        });
    match encoded {
        Ok(()) => rows,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cosets_make_up_the_whole_word() {
        let coefficients = RowMajorMatrix::new((0..32 * 8).map(Val::from_u32).collect(), 8);
        let mut rows = Vec::new();
        let streamed: Result<(), ()> = encode_base_into(&coefficients, 3, |bytes, _| {
            rows.extend_from_slice(bytes);
            Ok(())
        });
        assert_eq!(streamed, Ok(()));
        let word = encode_base(coefficients.clone(), 3);
        assert_eq!(*word.rows, *rows);
        let mut leaves = vec![[0; NODE_BYTES]; 32 << 3];
        assert_eq!(encode_by_cosets(&coefficients, 3, &mut leaves), rows);
        assert_eq!(leaves.as_flattened(), &word.nodes[(32 << 3) * NODE_BYTES..]);
    }
}
