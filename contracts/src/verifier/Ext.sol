// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

/// @title The quintic extension of KoalaBear in one word
/// @notice `p = 2^31 - 2^24 + 1`, modulus `x^5 + x^2 - 1`. Coefficient `k` of an element lies in the lane of bits `51 k .. 51 k + 51`.
///
/// With `X = 2^51` a word is the polynomial's value at `X`, and `MODULUS = X^5 + X^2 - 1` fits a word, so that ONE `mulmod` by it is a
/// product of polynomials, reduced. Lanes must hold the coefficients: with one operand cut into halves of 16 bits a coefficient of the
/// product is a sum of at most 6 positive and 4 negative products below `2^47`; `OFFSET` lifts every lane above zero by a multiple of p.
/// In all 10 * 2^47 < 2^51. All lanes are reduced at once (`near`), by a quotient that is at most one too small; where that is not enough
/// `canonical` takes p off the lanes that are not below it. So a product costs two `mulmod` and no `mod`.
///
/// Constants are literals because assembly takes no others; test/verifier/Ext.t.sol says what each is.
///
/// "Reduced": every lane below p. "Nearly reduced": below 1.012 p, enough for a second factor or a summand. "Lazy": sums of reduced words, lanes below the bound named. Plain `+` of words adds lanes.
library Ext {
    uint256 internal constant P = 0x7f000001;
    /// @dev `X^5 + X^2 - 1`.
    uint256 internal constant MODULUS = 0x800000000000000000000000000000000000003fffffffffffffffffffffffff;
    /// @dev One in every lane.
    uint256 internal constant ONES = 0x1000000000000200000000000040000000000008000000000001;
    /// @dev p in every lane: `P_LANES - a` is a lazy `-a` with lanes at most p.
    uint256 internal constant P_LANES = 0x07f00000100000fe00000200001fc00000400003f800000800007f000001;
    uint256 internal constant LOW16 = 0x0ffff000000001fffe000000003fffc000000007fff800000000ffff;
    /// @dev `2^18 p` in every lane: more than four products below `2^16 p`.
    uint256 internal constant OFFSET = 0x1fc00000400003f800000800007f00000100000fe00000200001fc0000040000;
    /// @dev Lanes 0 and 2.
    uint256 internal constant EVEN = 0x0001ffffffffffffc0000000000007ffffffffffff;
    /// @dev Lanes 1 and 3.
    uint256 internal constant ODD = 0x0ffffffffffffe0000000000003ffffffffffff8000000000000;
    /// @dev Added to a word of lanes below `2^32`, sets bit 32 of each lane that is p or more.
    uint256 internal constant ABOVE_P = 0x080ffffff0000101fffffe0000203fffffc0000407fffff8000080ffffff;
    /// @dev The low 27 and 23 bits of every lane, and `2^21 + 2^14 + 2^7 + 1`, see `near`.
    uint256 internal constant LOW27 = 0x7ffffff000000ffffffe000001ffffffc000003ffffff8000007ffffff;
    uint256 internal constant LOW23 = 0x07fffff0000000fffffe0000001fffffc0000003fffff80000007fffff;
    uint256 internal constant INVERSE = 2113665;
    uint256 internal constant BIT32 = 0x100000000000020000000000004000000000000800000000000100000000;

    /// @notice `a b + c`, reduced. Lanes of `a` at most p, of `b` below `2^32`, of `c` below `2^49`.
    function mulAdd(uint256 a, uint256 b, uint256 c) internal pure returns (uint256) {
        return canonical(mulAddNear(a, b, c));
    }

    /// @notice `a b + c`, nearly reduced: lanes below 1.012 p. Lanes of `a` at most p, of `b` below `2^32`, of `c` below `2^49`.
    /// @dev The upper half's sum, brought near p, and the lower half's fit a lane: `10 * 2^16 p + 2^49 + 1.012 * 2^16 p < 2^51`.
    function mulAddNear(uint256 a, uint256 b, uint256 c) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            let high := addmod(mulmod(a, and(shr(16, b), LOW16), MODULUS), OFFSET, MODULUS)
            high := sub(high, mul(and(shr(28, mul(and(shr(24, high), LOW27), INVERSE)), LOW23), P))
            result := add(addmod(mulmod(a, and(b, LOW16), MODULUS), add(c, OFFSET), MODULUS), shl(16, high))
            result := sub(result, mul(and(shr(28, mul(and(shr(24, result), LOW27), INVERSE)), LOW23), P))
        }
    }

    /// @notice `a b + c d + e`, reduced. Lanes of `a`, `c` at most p, of `b`, `d` below `2^32`, of `e` below `2^49`.
    function mulAdd2(uint256 a, uint256 b, uint256 c, uint256 d, uint256 e) internal pure returns (uint256) {
        return canonical(mulAddNear(a, b, mulAddNear(c, d, e)));
    }

    /// @notice `a b`, reduced. Lanes of `a` at most p, of `b` below `2^32`.
    function mul(uint256 a, uint256 b) internal pure returns (uint256) {
        return canonical(mulAddNear(a, b, 0));
    }

    /// @notice `a b`, nearly reduced: lanes below 1.012 p. Lanes of `a` at most p, of `b` below `2^32`.
    function mulNear(uint256 a, uint256 b) internal pure returns (uint256) {
        return mulAddNear(a, b, 0);
    }

    /// @notice Two words with `a b = low + 2^16 high`, not reduced: lanes below `10 * 2^47`. Lanes of `a` at most p, of `b` below `2^32`.
    function halves(uint256 a, uint256 b) internal pure returns (uint256 low, uint256 high) {
        assembly ("memory-safe") {
            low := addmod(mulmod(a, and(b, LOW16), MODULUS), OFFSET, MODULUS)
            high := addmod(mulmod(a, and(shr(16, b), LOW16), MODULUS), OFFSET, MODULUS)
        }
    }

    /// @notice A lazy word, nearly reduced: lanes below 1.012 p. Lanes of `a` below `2^51`.
    /// @dev The quotient by p is taken from a lane's bits from 24 on, times `2^21 + 2^14 + 2^7 + 1`, over `2^28`: with `x < 2^51` the lane it is at
    /// most `x / p`, and less than `x / p - 1.012` never, since `1 / p = (1 + 2^-7 + 2^-14 + 2^-21 + ..) / 2^31`.
    function near(uint256 a) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := sub(a, mul(and(shr(28, mul(and(shr(24, a), LOW27), INVERSE)), LOW23), P))
        }
    }

    /// @notice A nearly reduced word, reduced. Lanes below 2 p.
    function canonical(uint256 a) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := sub(a, mul(shr(32, and(add(a, ABOVE_P), BIT32)), P))
        }
    }

    /// @notice `low + 2^shift high`, reduced: sums of base multiples whose factors were cut at `shift` bits, `shift` at most 16. Any lanes.
    function combine(uint256 low, uint256 high, uint256 shift) internal pure returns (uint256 result) {
        // As in `reduce`.
        if (low | high == 0) return 0;
        assembly ("memory-safe") {
            let even := add(and(low, EVEN), shl(shift, and(high, EVEN)))
            let odd := add(and(low, ODD), shl(shift, and(high, ODD)))
            let lane := sub(shl(102, 1), 1)
            result := or(
                or(mod(and(even, lane), P), shl(51, mod(and(shr(51, odd), lane), P))),
                or(
                    or(shl(102, mod(shr(102, even), P)), shl(153, mod(shr(153, odd), P))),
                    shl(204, mod(add(shr(204, low), shl(shift, shr(204, high))), P))
                )
            )
        }
    }

    /// @notice Sums of lanes 0 and 2, 1 and 3, and 4, where they lie in a word but for lane 4, which is at bit 0; reduced.
    function reduceWide(uint256 even, uint256 odd, uint256 top) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            let lane := sub(shl(102, 1), 1)
            result := or(
                or(mod(and(even, lane), P), shl(51, mod(and(shr(51, odd), lane), P))),
                or(or(shl(102, mod(shr(102, even), P)), shl(153, mod(shr(153, odd), P))), shl(204, mod(top, P)))
            )
        }
    }

    /// @notice A lazy word, reduced. Lanes of `a` below `2^51`.
    /// @dev The case of 0 keeps solc from writing this out at each of its many calls, for which a contract's code has no room.
    function reduce(uint256 a) internal pure returns (uint256) {
        if (a == 0) return 0;
        return canonical(near(a));
    }

    /// @notice `factor a`, reduced. Lanes of `a` below `2^34`, `factor` below `2^32`.
    function mulBase(uint256 a, uint256 factor) internal pure returns (uint256) {
        unchecked {
            return combine(a * (factor & 0xffff), a * (factor >> 16), 16);
        }
    }

    /// @notice `a - b`, reduced, of reduced words.
    function sub(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            // Bit 32 of `a + 2^32 - b` is 0 exactly where a < b.
            return a - b + ((((a + BIT32 - b) & BIT32) ^ BIT32) >> 32) * P;
        }
    }

    /// @notice `-a`, lazy: lanes at most p.
    function neg(uint256 a) internal pure returns (uint256) {
        unchecked {
            return P_LANES - a;
        }
    }

    /// @notice The element whose wire form (20 bytes, big-endian coefficients) starts `word`. Lanes below `2^32`; the caller checks `inRange`.
    function decode(uint256 word) internal pure returns (uint256 result) {
        assembly ("memory-safe") {
            result := or(
                or(shr(224, word), and(shr(141, word), shl(51, 0xffffffff))),
                or(
                    or(and(shr(58, word), shl(102, 0xffffffff)), and(shl(25, word), shl(153, 0xffffffff))),
                    and(shl(108, word), shl(204, 0xffffffff))
                )
            )
        }
    }

    /// @notice True if every lane, below `2^32`, is below p.
    function inRange(uint256 a) internal pure returns (bool) {
        unchecked {
            return (a + ABOVE_P) & BIT32 == 0;
        }
    }
}
