// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {ChessRules} from "../src/ChessRules.sol";
import {Settlement} from "../src/Settlement.sol";
import {VerifierRouter} from "../src/VerifierRouter.sol";
import {IMoveVerifier} from "../src/interfaces/IMoveVerifier.sol";
import {Evidence, Games, Offer, Outcome, State} from "../src/types/Game.sol";
import {Move} from "../src/types/Move.sol";
import {Board, Meta} from "../src/types/Position.sol";
import {Notation} from "./Notation.sol";
import {Test} from "./Test.sol";

/// @notice Stands in for a verifier where the proof itself is not what a test is about: the only proof of a statement is its hash. So a test that passes shows that
/// the settlement asked about exactly that statement.
contract HashVerifier is IMoveVerifier {
    error NotTheStatementsHash();

    bytes32 public immutable modelDigest;

    constructor(bytes32 digest) {
        modelDigest = digest;
    }

    function verify(bytes calldata statement, bytes calldata proof) external pure {
        if (keccak256(statement) != bytes32(proof)) revert NotTheStatementsHash();
    }
}

/// @title A settlement with a player and an operator, and games as both would play them off chain
abstract contract SettlementBase is Test {
    bytes32 internal constant MODEL = keccak256("a model");
    bytes32 internal constant LAST_ELEMENT = keccak256("the end of a seed chain");
    uint256 internal constant CHAIN_LENGTH = 60;
    uint128 internal constant NONCE = 0xc0ffee;
    uint256 internal constant PLAYER_KEY = 0xa11ce;
    uint256 internal constant OPERATOR_KEY = 0x0b0b;
    uint256 internal constant STRANGER_KEY = 0x5712;

    address internal player = vm.addr(PLAYER_KEY);
    address internal operator = vm.addr(OPERATOR_KEY);
    address internal stranger = vm.addr(STRANGER_KEY);
    ChessRules internal rules = new ChessRules();
    VerifierRouter internal router = new VerifierRouter(address(this));
    Settlement internal settlement = new Settlement(rules, router);
    Offer internal offer;
    bytes32 internal id;

    function setUp() public virtual {
        router.register(new HashVerifier(MODEL));
        vm.warp(1_800_000_000);
        vm.deal(player, 100 ether);
        vm.deal(operator, 100 ether);
        vm.deal(stranger, 100 ether);
        vm.prank(operator);
        settlement.deposit{value: 50 ether}();
        offer = Offer({
            operator: operator,
            player: player,
            modelDigest: MODEL,
            seedHead: element(0),
            playerStake: 1 ether,
            operatorStake: 2 ether,
            bond: 0.1 ether,
            responseSeconds: 3600,
            expiry: uint40(block.timestamp + 600),
            level: 4,
            playerIsWhite: true,
            salt: bytes32(uint256(1))
        });
        id = settlement.gameId(offer);
    }

    /// @notice Element `number` of the operator's seed chain.
    function element(uint256 number) internal pure returns (bytes32 link) {
        link = LAST_ELEMENT;
        for (; number < CHAIN_LENGTH; ++number) {
            link = keccak256(abi.encode(link));
        }
    }

    function sign(uint256 key, bytes32 digest) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function signState(uint256 key, State memory state) internal view returns (bytes memory) {
        return sign(key, settlement.stateDigest(state));
    }

    function signResult(uint256 key, Outcome outcome) internal view returns (bytes memory) {
        return sign(key, settlement.resultDigest(id, outcome));
    }

    function open() internal {
        id = settlement.gameId(offer);
        bytes memory signature = sign(OPERATOR_KEY, id);
        vm.prank(player);
        settlement.open{value: uint256(offer.playerStake) + offer.bond}(offer, signature, NONCE);
    }

    function first() internal view returns (State memory) {
        return settlement.firstState(id);
    }

    /// @notice The state after a move, as each side computes it off chain.
    function next(State memory state, string memory move) internal view returns (State memory) {
        (Board board, Meta meta) = rules.play(state.board, state.meta, Notation.uci(move));
        return State(state.gameId, board, meta, Games.historyAfter(state.history, board, meta));
    }

    /// @notice The state after moves of four letters, a space between.
    function line(State memory state, string memory moves) internal view returns (State memory) {
        bytes memory text = bytes(moves);
        for (uint256 i = 0; i < text.length; i += 5) {
            state = next(state, string(abi.encodePacked(text[i], text[i + 1], text[i + 2], text[i + 3])));
        }
        return state;
    }

    /// @notice Evidence for the operator's move: the element, and the proof that `HashVerifier` takes for it.
    function evidence(State memory state, string memory move) internal view returns (Evidence memory) {
        return evidenceFor(state, Notation.uci(move));
    }

    /// @notice The same of a move word.
    function evidenceFor(State memory state, Move move) internal view returns (Evidence memory) {
        bytes32 link = element(state.meta.ply() / 2 + 1);
        return Evidence(link, abi.encodePacked(keccak256(statementOf(state, move, link))));
    }

    /// @notice The statement about a move, written down a second time after docs/proof-format.md section 3.
    function statement(State memory state, string memory move, bytes32 link) internal view returns (bytes memory) {
        return statementOf(state, Notation.uci(move), link);
    }

    /// @notice The same of a move word.
    function statementOf(State memory state, Move move, bytes32 link) internal view returns (bytes memory) {
        bytes memory legal = rules.legalMoves(state.board, state.meta);
        uint256 ply = state.meta.ply();
        return abi.encodePacked(
            abi.encodePacked(MODEL, id, hex"0001", offer.level, hex"00"),
            rules.statementBytes(state.board, state.meta),
            uint16(legal.length / 2),
            legal,
            uint16(rules.policyIndex(state.meta, move)),
            keccak256(abi.encodePacked("fairmate seed 1", bytes32(uint256(NONCE)), link, uint32(ply)))
        );
    }

    function nothing() internal pure returns (Evidence memory evidence_) {}

    /// @notice The player presents the operator's signed state with a move of its own.
    function challengeByPlayer(State memory base, string memory move) internal {
        bytes memory signature = base.meta.ply() == 0 ? bytes("") : signState(OPERATOR_KEY, base);
        vm.prank(player);
        settlement.challenge(offer, base, signature, Notation.uci(move), nothing());
    }

    function assertFinal(uint256 playerGets, uint256 operatorGets) internal view {
        (,,,,, Settlement.Status status,,,,,) = settlement.games(id);
        vm.assertEq(uint256(status), uint256(Settlement.Status.Final), "status");
        vm.assertEq(settlement.balances(player), playerGets, "the player's balance");
        vm.assertEq(settlement.balances(operator), operatorGets, "the operator's balance");
        vm.assertEq(address(settlement).balance, playerGets + operatorGets, "all money is somebody's");
        vm.assertTrue(settlement.stateOnChain(id) == 0, "no state after the end");
    }
}
