// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Ext} from "./Ext.sol";

/// @title Multilinear tables and the eq polynomial (engine-circuit/src/poly.rs)
/// @notice Points and tables are memory pointers to reduced words, the variable of the highest index bit first. What is returned is reduced.
library Multilinear {
    /// @notice Memory for `count` words.
    function allocate(uint256 count) internal pure returns (uint256 pointer) {
        assembly ("memory-safe") {
            pointer := mload(0x40)
            mstore(0x40, add(pointer, shl(5, count)))
        }
    }

    /// @notice Word `index` behind a pointer.
    function get(uint256 pointer, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := mload(add(pointer, shl(5, index)))
        }
    }

    /// @notice Sets word `index` behind a pointer.
    function put(uint256 pointer, uint256 index, uint256 value) internal pure {
        assembly ("memory-safe") {
            mstore(add(pointer, shl(5, index)), value)
        }
    }

    /// @notice Copies words.
    function copy(uint256 to, uint256 from, uint256 count) internal pure {
        assembly ("memory-safe") {
            mcopy(to, from, shl(5, count))
        }
    }

    /// @notice `eq(point, index)` for every index of the cube of `n` variables.
    function eqTable(uint256 point, uint256 n) internal pure returns (uint256) {
        unchecked {
            return eqTableTo(point, point + 32 * n);
        }
    }

    function eqTableTo(uint256 point, uint256 end) private pure returns (uint256 table) {
        unchecked {
            table = allocate(1 << ((end - point) / 32));
            put(table, 0, 1);
            for (uint256 size = 32; end > point; size += size) {
                end -= 32;
                split(table, table + size, get(end, 0));
            }
        }
    }

    /// @dev From entries of a table up to `end` to the next variable's: `r` times each behind them, what is left of each in its place.
    function split(uint256 entry, uint256 end, uint256 r) private pure {
        unchecked {
            uint256 size = end - entry;
            for (; entry < end; entry += 32) {
                uint256 low = get(entry, 0);
                uint256 high = Ext.mul(low, r);
                assembly ("memory-safe") {
                    mstore(add(entry, size), high)
                }
                put(entry, 0, Ext.canonical(low + Ext.P_LANES - high));
            }
        }
    }

    /// @notice `eq(a, b)` of points of `n` variables.
    function eqEval(uint256 a, uint256 b, uint256 n) internal pure returns (uint256) {
        unchecked {
            return eqEvalTo(a, b, a + 32 * n);
        }
    }

    function eqEvalTo(uint256 a, uint256 b, uint256 end) private pure returns (uint256 product) {
        unchecked {
            product = 1;
            for (; a < end; a += 32) {
                (uint256 x, uint256 y) = (get(a, 0), get(b, 0));
                // 1 - x - y + 2 x y.
                product = Ext.mul(product, Ext.mulAddNear(x, y + y, 1 + 2 * Ext.P_LANES - x - y));
                b += 32;
            }
        }
    }

    /// @notice `eq(point, index)` of one index of `n` variables.
    function eqIndex(uint256 point, uint256 n, uint256 index) internal pure returns (uint256 product) {
        unchecked {
            product = 1;
            for (uint256 bit = 0; bit < n; ++bit) {
                uint256 r = get(point, n - 1 - bit);
                // `1 - r` has lanes of up to p + 1 where the other factor's halves are below 2^16: no sum leaves its lane.
                product = Ext.mulNear((index >> bit) & 1 == 1 ? r : 1 + Ext.P_LANES - r, product);
            }
            product = Ext.canonical(product);
        }
    }

    /// @notice `sum over index < count of eq(point, index)`; `count` at most `2^n`.
    function eqPrefix(uint256 point, uint256 n, uint256 count) internal pure returns (uint256 sum) {
        unchecked {
            if (count >> n == 1) return 1;
            uint256 product = 1;
            for (uint256 i = 0; i < n; ++i) {
                uint256 r = get(point, i);
                uint256 high = Ext.mul(product, r);
                uint256 low = product + Ext.P_LANES - high;
                if ((count >> (n - 1 - i)) & 1 == 1) {
                    sum += low;
                    product = high;
                } else {
                    product = Ext.reduce(low);
                }
            }
            sum = Ext.reduce(sum);
        }
    }

    /// @notice `sum of index * eq(point, index)`: the table 0, 1, 2, .. at a point of at most 16 variables.
    function identityEval(uint256 point, uint256 n) internal pure returns (uint256 sum) {
        unchecked {
            for (uint256 i = 0; i < 32 * n; i += 32) {
                sum = sum + sum + get(point + i, 0);
            }
            sum = Ext.reduce(sum);
        }
    }

    /// @notice The table `1, y, y^2, ..` at a point of `n` variables.
    function powersEval(uint256 y, uint256 point, uint256 n) internal pure returns (uint256 product) {
        unchecked {
            product = 1;
            for (uint256 i = point + 32 * n; i > point;) {
                i -= 32;
                uint256 r = get(i, 0);
                // 1 - r + r y.
                product = Ext.mul(product, Ext.mulAddNear(r, y, 1 + Ext.P_LANES - r));
                if (i > point) y = Ext.mul(y, y);
            }
        }
    }

    /// @notice Sum of `count` words, lazy.
    function sumLazy(uint256 table, uint256 count) internal pure returns (uint256 sum) {
        unchecked {
            for (uint256 end = table + 32 * count; table < end; table += 32) {
                sum += get(table, 0);
            }
        }
    }

    /// @notice `sum of a[i] b[i]` over `count` words.
    function dot(uint256 a, uint256 b, uint256 count) internal pure returns (uint256) {
        unchecked {
            return dotTo(a, b, a + 32 * count);
        }
    }

    /// @dev Reduced once at the end.
    function dotTo(uint256 a, uint256 b, uint256 end) private pure returns (uint256) {
        unchecked {
            uint256 even;
            uint256 odd;
            uint256 top;
            for (; a < end; a += 32) {
                (uint256 low, uint256 high) = Ext.halves(get(a, 0), get(b, 0));
                b += 32;
                even += (low & Ext.EVEN) + ((high & Ext.EVEN) << 16);
                odd += (low & Ext.ODD) + ((high & Ext.ODD) << 16);
                top += (low >> 204) + ((high >> 204) << 16);
            }
            return Ext.reduceWide(even, odd, top);
        }
    }

    /// @notice A table of `2^n` entries at a point; the table is overwritten.
    function evaluate(uint256 table, uint256 point, uint256 n) internal pure returns (uint256) {
        unchecked {
            for (uint256 size = 32 << n; size > 32; point += 32) {
                size >>= 1;
                uint256 r = get(point, 0);
                for (uint256 entry = table; entry < table + size; entry += 32) {
                    uint256 low = get(entry, 0);
                    put(entry, 0, Ext.mulAdd(r, get(entry + size, 0) + Ext.P_LANES - low, low));
                }
            }
            return get(table, 0);
        }
    }
}
