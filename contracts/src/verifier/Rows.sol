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

    /// @notice `sum of element[i] factor[i]` over `count` elements of 20 bytes in memory, reduced, and whether the elements are canonical.
    /// @dev As `Multilinear.dot`.
    function foldElements(uint256 row, uint256 factors, uint256 count) internal pure returns (uint256, bool) {
        return foldElementsTo(row, factors, factors + 32 * count);
    }

    function foldElementsTo(uint256 row, uint256 factors, uint256 end) private pure returns (uint256 result, bool) {
        unchecked {
            uint256 even;
            uint256 odd;
            uint256 top;
            uint256 bad;
            for (; factors < end; factors += 32) {
                uint256 value;
                uint256 factor;
                assembly ("memory-safe") {
                    value := mload(row)
                    factor := mload(factors)
                }
                value = Ext.decode(value);
                row += 20;
                bad |= value + Ext.ABOVE_P;
                (uint256 low, uint256 high) = Ext.halves(factor, value);
                even += (low & Ext.EVEN) + ((high & Ext.EVEN) << 16);
                odd += (low & Ext.ODD) + ((high & Ext.ODD) << 16);
                top += (low >> 204) + ((high >> 204) << 16);
            }
            return (Ext.reduceWide(even, odd, top), bad & Ext.BIT32 == 0);
        }
    }

    /// @notice `sum of table[i] y^i` over eight entries, reduced, and `y^8`.
    function powers(uint256 table, uint256 y) internal pure returns (uint256 result, uint256 next) {
        assembly ("memory-safe") {
            // The powers below the eighth, in lanes as the table wants them.
            let square := mulmod(y, y, P)
            next := mulmod(square, square, P)
            let even := mulmod(next, square, P)
            y := or(
                or(shl(192, y), shl(128, mulmod(square, y, P))),
                or(shl(64, mulmod(next, y, P)), mulmod(even, y, P))
            )
            even := or(or(shl(192, 1), shl(128, square)), or(shl(64, next), even))
            next := mulmod(next, next, P)
            result := mod(add(shr(192, mul(even, mload(table))), shr(192, mul(y, mload(add(table, 160))))), P)
            let s := add(shr(192, mul(even, mload(add(table, 32)))), shr(192, mul(y, mload(add(table, 192)))))
            result := or(result, shl(51, mod(s, P)))
            s := add(shr(192, mul(even, mload(add(table, 64)))), shr(192, mul(y, mload(add(table, 224)))))
            result := or(result, shl(102, mod(s, P)))
            s := add(shr(192, mul(even, mload(add(table, 96)))), shr(192, mul(y, mload(add(table, 256)))))
            result := or(result, shl(153, mod(s, P)))
            s := add(shr(192, mul(even, mload(add(table, 128)))), shr(192, mul(y, mload(add(table, 288)))))
            result := or(result, shl(204, mod(s, P)))
        }
    }

    /// @notice `sum of table[i] y^i` over all of a table's entries up to `end`, reduced. Where there are more than eight their number divides by sixteen.
    function evaluate(uint256 table, uint256 end, uint256 y) internal pure returns (uint256 result) {
        if (end - table == STEP) {
            (result,) = powers(table, y);
            return result;
        }
        assembly ("memory-safe") {
            // Sixteen powers in four words, as `powers` has eight.
            let square := mulmod(y, y, P)
            let next := mulmod(square, square, P)
            let even := mulmod(next, square, P)
            let odd :=
                or(or(shl(192, y), shl(128, mulmod(square, y, P))), or(shl(64, mulmod(next, y, P)), mulmod(even, y, P)))
            let eighth := mulmod(next, next, P)
            let square8 := mulmod(eighth, square, P)
            let odd8 := mulmod(eighth, next, P)
            let even8 := mulmod(eighth, even, P)
            even := or(or(shl(192, 1), shl(128, square)), or(shl(64, next), even))
            next := odd8
            odd8 := or(
                or(shl(192, mulmod(eighth, y, P)), shl(128, mulmod(square8, y, P))),
                or(shl(64, mulmod(next, y, P)), mulmod(even8, y, P))
            )
            even8 := or(or(shl(192, eighth), shl(128, square8)), or(shl(64, next), even8))
            next := mulmod(eighth, eighth, P)
            // Horner's rule in y^16, the last sixteen entries first.
            let s0 := 0
            let s1 := 0
            let s2 := 0
            let s3 := 0
            let s4 := 0
            for {} gt(end, table) {} {
                end := sub(end, 640)
                s0 := add(
                    add(mulmod(s0, next, P), shr(192, mul(even, mload(end)))),
                    add(
                        shr(192, mul(odd, mload(add(end, 160)))),
                        add(shr(192, mul(even8, mload(add(end, 320)))), shr(192, mul(odd8, mload(add(end, 480)))))
                    )
                )
                s1 := add(
                    add(mulmod(s1, next, P), shr(192, mul(even, mload(add(end, 32))))),
                    add(
                        shr(192, mul(odd, mload(add(end, 192)))),
                        add(shr(192, mul(even8, mload(add(end, 352)))), shr(192, mul(odd8, mload(add(end, 512)))))
                    )
                )
                s2 := add(
                    add(mulmod(s2, next, P), shr(192, mul(even, mload(add(end, 64))))),
                    add(
                        shr(192, mul(odd, mload(add(end, 224)))),
                        add(shr(192, mul(even8, mload(add(end, 384)))), shr(192, mul(odd8, mload(add(end, 544)))))
                    )
                )
                s3 := add(
                    add(mulmod(s3, next, P), shr(192, mul(even, mload(add(end, 96))))),
                    add(
                        shr(192, mul(odd, mload(add(end, 256)))),
                        add(shr(192, mul(even8, mload(add(end, 416)))), shr(192, mul(odd8, mload(add(end, 576)))))
                    )
                )
                s4 := add(
                    add(mulmod(s4, next, P), shr(192, mul(even, mload(add(end, 128))))),
                    add(
                        shr(192, mul(odd, mload(add(end, 288)))),
                        add(shr(192, mul(even8, mload(add(end, 448)))), shr(192, mul(odd8, mload(add(end, 608)))))
                    )
                )
            }
            result := or(
                or(mod(s0, P), shl(51, mod(s1, P))),
                or(or(shl(102, mod(s2, P)), shl(153, mod(s3, P))), shl(204, mod(s4, P)))
            )
        }
    }
}
