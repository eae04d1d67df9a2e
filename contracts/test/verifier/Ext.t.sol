// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Ext} from "../../src/verifier/Ext.sol";
import {Rows} from "../../src/verifier/Rows.sol";
import {VectorTest} from "./Vectors.sol";

/// @notice The extension against plain arithmetic lane by lane, and against Rust's products.
contract ExtTest is VectorTest {
    uint256 private constant P = Ext.P;

    function lane(uint256 a, uint256 k) private pure returns (uint256) {
        return (a >> (51 * k)) & ((1 << 51) - 1);
    }

    /// @dev Coefficients below `bound`, drawn from a hash.
    function element(bytes32 seed, uint256 bound) private pure returns (uint256 a) {
        for (uint256 k = 0; k < 5; ++k) {
            a |= (uint256(keccak256(abi.encode(seed, k))) % bound) << (51 * k);
        }
    }

    /// @dev `a b + c` from the definition: `x^5 = 1 - x^2`.
    function slow(uint256 a, uint256 b, uint256 c) private pure returns (uint256 result) {
        uint256[9] memory sums;
        for (uint256 i = 0; i < 5; ++i) {
            sums[i] = addmod(sums[i], lane(c, i), P);
            for (uint256 j = 0; j < 5; ++j) {
                sums[i + j] = addmod(sums[i + j], mulmod(lane(a, i), lane(b, j), P), P);
            }
        }
        for (uint256 i = 8; i >= 5; --i) {
            sums[i - 5] = addmod(sums[i - 5], sums[i], P);
            sums[i - 3] = addmod(sums[i - 3], P - sums[i], P);
        }
        for (uint256 i = 0; i < 5; ++i) {
            result |= sums[i] << (51 * i);
        }
    }

    function testConstants() public pure {
        uint256 ones = 1 + (1 << 51) + (1 << 102) + (1 << 153) + (1 << 204);
        vm.assertEq(Ext.ONES, ones);
        vm.assertEq(Ext.MODULUS, (1 << 255) + (1 << 102) - 1);
        vm.assertEq(Ext.P, (1 << 31) - (1 << 24) + 1);
        vm.assertEq(Ext.P_LANES, P * ones);
        vm.assertEq(Ext.LOW16, 0xffff * ones);
        vm.assertEq(Ext.OFFSET, (P << 18) * ones);
        vm.assertEq(Ext.EVEN, ((1 << 51) - 1) * (1 + (1 << 102)));
        vm.assertEq(Ext.ODD, Ext.EVEN << 51);
        vm.assertEq(Ext.ABOVE_P, ((1 << 32) - P) * ones);
        vm.assertEq(Ext.BIT32, (1 << 32) * ones);
        vm.assertEq(Ext.LOW27, ((1 << 27) - 1) * ones);
        vm.assertEq(Ext.LOW23, ((1 << 23) - 1) * ones);
        vm.assertEq(Ext.INVERSE, (1 << 21) + (1 << 14) + (1 << 7) + 1);
    }

    /// @dev Lanes at their bounds: p, 2^32 - 1, 2^49 - 1.
    function testLargestLanes() public pure {
        uint256 b = type(uint32).max * Ext.ONES;
        uint256 c = ((1 << 49) - 1) * Ext.ONES;
        vm.assertEq(Ext.mulAdd(Ext.P_LANES, b, c), slow(Ext.P_LANES, b, c));
        uint256 a = Ext.P_LANES - Ext.ONES;
        vm.assertEq(Ext.mulAdd(a, b, c), slow(a, b, c));
        vm.assertEq(Ext.mulAdd2(a, b, a, b, c), slow(a, b, slow(a, b, c)));
        for (uint256 i = 0; i < 5; ++i) {
            for (uint256 j = 0; j < 5; ++j) {
                (uint256 x, uint256 y) = ((P - 1) << (51 * i), uint256(type(uint32).max) << (51 * j));
                vm.assertEq(Ext.mul(x, y), slow(x, y, 0));
            }
        }
    }

    function testFuzzMulAdd(bytes32 seed) public pure {
        uint256 a = element(seed, P + 1);
        uint256 b = element(keccak256(abi.encode(seed)), 1 << 32);
        uint256 c = element(~seed, 1 << 49);
        vm.assertEq(Ext.mulAdd(a, b, c), slow(a, b, c));
        uint256 d = element(keccak256(abi.encode(~seed)), 1 << 32);
        vm.assertEq(
            Ext.mulAdd2(a, b, Ext.neg(a % 2 == 0 ? 0 : 1), d, c), slow(Ext.neg(a % 2 == 0 ? 0 : 1), d, slow(a, b, c))
        );
    }

    function testFuzzLinear(bytes32 seed, uint32 factor) public pure {
        uint256 a = element(seed, P);
        uint256 b = element(~seed, P);
        uint256 base = factor % P;
        vm.assertEq(Ext.sub(a, b), slow(P - 1, b, a));
        vm.assertEq(Ext.mulBase(a, base), slow(a, base, 0));
        vm.assertEq(Ext.reduce(a + b), slow(1, a, b));
        uint256 wide = element(keccak256(abi.encode(seed)), 1 << 51);
        vm.assertEq(Ext.reduce(wide), slow(1, wide, 0));
        vm.assertEq(Ext.combine(wide, wide, 14), slow((1 << 14) + 1, Ext.reduce(wide), 0));
    }

    function testDecode() public pure {
        uint256 word = uint256(bytes32(hex"00000001000000027f0000007f00000112345678ffffffffffffffffffffffff"));
        uint256 value = Ext.decode(word);
        uint32[5] memory expected = [uint32(1), 2, 0x7f000000, 0x7f000001, 0x12345678];
        for (uint256 k = 0; k < 5; ++k) {
            vm.assertEq(lane(value, k), expected[k]);
        }
        vm.assertTrue(!Ext.inRange(value));
        vm.assertTrue(Ext.inRange(value - (1 << 153)));
    }

    function testProductsOfRust() public view {
        uint256 count = 0;
        for (string memory line = vm.readLine(FIELD); bytes(line).length > 0; line = vm.readLine(FIELD)) {
            uint256[] memory values = vm.parseJsonUintArray(line, ".values");
            vm.assertEq(Ext.mulAdd(values[0], values[1], values[2]), values[3]);
            vm.assertEq(Ext.sub(values[0], values[1]), values[4]);
            ++count;
        }
        vm.assertEq(count, 64);
    }

    /// @notice Inner products with a row of any length, and the refusal of elements that are not canonical.
    function testFuzzRows(bytes32 seed, uint8 length) public pure {
        uint256 count = 1 + length % 40;
        uint256[] memory elements = new uint256[](count);
        bytes memory row;
        uint256 expected;
        for (uint256 i = 0; i < count; ++i) {
            elements[i] = element(keccak256(abi.encode(seed, i)), P);
            uint256 value = uint256(keccak256(abi.encode(i, seed))) % P;
            if (i == uint256(seed) % 50) (value, elements[i]) = (P - 1, Ext.P_LANES - Ext.ONES);
            row = bytes.concat(row, bytes4(uint32(value)));
            expected = slow(elements[i], value, expected);
        }
        // More elements follow the row.
        row = bytes.concat(row, hex"7f0000007f0000007f0000007f0000007f0000007f0000007f0000007f000000");
        (uint256 result, bool canonical) = fold(elements, row);
        vm.assertTrue(canonical);
        vm.assertEq(result, expected);
        uint256 place = uint256(keccak256(abi.encode(seed))) % count;
        row[4 * place] = 0x7f;
        row[4 * place + 1] = 0x00;
        row[4 * place + 2] = 0x00;
        row[4 * place + 3] = 0x01;
        (, canonical) = fold(elements, row);
        vm.assertTrue(!canonical);
        row[4 * place] = 0x80;
        row[4 * place + 3] = 0x00;
        (, canonical) = fold(elements, row);
        vm.assertTrue(!canonical);
    }

    function fold(uint256[] memory elements, bytes memory row) private pure returns (uint256, bool) {
        uint256 pointer;
        uint256 start;
        assembly ("memory-safe") {
            pointer := add(elements, 32)
            start := add(row, 32)
        }
        (uint256 table, uint256 end) = Rows.tableOf(pointer, elements.length);
        return (Rows.fold(start, table, end), Rows.canonical(start, start + 4 * elements.length));
    }

    /// @notice Quotients around every multiple of p that a lane can hold, and the largest lane.
    function testFuzzNear(uint32[5] calldata multiples, uint8[5] calldata offsets) public pure {
        uint256 a;
        for (uint256 k = 0; k < 5; ++k) {
            uint256 value = P * (multiples[k] % (1 << 20)) + offsets[k];
            if (value > 127) value -= 128;
            a |= (offsets[k] == 255 ? (1 << 51) - 1 : value) << (51 * k);
        }
        uint256 result = Ext.near(a);
        for (uint256 k = 0; k < 5; ++k) {
            vm.assertEq(lane(result, k) % P, lane(a, k) % P);
            vm.assertTrue(1000 * lane(result, k) < 1012 * P);
        }
        vm.assertEq(Ext.canonical(result), slow(1, a, 0));
    }

    /// @notice Inner products with elements as they come on the wire.
    function testFuzzElements(bytes32 seed, bytes32 large) public pure {
        uint256[] memory factors = new uint256[](8);
        bytes memory row;
        uint256 expected;
        for (uint256 i = 0; i < 8; ++i) {
            factors[i] = large[i] == 0 ? Ext.P_LANES - Ext.ONES : element(keccak256(abi.encode(seed, i)), P);
            uint256 value = large[i] == 0 ? factors[i] : element(keccak256(abi.encode(i, seed)), P);
            for (uint256 k = 0; k < 5; ++k) {
                row = bytes.concat(row, bytes4(uint32(lane(value, k))));
            }
            expected = slow(factors[i], value, expected);
        }
        uint256 pointer;
        uint256 start;
        assembly ("memory-safe") {
            pointer := add(factors, 32)
            start := add(row, 32)
        }
        (uint256 result, bool canonical) = Rows.foldElements(start, pointer, 8);
        vm.assertEq(result, expected);
        vm.assertTrue(canonical);
        uint256 place = 4 * (uint256(seed) % 40);
        (row[place], row[place + 1], row[place + 2], row[place + 3]) = (bytes1(0x7f), 0, 0, bytes1(0x01));
        (, canonical) = Rows.foldElements(start, pointer, 8);
        vm.assertTrue(!canonical);
    }

    function testFuzzPowers(bytes32 seed, uint32 y) public pure {
        uint256[] memory elements = new uint256[](48);
        uint256 expected;
        uint256 power = 1;
        (uint256 first, uint256 eighth) = (0, 0);
        uint256 base = y % P;
        for (uint256 i = 0; i < 48; ++i) {
            elements[i] = element(keccak256(abi.encode(seed, i)), P);
            expected = slow(elements[i], power, expected);
            power = mulmod(power, base, P);
            if (i == 7) (first, eighth) = (expected, power);
        }
        uint256 pointer;
        assembly ("memory-safe") {
            pointer := add(elements, 32)
        }
        (uint256 table, uint256 end) = Rows.tableOf(pointer, 48);
        vm.assertEq(Rows.evaluate(table, end, base), expected);
        (uint256 result, uint256 next) = Rows.powers(table, base);
        vm.assertEq(result, first);
        vm.assertEq(next, eighth);
        vm.assertEq(Rows.evaluate(table, table + Rows.STEP, base), first);
    }

    /// @dev Gas of the kernels, loop overhead included.
    function testGasOfKernels() public {
        uint256 a = element("a", P);
        uint256 b = element("b", P);
        uint256 start = gasleft();
        for (uint256 i = 0; i < 100; ++i) {
            a = Ext.mulAdd(a, b, b);
        }
        vm.snapshotValue("verifier", "100 products and sums in the extension", start - gasleft());
        vm.assertTrue(Ext.inRange(a));
        start = gasleft();
        for (uint256 i = 0; i < 100; ++i) {
            a = Ext.mulAdd2(a, b, b, a, b);
        }
        vm.snapshotValue("verifier", "100 sums of two products in the extension", start - gasleft());
        vm.assertTrue(Ext.inRange(a));
        uint256[] memory elements = new uint256[](80);
        for (uint256 i = 0; i < 80; ++i) {
            elements[i] = element(bytes32(i), P);
        }
        uint256 pointer;
        assembly ("memory-safe") {
            pointer := add(elements, 32)
        }
        (uint256 table, uint256 end) = Rows.tableOf(pointer, 80);
        start = gasleft();
        a = Rows.fold(pointer, table, end);
        vm.snapshotValue("verifier", "inner product of 80 base elements", start - gasleft());
        vm.assertTrue(Ext.inRange(a));
    }
}
