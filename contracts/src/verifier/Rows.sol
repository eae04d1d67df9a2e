// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Ext} from "./Ext.sol";
import {Multilinear} from "./Multilinear.sol";

/// @title Inner products of base elements with extension elements, four products to one multiplication
/// @notice Eight base elements `v0 .. v7` of 32 bits make a word as they come on the wire. With every second one in a lane of 64 bits, the word
/// `v1 X^3 + v3 X^2 + v5 X + v7`, `X = 2^64`, times `e1 + e3 X + e5 X^2 + e7 X^3` has `v1 e1 + v3 e3 + v5 e5 + v7 e7` in its top lane: four products
/// of reduced elements are below `2^64` (4 (p - 1)^2 < 2^64), three never carry, and what is above the word is lost. A table holds the second
/// factors: per eight elements five words for the even ones, one a coefficient, then five for the odd ones.
library Rows {
    uint256 private constant P = 0x7f000001;
    /// @dev Every second 32 bits.
    uint256 private constant LANES = 0xffffffff00000000ffffffff00000000ffffffff00000000ffffffff;
    /// @dev All but the highest of every 32 bits, and 2^24 - 1 = 2^31 - p in all of them.
    uint256 private constant LOW31 = 0x7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff7fffffff;
    uint256 private constant BELOW_2_24 = 0x00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff00ffffff;
    /// @dev Bytes of a table for eight elements.
    uint256 internal constant STEP = 320;

    /// @notice The table of `count` reduced elements and where it ends; what is missing to a multiple of eight counts as zeros.
    function tableOf(uint256 elements, uint256 count) internal pure returns (uint256 table, uint256 end) {
        unchecked {
            return tableTo(elements, elements + 32 * count);
        }
    }

    function tableTo(uint256 from, uint256 behind) private pure returns (uint256 table, uint256 end) {
        unchecked {
            table = Multilinear.allocate(10 * ((behind - from + 255) / 256));
            end = table;
            uint256 padded = Multilinear.allocate(8);
            for (; from < behind; from += 256) {
                uint256 eight = from;
                if (behind - from < 256) {
                    assembly ("memory-safe") {
                        calldatacopy(padded, calldatasize(), 256)
                        mcopy(padded, from, sub(behind, from))
                    }
                    eight = padded;
                }
                group8(end, eight);
                group8(end + 160, eight + 32);
                end += STEP;
            }
        }
    }

    /// @dev Five words of every second of eight elements.
    function group8(uint256 to, uint256 from) private pure {
        assembly ("memory-safe") {
            let a := mload(from)
            let b := mload(add(from, 64))
            let c := mload(add(from, 128))
            let d := mload(add(from, 192))
            for { let end := add(to, 160) } lt(to, end) { to := add(to, 32) } {
                mstore(
                    to,
                    or(
                        or(and(a, 0xffffffff), shl(64, and(b, 0xffffffff))),
                        or(shl(128, and(c, 0xffffffff)), shl(192, and(d, 0xffffffff)))
                    )
                )
                a := shr(51, a)
                b := shr(51, b)
                c := shr(51, c)
                d := shr(51, d)
            }
        }
    }

    /// @notice True if every 32 bits from `row` to `end` hold an element below p. The last word may reach over the end: zeros must be there.
    function canonical(uint256 row, uint256 end) internal pure returns (bool) {
        uint256 bad;
        assembly ("memory-safe") {
            for {} lt(row, end) { row := add(row, 32) } {
                let word := mload(row)
                // Without their highest bit, lanes of p or more reach it.
                bad := or(bad, or(word, add(and(word, LOW31), BELOW_2_24)))
            }
            bad := and(bad, not(LOW31))
        }
        return bad == 0;
    }

    /// @notice The inner product of a row of base elements in memory with a table, reduced. What the row lacks to a multiple of eight meets zeros in
    /// the table, so that other elements may be there.
    function fold(uint256 row, uint256 table, uint256 end) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            let s0 := 0
            let s1 := 0
            let s2 := 0
            let s3 := 0
            let s4 := 0
            for {} lt(table, end) { table := add(table, STEP) } {
                let odd := mload(row)
                let even := and(shr(32, odd), LANES)
                odd := and(odd, LANES)
                row := add(row, 32)
                s0 := add(s0, add(shr(192, mul(even, mload(table))), shr(192, mul(odd, mload(add(table, 160))))))
                s1 := add(
                    s1,
                    add(shr(192, mul(even, mload(add(table, 32)))), shr(192, mul(odd, mload(add(table, 192)))))
                )
                s2 := add(
                    s2,
                    add(shr(192, mul(even, mload(add(table, 64)))), shr(192, mul(odd, mload(add(table, 224)))))
                )
                s3 := add(
                    s3,
                    add(shr(192, mul(even, mload(add(table, 96)))), shr(192, mul(odd, mload(add(table, 256)))))
                )
                s4 := add(
                    s4,
                    add(shr(192, mul(even, mload(add(table, 128)))), shr(192, mul(odd, mload(add(table, 288)))))
                )
            }
            result := or(
                or(mod(s0, P), shl(51, mod(s1, P))),
                or(or(shl(102, mod(s2, P)), shl(153, mod(s3, P))), shl(204, mod(s4, P)))
            )
        }
    }

    /// @notice `sum of table[i] y^i` over a table's entries up to `end`, reduced, and `y^8`.
    function powers(uint256 table, uint256 end, uint256 y) internal pure returns (uint256 result, uint256 next) {
        assembly ("memory-safe") {
            // The powers below the eighth, in lanes as the table wants them.
            let even
            {
                let square := mulmod(y, y, P)
                next := mulmod(square, square, P)
                let sixth := mulmod(next, square, P)
                even := or(or(shl(192, 1), shl(128, square)), or(shl(64, next), sixth))
                y := or(
                    or(shl(192, y), shl(128, mulmod(square, y, P))),
                    or(shl(64, mulmod(next, y, P)), mulmod(sixth, y, P))
                )
                next := mulmod(next, next, P)
            }
            // Horner's rule in y^8, the last eight entries first.
            let s0 := 0
            let s1 := 0
            let s2 := 0
            let s3 := 0
            let s4 := 0
            for {} gt(end, table) {} {
                end := sub(end, STEP)
                s0 := add(
                    add(mulmod(s0, next, P), shr(192, mul(even, mload(end)))),
                    shr(192, mul(y, mload(add(end, 160))))
                )
                s1 := add(
                    add(mulmod(s1, next, P), shr(192, mul(even, mload(add(end, 32))))),
                    shr(192, mul(y, mload(add(end, 192))))
                )
                s2 := add(
                    add(mulmod(s2, next, P), shr(192, mul(even, mload(add(end, 64))))),
                    shr(192, mul(y, mload(add(end, 224))))
                )
                s3 := add(
                    add(mulmod(s3, next, P), shr(192, mul(even, mload(add(end, 96))))),
                    shr(192, mul(y, mload(add(end, 256))))
                )
                s4 := add(
                    add(mulmod(s4, next, P), shr(192, mul(even, mload(add(end, 128))))),
                    shr(192, mul(y, mload(add(end, 288))))
                )
            }
            result := or(
                or(mod(s0, P), shl(51, mod(s1, P))),
                or(or(shl(102, mod(s2, P)), shl(153, mod(s3, P))), shl(204, mod(s4, P)))
            )
        }
    }
}
