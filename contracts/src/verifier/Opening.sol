// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Channel, Channels} from "./Channel.sol";
import {LastWord, NonCanonical, Root, TableRoot} from "./Errors.sol";
import {Ext} from "./Ext.sol";
import {Merkle} from "./Merkle.sol";
import {Schedule} from "./Keys.sol";
import {Multilinear} from "./Multilinear.sol";
import {Rows} from "./Rows.sol";
import {Sumcheck} from "./Sumcheck.sol";

/// @notice What is to be opened of two tables at once.
struct Opened {
    uint256[2] roots;
    /// @dev Values of the linear functionals.
    uint256[2] values;
    /// @dev The schedule, in memory (`Keys.schedule`).
    Schedule schedule;
    /// @dev Table of the domains' elements, in memory; made by `Opening.verify`.
    uint256 domain;
}

/// @notice What an opening leaves to show: `(sum over t of factor_t W_t(point_t) + added) tableValue = lastValue` for the claims' `W`.
struct OpeningClaim {
    /// @dev Memory: challenges of the later words' variables, behind them those of word 0. Highest variable first, each.
    uint256 high;
    uint256 numHigh;
    uint256 low;
    uint256 numLow;
    /// @dev Factors of the tables in the one they are folded into.
    uint256[2] factors;
    uint256 added;
    uint256 tableValue;
    uint256 lastValue;
    /// @dev Bytes of the proof behind the opening.
    uint256 trailing;
}

