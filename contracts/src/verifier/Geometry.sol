// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Axes} from "./Axes.sol";
import {Ext} from "./Ext.sol";
import {Multilinear} from "./Multilinear.sol";
import {Policy} from "../libraries/Policy.sol";

/// @title The mask of statements with contenders before anything is taken off: every policy index that geometry allows
library Geometry {
    /// @notice `sum of eq(m)` over all geometric indices (1,858) at (group, channel, square).
    /// @dev A plane's from-squares are a range of ranks times one of files: where the step by so many stays on the board.
    function sum(Axes memory axes) internal pure returns (uint256 total) {
        unchecked {
            uint256 eqRanks = Multilinear.eqTable(axes.square, 3);
            uint256 ranks = ranges(eqRanks);
            uint256 files = ranges(Multilinear.eqTable(axes.square + 96, 3));
            // By the number of ranks of a step, plus seven.
            uint256[15] memory inner;
            for (uint256 plane = 0; plane < Policy.FIRST_UNDER_PROMOTION; ++plane) {
                (uint256 up, uint256 right) = Policy.step(plane);
                inner[up] += Ext.mulNear(Multilinear.get(axes.planes, plane), Multilinear.get(files, right));
            }
            for (uint256 up = 0; up < 15; ++up) {
                total = Ext.mulAdd(Multilinear.get(ranks, up), Ext.reduce(inner[up]), total);
            }
            uint256 promotions = 0;
            for (uint256 way = 0; way < 3; ++way) {
                uint256 planes = axes.planes + 32 * (Policy.FIRST_UNDER_PROMOTION + way);
                uint256 pieces = Multilinear.get(planes, 0) + Multilinear.get(planes, 3) + Multilinear.get(planes, 6);
                promotions = Ext.mulAdd(Multilinear.get(files, 6 + way), Ext.reduce(pieces), promotions);
            }
            total = Ext.mulAdd(Multilinear.get(eqRanks, 6), promotions, total);
        }
    }

    /// @dev Of a table of eight entries, for steps from -7 to 7, the sum of those from which the step ends among the eight.
    function ranges(uint256 table) private pure returns (uint256 sums) {
        unchecked {
            sums = Multilinear.allocate(15);
            uint256 below = 0;
            uint256 above = 0;
            for (uint256 i = 0; i < 8; ++i) {
                below += Multilinear.get(table, i);
                above += Multilinear.get(table, 7 - i);
                Multilinear.put(sums, 14 - i, Ext.reduce(below));
                Multilinear.put(sums, i, Ext.reduce(above));
            }
        }
    }
}
