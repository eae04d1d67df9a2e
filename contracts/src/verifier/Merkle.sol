// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Multilinear} from "./Multilinear.sol";

/// @title Hash trees over rows with multi-openings (engine-circuit/src/commitment/merkle.rs)
/// @notice A node is a word in memory: its hash's first 26 bytes, then six bytes of index. A level's nodes ascend; a word of ones is behind the last.
library Merkle {
    /// @notice Bytes of a node.
    uint256 internal constant NODE_BYTES = 26;
    /// @notice Bits of a word behind them.
    uint256 internal constant SPARE_BITS = 48;
    uint256 internal constant INDEX = 0xffffffffffff;

    /// @notice The root that rows in memory, `length` bytes each, lead to as leaves at `indices` (ascending, distinct) of a tree of `depth` levels.
    /// Siblings come from calldata, level by level, left to right; each is read only where it does not follow from others. Returns the calldata
    /// offset behind the last sibling too; the caller checks that it lies inside the proof.
    function root(uint256 indices, uint256 count, uint256 rows, uint256 length, uint256 depth, uint256 siblings)
        internal
        pure
        returns (uint256 hash, uint256 end)
    {
        uint256 nodes = Multilinear.allocate(count + 1);
        assembly ("memory-safe") {
            for { let i := 0 } lt(i, shl(5, count)) { i := add(i, 32) } {
                mstore(add(nodes, i), or(and(keccak256(rows, length), not(INDEX)), mload(add(indices, i))))
                rows := add(rows, length)
            }
            mstore(add(nodes, shl(5, count)), not(0))
        }
        unchecked {
            return rootOfNodes(nodes, nodes + 32 * count, depth, siblings);
        }
    }

    /// @dev Overwrites the nodes.
    function rootOfNodes(uint256 nodes, uint256 last, uint256 depth, uint256 siblings)
        private
        pure
        returns (uint256 hash, uint256 end)
    {
        assembly ("memory-safe") {
            for {} depth { depth := sub(depth, 1) } {
                let write := nodes
                for { let read := nodes } lt(read, last) {} {
                    let node := mload(read)
                    read := add(read, 32)
                    // Words 0 and 32 are Solidity's scratch space: a pair of nodes has 52 bytes, the second overwrites the first's index.
                    switch and(node, 1)
                    case 0 {
                        mstore(0, node)
                        let next := mload(read)
                        // Are the indices those of neighbours?
                        switch shl(208, xor(xor(next, node), 1))
                        case 0 {
                            mstore(26, next)
                            read := add(read, 32)
                        }
                        default {
                            mstore(26, calldataload(siblings))
                            siblings := add(siblings, 26)
                        }
                    }
                    default {
                        mstore(0, calldataload(siblings))
                        siblings := add(siblings, 26)
                        mstore(26, node)
                    }
                    mstore(write, or(and(keccak256(0, 52), not(INDEX)), shr(1, and(node, INDEX))))
                    write := add(write, 32)
                }
                last := write
                mstore(last, not(0))
            }
            hash := shr(SPARE_BITS, mload(nodes))
            end := siblings
        }
    }
}
