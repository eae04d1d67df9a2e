//! Hash trees over rows, Keccak-256 cut to 26 bytes, with multi-openings: each node is sent at most once and none that follows from others.
//!
//! Nodes are in heap order: 1 is the root, `x` has the children `2x` and `2x + 1`, leaf `i` is node `2^depth + i`.

use crate::transcript::{Hash, NODE_BYTES, Node, keccak256_many};

/// A digest's first bytes.
#[must_use]
pub fn cut(digest: &Hash) -> Node {
    let mut node = [0; NODE_BYTES];
    node.copy_from_slice(&digest[..NODE_BYTES]);
    node
}

/// Hashes messages of equal length.
fn hash_many(messages: &[u8], nodes: &mut [Node]) {
    const BATCH: usize = 256;
    if nodes.is_empty() {
        return;
    }
    let length = messages.len() / nodes.len();
    let mut digests = [[0; 32]; BATCH];
    for (nodes, messages) in nodes.chunks_mut(BATCH).zip(messages.chunks(BATCH * length)) {
        let digests = &mut digests[..nodes.len()];
        keccak256_many(messages, digests);
        nodes.iter_mut().zip(digests).for_each(|(node, digest)| *node = cut(digest));
    }
}

/// Hashes rows of equal length into `leaves`.
#[cfg(feature = "prover")]
pub fn hash_rows(rows: &[u8], leaves: &mut [Node]) {
    use rayon::prelude::*;
    let row = rows.len() / leaves.len();
    let chunk = leaves.len().div_ceil(64).next_multiple_of(64);
    leaves
        .par_chunks_mut(chunk)
        .zip(rows.par_chunks(chunk * row))
        .for_each(|(leaves, rows)| hash_many(rows, leaves));
}

/// Fills the inner nodes of a heap whose second half holds the leaves.
#[cfg(feature = "prover")]
pub fn hash_inner(nodes: &mut [Node]) {
    let mut width = nodes.len() / 2;
    while width > 1 {
        let (parents, children) = nodes.split_at_mut(width);
        hash_rows(children[..width].as_flattened(), &mut parents[width / 2..]);
        width /= 2;
    }
}

/// The nodes a verifier needs beside the leaves at `indices` (ascending, distinct), bottom level first, left to right.
#[must_use]
pub fn sibling_nodes(indices: &[usize], depth: usize) -> Vec<usize> {
    let mut siblings = Vec::new();
    let mut known: Vec<usize> = indices.iter().map(|&index| (1 << depth) + index).collect();
    for _ in 0..depth {
        let mut parents: Vec<usize> = Vec::with_capacity(known.len());
        for (i, &node) in known.iter().enumerate() {
            let sibling = node ^ 1;
            let beside = known.get(if node & 1 == 0 { i + 1 } else { i.wrapping_sub(1) });
            if beside != Some(&sibling) {
                siblings.push(sibling);
            }
            if parents.last() != Some(&(node / 2)) {
                parents.push(node / 2);
            }
        }
        known = parents;
    }
    siblings
}

/// The root that rows at `indices` (ascending, distinct) and the siblings of [`sibling_nodes`] lead to.
#[must_use]
#[deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
pub fn root_of_opening(indices: &[usize], depth: usize, rows: &[u8], siblings: &[Node]) -> Option<Node> {
    if indices.is_empty() {
        return None;
    }
    let mut hashes = vec![[0; NODE_BYTES]; indices.len()];
    hash_many(rows, &mut hashes);
    let mut nodes: Vec<usize> = indices.iter().map(|&index| (1 << depth) + index).collect();
    let mut siblings = siblings.iter();
    let mut pairs: Vec<Node> = Vec::new();
    for _ in 0..depth {
        pairs.clear();
        let mut parents = Vec::with_capacity(nodes.len());
        let mut level = nodes.iter().zip(&hashes).peekable();
        while let Some((&node, &hash)) = level.next() {
            let sibling = match level.next_if(|&(&next, _)| node & 1 == 0 && next == node + 1) {
                Some((_, &hash)) => hash,
                None => *siblings.next()?,
            };
            pairs.extend(if node & 1 == 0 { [hash, sibling] } else { [sibling, hash] });
            parents.push(node / 2);
        }
        hashes = vec![[0; NODE_BYTES]; parents.len()];
        hash_many(pairs.as_flattened(), &mut hashes);
        nodes = parents;
    }
    if siblings.next().is_some() { None } else { hashes.first().copied() }
}

#[cfg(all(test, feature = "prover"))]
mod tests {
    use super::*;

    #[test]
    fn openings_lead_to_the_root() {
        let depth = 5;
        let rows: Vec<u8> = (0..32 * 8).map(|i| i as u8).collect();
        let mut nodes = vec![[0; NODE_BYTES]; 64];
        hash_rows(&rows, &mut nodes[32..]);
        hash_inner(&mut nodes);
        for indices in [vec![0], vec![31], vec![3, 4, 5, 30], (0..32).collect::<Vec<_>>(), vec![6, 7]] {
            let opened: Vec<u8> = indices.iter().flat_map(|&i| rows[i * 8..][..8].to_vec()).collect();
            let siblings: Vec<Node> =
                sibling_nodes(&indices, depth).iter().map(|&node| nodes[node]).collect();
            assert_eq!(root_of_opening(&indices, depth, &opened, &siblings), Some(nodes[1]));
            let mut bad = opened.clone();
            bad[3] ^= 1;
            assert_ne!(root_of_opening(&indices, depth, &bad, &siblings), Some(nodes[1]));
            for n in 0..siblings.len() {
                let mut bad = siblings.clone();
                bad[n][0] ^= 1;
                assert_ne!(root_of_opening(&indices, depth, &opened, &bad), Some(nodes[1]));
                assert_eq!(root_of_opening(&indices, depth, &opened, &siblings[1..]), None);
            }
            let more = [siblings.as_slice(), &[[0; NODE_BYTES]]].concat();
            assert_eq!(root_of_opening(&indices, depth, &opened, &more), None);
        }
    }
}