/// @title Verifies an opening (engine-circuit/src/commitment/verify.rs)
library Opening {
    using Channels for Channel;

    /// @dev Most bytes between two samples of an opening: its last table.
    uint256 internal constant ROOM = 8192;
    /// @dev Where the challenges begin in what `OpeningVerifier.verify` returns.
    uint256 internal constant CHALLENGES = 6;

    /// @dev Positions opened from a word: indices, base elements `y` and the rows folded, in memory.
    struct Queries {
        uint256 count;
        uint256 indices;
        uint256 ys;
        uint256 folds;
    }

    /// @dev A later stage's additions to `W`.
    struct Stage {
        uint256 start;
        uint256 z;
        uint256 batch;
        Queries queries;
    }

    /// @dev Roots of unity of order 2, 4, .. 2^24, 32 bits each, order 2 highest.
    uint256 private constant ROOTS_A = 0x7f0000007e0100026832fe4a08dbd69c0a28f0315c4a5b9929b75a8017668b8a;
    uint256 private constant ROOTS_B = 0x27ad539b334d48c77744959c768fc6fa303964b23e687d4d45a60e616e2f4d7a;
    uint256 private constant ROOTS_C = 0x163bd4996c4a8a45143ef899514ddcad484ef19b205d63c368e7dd496ac49f88;

    uint256 private constant NUM_TABLES = 2;
    /// @dev `1 / 2`.
    uint256 private constant HALF = 0x3f800001;

    /// @notice Verifies everything but the last claim.
    function verify(Channel memory channel, Opened memory opened) internal pure returns (OpeningClaim memory claim) {
        unchecked {
            opened.domain = domainTable();
            Schedule schedule = opened.schedule;
            uint256 words = schedule.numWords();
            uint256 finalVariables = schedule.finalVariables();
            claim.numHigh = finalVariables;
            for (uint256 i = 1; i < words; ++i) {
                claim.numHigh += schedule.folds(i);
            }
            claim.numLow = schedule.folds(0);
            claim.high = Multilinear.allocate(claim.numHigh + claim.numLow);
            claim.low = claim.high + 32 * claim.numHigh;
            uint256 value = foldTables(channel, opened, claim);

            Stage[] memory stages = new Stage[](words - 1);
            uint256 bound = 0;
            uint256 root = 0;
            uint256 folded = 0;
            for (uint256 i = 1; i < words; ++i) {
                Stage memory stage = stages[i - 1];
                uint256 nextRoot = channel.receiveRoot();
                stage.start = bound;
                stage.z = channel.sample();
                uint256 outOfDomain = channel.receiveExt();
                stage.queries = checkQueries(channel, opened, claim, i - 1, root, folded);
                stage.batch = channel.sample();
                value = Ext.mulAdd(stage.batch, horner(stage.queries, stage.batch, outOfDomain), value);
                root = nextRoot;
                folded = claim.high + 32 * bound;
                value = Sumcheck.verify(channel, value, schedule.folds(i), folded);
                bound += schedule.folds(i);
            }
            uint256 table = Multilinear.allocate(1 << finalVariables);
            channel.receiveTo(table, 1 << finalVariables);
            checkLastWord(checkQueries(channel, opened, claim, words - 1, root, folded), table, finalVariables);
            uint256 rest = claim.high + 32 * bound;
            claim.lastValue = Sumcheck.verify(channel, value, finalVariables, rest);
            claim.tableValue = Multilinear.evaluate(table, rest, finalVariables);
            claim.added = added(stages, claim.high, claim.numHigh);
        }
    }

    /// @notice The claim that an `OpeningVerifier` returned as words.
    function claimOf(uint256[] memory left, Schedule schedule) internal pure returns (OpeningClaim memory claim) {
        unchecked {
            claim.factors = [left[0], left[1]];
            (claim.added, claim.tableValue, claim.lastValue, claim.trailing) = (left[2], left[3], left[4], left[5]);
            claim.numLow = schedule.folds(0);
            claim.numHigh = left.length - CHALLENGES - claim.numLow;
            uint256 high;
            assembly ("memory-safe") {
                high := add(left, 224)
            }
            claim.high = high;
            claim.low = high + 32 * claim.numHigh;
        }
    }

    /// @notice The point of table `t`, highest variable first, and its factor in the last claim: a table shorter than the folded one is followed by
    /// zeros.
    function tablePoint(OpeningClaim memory claim, Schedule schedule, uint256 t)
        internal
        pure
        returns (uint256 point, uint256 factor)
    {
        unchecked {
            uint256 folds = schedule.tableFolds(t);
            uint256 height = schedule.tableVariables(t) - folds;
            factor = Ext.mul(claim.factors[t], Multilinear.eqIndex(claim.high, claim.numHigh - height, 0));
            point = Multilinear.allocate(height + folds);
            Multilinear.copy(point, claim.high + 32 * (claim.numHigh - height), height);
            Multilinear.copy(point + 32 * height, claim.low + 32 * (claim.numLow - folds), folds);
        }
    }

    /// @dev The rounds of word 0: each table joins when as many variables are left as it folds; a last round binds their number.
    function foldTables(Channel memory channel, Opened memory opened, OpeningClaim memory claim)
        private
        pure
        returns (uint256 value)
    {
        unchecked {
            Schedule schedule = opened.schedule;
            for (uint256 left = claim.numLow + 1; left > 0;) {
                --left;
                for (uint256 t = 0; t < NUM_TABLES; ++t) {
                    if (schedule.tableFolds(t) == left) value = Ext.reduce(value + opened.values[t]);
                }
                if (left > 0) value = Sumcheck.verify(channel, value, 1, claim.low + 32 * (claim.numLow - left));
            }
            uint256 selector = Multilinear.allocate(1);
            value = Sumcheck.verify(channel, value, 1, selector);
            claim.factors[1] = Multilinear.get(selector, 0);
            claim.factors[0] = Ext.sub(1, claim.factors[1]);
        }
    }

    /// @dev `first + b (fold_0 + b (fold_1 + ..))`.
    function horner(Queries memory queries, uint256 b, uint256 first) private pure returns (uint256 sum) {
        unchecked {
            for (uint256 j = queries.count; j > 0; --j) {
                sum = Ext.mulAddNear(b, sum, Multilinear.get(queries.folds, j - 1));
            }
            sum = Ext.mulAdd(b, sum, first);
        }
    }

    /// @dev Receives and checks the rows of word `number`, which for word 0 are those of the tables.
    function checkQueries(
        Channel memory channel,
        Opened memory opened,
        OpeningClaim memory claim,
        uint256 number,
        uint256 root,
        uint256 foldPoint
    ) private pure returns (Queries memory queries) {
        unchecked {
            Schedule schedule = opened.schedule;
            channel.checkGrind(schedule.grinding());
            positions(channel, queries, schedule.queries(number), schedule.logRows(number));
            for (uint256 j = 0; j < queries.count; ++j) {
                Multilinear.put(queries.ys, j, domainElement(opened.domain, Multilinear.get(queries.indices, j)));
            }
            if (number == 0) {
                for (uint256 t = 0; t < NUM_TABLES; ++t) {
                    checkTable(channel, opened, claim, queries, t);
                }
                return queries;
            }
            uint256 length = 20 << schedule.folds(number);
            uint256 rows = receiveRows(channel, length * queries.count);
            uint256 reached;
            {
                uint256 end;
                (reached, end) = Merkle.root(
                    queries.indices, queries.count, rows, length, schedule.logRows(number), channel.position
                );
                channel.take(end - channel.position);
            }
            if (reached != root) revert Root(number);
            uint256 folds = schedule.folds(number);
            uint256 eq = Multilinear.eqTable(foldPoint, folds);
            for (uint256 j = 0; j < queries.count; ++j) {
                (uint256 fold, bool canonical) = Rows.foldElements(rows, eq, 1 << folds);
                if (!canonical) revert NonCanonical(channel.received());
                Multilinear.put(queries.folds, j, fold);
                rows += length;
            }
        }
    }

    /// @dev Receives rows into memory, zeros behind them.
    function receiveRows(Channel memory channel, uint256 length) private pure returns (uint256 rows) {
        unchecked {
            uint256 offset = channel.take(length);
            rows = Multilinear.allocate(length / 32 + 2);
            assembly ("memory-safe") {
                calldatacopy(rows, offset, length)
                calldatacopy(add(rows, length), calldatasize(), 32)
            }
        }
    }

    /// @dev Receives and checks table `t`'s rows and adds them, folded, to the queries' folds. A row is `2^log` leaves of its tree.
    function checkTable(
        Channel memory channel,
        Opened memory opened,
        OpeningClaim memory claim,
        Queries memory queries,
        uint256 t
    ) private pure {
        unchecked {
            Schedule schedule = opened.schedule;
            uint256 leafFolds = schedule.tableLeafFolds(t);
            uint256 log = schedule.tableFolds(t) - leafFolds;
            uint256 logLeaves = schedule.tableLogLeaves(t);
            uint256 length = 4 << leafFolds;
            uint256 count = queries.count << log;
            uint256 rows = receiveRows(channel, length * count);
            {
                uint256 leaves = Multilinear.allocate(count);
                for (uint256 i = 0; i < count; ++i) {
                    uint256 first = Multilinear.get(queries.indices, i >> log) << log;
                    Multilinear.put(leaves, i, first | (i & ((1 << log) - 1)));
                }
                (uint256 reached, uint256 end) = Merkle.root(leaves, count, rows, length, logLeaves, channel.position);
                channel.take(end - channel.position);
                if (reached != opened.roots[t]) revert TableRoot(t);
            }
            if (!Rows.canonical(rows, rows + length * count)) revert NonCanonical(channel.received());
            // The variables that tell the leaves of a row apart are higher than those within a leaf.
            uint256 within = claim.low + 32 * (claim.numLow - leafFolds);
            (uint256 table, uint256 tableEnd) =
                Rows.tableOf(scaledEq(within, leafFolds, claim.factors[t]), 1 << leafFolds);
            uint256 values = Multilinear.allocate(1 << log);
            for (uint256 j = 0; j < queries.count; ++j) {
                for (uint256 i = 0; i < 1 << log; ++i) {
                    Multilinear.put(values, i, Rows.fold(rows, table, tableEnd));
                    rows += length;
                }
                if (log > 0) halve(opened.domain, values, within, log, Multilinear.get(queries.indices, j), logLeaves);
                Multilinear.put(
                    queries.folds, j, Ext.reduce(Multilinear.get(queries.folds, j) + Multilinear.get(values, 0))
                );
            }
        }
    }

    /// @dev eq of `n` variables, times a factor.
    function scaledEq(uint256 point, uint256 n, uint256 factor) private pure returns (uint256 table) {
        unchecked {
            table = Multilinear.eqTable(point, n);
            for (uint256 i = 0; i < 1 << n; ++i) {
                Multilinear.put(table, i, Ext.mul(factor, Multilinear.get(table, i)));
            }
        }
    }

    /// @dev Folds a row's leaves to one. Of values `u(y)`, `u(-y)` at neighbouring leaves the even part is `(u(y) + u(-y)) / 2`, the odd part
    /// `(u(y) - u(-y)) / 2 y`, both at `y^2`; so even + r (odd - even) takes `u(y)` times `(1 - r + r / y) / 2` and `u(-y)` times `(1 - r - r / y) / 2`.
    /// The challenges end before `behind`.
    function halve(uint256 domain, uint256 values, uint256 behind, uint256 log, uint256 index, uint256 logLeaves)
        private
        pure
    {
        unchecked {
            uint256 first = index << log;
            for (; log > 0; --log) {
                behind -= 32;
                uint256 r = Multilinear.get(behind, 0);
                uint256 constantPart = Ext.mulBase(1 + Ext.P_LANES - r, HALF);
                for (uint256 n = 0; n < 1 << (log - 1); ++n) {
                    uint256 inverse = mulmod(inverseElement(domain, first + 2 * n, logLeaves), HALF, Ext.P);
                    uint256 part = Ext.mulBase(r, inverse);
                    Multilinear.put(
                        values,
                        n,
                        Ext.mulAdd2(
                            Multilinear.get(values, 2 * n),
                            constantPart + part,
                            Multilinear.get(values, 2 * n + 1),
                            constantPart + Ext.P_LANES - part,
                            0
                        )
                    );
                }
                first >>= 1;
                --logLeaves;
            }
        }
    }

    /// @dev Positions to open: ascending, distinct. Makes room for what is at them.
    function positions(Channel memory channel, Queries memory queries, uint256 draws, uint256 logRows) private pure {
        unchecked {
            uint256 indices = Multilinear.allocate(draws);
            uint256 count;
            uint256 state;
            for (uint256 i = 0; i < draws; ++i) {
                state = i % 8 == 0 ? channel.advance() : state << 32;
                uint256 index = (state >> 224) & ((1 << logRows) - 1);
                // The first place whose index is not smaller.
                uint256 place = 0;
                for (uint256 end = count; place < end;) {
                    uint256 middle = (place + end) / 2;
                    if (Multilinear.get(indices, middle) < index) place = middle + 1;
                    else end = middle;
                }
                uint256 slot = indices + 32 * place;
                if (place < count) {
                    if (Multilinear.get(slot, 0) == index) continue;
                    Multilinear.copy(slot + 32, slot, count - place);
                }
                Multilinear.put(slot, 0, index);
                ++count;
            }
            queries.count = count;
            queries.indices = indices;
            queries.ys = Multilinear.allocate(count);
            queries.folds = Multilinear.allocate(count);
            for (uint256 j = 0; j < count; ++j) {
                Multilinear.put(queries.folds, j, 0);
            }
        }
    }

    /// @dev Products of roots of unity by four bits of an index each: bit `b` of a leaf's index stands for the root of order `2^(b + 1)`.
    function domainTable() private pure returns (uint256 table) {
        unchecked {
            table = Multilinear.allocate(96);
            uint256 to = table;
            uint256 roots;
            for (uint256 b = 0; b < 24; ++b) {
                if (b % 8 == 0) roots = b == 0 ? ROOTS_A : b == 8 ? ROOTS_B : ROOTS_C;
                if (b % 4 == 0) Multilinear.put(to, 0, 1);
                uint256 size = 32 << (b % 4);
                for (uint256 i = 0; i < size; i += 32) {
                    Multilinear.put(to + size, i / 32, mulmod(Multilinear.get(to, i / 32), roots >> 224, Ext.P));
                }
                roots <<= 32;
                if (b % 4 == 3) to += 512;
            }
        }
    }

    /// @dev `y` at a leaf, `g^bitrev(index)`.
    function domainElement(uint256 table, uint256 index) private pure returns (uint256 y) {
        uint256 p = Ext.P;
        assembly ("memory-safe") {
            y := 1
            for {} index { index := shr(4, index) } {
                y := mulmod(y, mload(add(table, shl(5, and(index, 15)))), p)
                table := add(table, 512)
            }
        }
    }

    /// @dev `1 / y` at a leaf: with `e` the exponent of `g`, `-e = 1 + ~e`.
    function inverseElement(uint256 table, uint256 index, uint256 logLeaves) private pure returns (uint256) {
        unchecked {
            uint256 size = 1 << logLeaves;
            // The generator is the domain's element at the index of the highest bit alone.
            return mulmod(domainElement(table, size >> 1), domainElement(table, (size - 1) & ~index), Ext.P);
        }
    }

    function checkLastWord(Queries memory queries, uint256 table, uint256 finalVariables) private pure {
        unchecked {
            (uint256 kernel, uint256 end) = Rows.tableOf(table, 1 << finalVariables);
            for (uint256 j = 0; j < queries.count; ++j) {
                uint256 value = Rows.evaluate(kernel, end, Multilinear.get(queries.ys, j));
                if (value != Multilinear.get(queries.folds, j)) revert LastWord();
            }
        }
    }

    /// @dev What later stages add to `W` at the point: `sum of b (powers of z + b (powers of y_0 + b (..)))`.
    function added(Stage[] memory stages, uint256 point, uint256 n) private pure returns (uint256 sum) {
        unchecked {
            // Tables of three variables each from the lowest on; they serve every stage.
            uint256 blocks = n / 3;
            uint256 tables = Multilinear.allocate(10 * (blocks + 1));
            for (uint256 k = 0; k < blocks; ++k) {
                (uint256 table, uint256 end) = Rows.tableOf(Multilinear.eqTable(point + 32 * (n - 3 * k - 3), 3), 8);
                Multilinear.copy(tables + Rows.STEP * k, table, (end - table) / 32);
            }
            for (uint256 i = 0; i < stages.length; ++i) {
                Stage memory stage = stages[i];
                uint256 left = n - stage.start;
                uint256 first = point + 32 * stage.start;
                // The highest variables, fewer than three: a table whose other entries are zeros.
                (uint256 topTable,) = Rows.tableOf(Multilinear.eqTable(first, left % 3), 1 << (left % 3));
                uint256 last = tables + Rows.STEP * (left / 3);
                uint256 total = 0;
                for (uint256 j = stage.queries.count; j > 0; --j) {
                    uint256 product = 1;
                    uint256 y = Multilinear.get(stage.queries.ys, j - 1);
                    for (uint256 table = tables; table < last; table += Rows.STEP) {
                        uint256 factor;
                        (factor, y) = Rows.powers(table, y);
                        product = product == 1 ? factor : Ext.mulNear(factor, product);
                    }
                    if (left % 3 > 0) {
                        (uint256 factor,) = Rows.powers(topTable, y);
                        product = Ext.mulNear(factor, product);
                    }
                    total = Ext.mulAddNear(stage.batch, total, product);
                }
                total = Ext.mulAddNear(stage.batch, total, Multilinear.powersEval(stage.z, first, left));
                sum = Ext.mulAdd(stage.batch, total, sum);
            }
        }
    }
}
