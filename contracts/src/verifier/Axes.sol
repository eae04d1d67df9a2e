// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {Ext} from "./Ext.sol";
import {Key} from "./Keys.sol";
import {Multilinear} from "./Multilinear.sol";
import {Statement} from "./Statements.sol";

/// @notice The leaf point of the lookups cut into axes (`Taus` of engine-circuit/src/argument/columns.rs), and the tables that several arguments
/// need. All memory pointers.
struct Axes {
    /// @dev The leaf point and its number of variables.
    uint256 point;
    uint256 variables;
    uint256 channel;
    uint256 square;
    uint256 limb;
    /// @dev eq of the layer, `2^logLayers` entries.
    uint256 eqLayers;
    /// @dev eq of the group of head planes.
    uint256 eqGroups;
    uint256 eqMoves;
    uint256 eqSquares;
    /// @dev eq of each plane of the head at (group, channel).
    uint256 planes;
    /// @dev Sum of eq over the moves in use.
    uint256 moves;
    /// @dev Sum of eq over the head's planes.
    uint256 allPlanes;
}

/// @title Cuts the leaf point
library AxesOf {
    uint256 internal constant LOG_SQUARES = 6;
    uint256 internal constant HEAD_PLANES = 76;

    function cut(Key key, Statement memory statement, uint256 point) internal pure returns (Axes memory axes) {
        unchecked {
            uint256 logChannels = key.logChannels();
            uint256 logMoves = key.logMoves();
            uint256 logGroups = key.logHeadGroups();
            uint256 variables = key.logLeaves();
            axes.point = point;
            axes.variables = variables;
            axes.square = point + 32 * (variables - LOG_SQUARES);
            axes.channel = axes.square - 32 * logChannels;
            uint256 move = axes.channel - 32 * logMoves;
            // Above the moves: the layer, or the plane group with the limb above it.
            uint256 group = move - 32 * logGroups;
            axes.limb = group - 32;
            axes.eqLayers = Multilinear.eqTable(move - 32 * key.logLayers(), key.logLayers());
            axes.eqGroups = Multilinear.eqTable(group, logGroups);
            axes.eqMoves = Multilinear.eqTable(move, logMoves);
            axes.eqSquares = Multilinear.eqTable(axes.square, LOG_SQUARES);
            uint256 planePoint = Multilinear.allocate(logGroups + logChannels);
            Multilinear.copy(planePoint, group, logGroups);
            Multilinear.copy(planePoint + 32 * logGroups, axes.channel, logChannels);
            axes.planes = Multilinear.eqTable(planePoint, logGroups + logChannels);
            axes.moves = Ext.reduce(Multilinear.sumLazy(axes.eqMoves, statement.numMoves));
            axes.allPlanes = Ext.reduce(Multilinear.sumLazy(axes.planes, HEAD_PLANES));
        }
    }
}
