// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {ChessRules} from "./ChessRules.sol";
import {VerifierRouter} from "./VerifierRouter.sol";
import {Ending} from "./libraries/Rules.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Claim, Evidence, Games, Offer, Outcome, State} from "./types/Game.sol";
import {Move} from "./types/Move.sol";
import {Board, Meta, Positions} from "./types/Position.sol";

/// @title Games for stakes between a player and the operator of a proven network
/// @notice Moves are exchanged off chain: whoever moves signs the `State` after its move, and signs nothing that builds on a move it has not verified. A game that
/// ends in peace takes two transactions, `open` and `settle`. Otherwise a side puts the latest state up with `challenge` and the other has
/// `responseSeconds` to answer with a move, the operator with a proof that the move is the network's; no answer loses. A state that its own presenter has signed
/// past is thrown out with `refute`. Nobody but a game's two sides can lose or gain by it. All money leaves through `withdraw`.
contract Settlement {
    /// @dev What the side that did not present the state on chain is up against.
    enum Pending {
        Nothing,
        /// It has to move.
        Move,
        /// It can only show that the presenter has signed a later state; or else the game ends like this.
        PlayerWins,
        OperatorWins,
        Draw
    }

    /// @dev Life of a game.
    enum Status {
        None,
        Open,
        Final
    }

    /// @dev One slot. All zero for an offer that nobody took.
    struct Game {
        /// The player's part of every seed: 32 bytes with this in the low half.
        uint128 nonce;
        /// Last time to answer what is pending.
        uint40 deadline;
        /// Ply of the last state on chain.
        uint16 turn;
        /// Least ply that a side may present from now on: that of a state with which it was refuted.
        uint16 playerFloor;
        uint16 operatorFloor;
        Status status;
        Pending pending;
        bool presentedByPlayer;
        /// Whether the game went to dispute.
        bool disputed;
        /// Whether a bond is gone to the other side already.
        bool playerBondLost;
        bool operatorBondLost;
    }

    /// @notice The caller is neither of the game's sides, or not the one that may do this now.
    error WrongCaller(address caller);
    /// @notice The game is not in the state of life that this needs.
    error WrongStatus(bytes32 gameId, Status status);
    /// @notice The offer cannot be taken any more.
    error OfferExpired(uint40 expiry);
    /// @notice The offer is one that this contract does not accept: level, time to answer, or both sides the same.
    error UnacceptableOffer();
    /// @notice No game may begin with this model.
    error ModelNotActive(bytes32 modelDigest);
    /// @notice The value sent with the call must be exactly this.
    error WrongValue(uint256 expected, uint256 actual);
    /// @notice The account holds less here than is needed.
    error InsufficientBalance(address account, uint256 needed, uint256 held);
    /// @notice The state belongs to another game, or is neither the first position, nor the one on chain, nor signed by the other side.
    error UnfoundedState();
    /// @notice The state is older than what is on chain, or than what its presenter is known to have signed.
    error StaleState(uint256 ply, uint256 least);
    /// @notice The state is not the one on chain.
    error NotTheStateOnChain(bytes32 stateHash);
    /// @notice It is not this side's turn in the state.
    error WrongTurn();
    /// @notice Something is pending that has to be answered first.
    error AnswerPending(Pending pending);
    /// @notice Nothing is pending that this would answer.
    error NothingPending(Pending pending);
    /// @notice The time to answer is over.
    error DeadlinePassed(uint40 deadline);
    /// @notice The time to answer is not over.
    error DeadlineAhead(uint40 deadline);
    /// @notice The state does not end the game in the way claimed.
    error ClaimNotTrue(Claim claim);
    /// @notice The signed state does not show that the presented one is stale.
    error NotLater();
    /// @notice The seed chain's element does not hash to the head in the offer.
    error WrongSeedElement(uint256 number);
    /// @notice The verifier still works.
    error ModelNotStopped(bytes32 modelDigest);
    /// @notice Money sent to nobody would be lost.
    error WithdrawalToNobody();
    /// @notice The account did not take its money.
    error TransferFailed(address account);

    event Deposited(address indexed account, uint256 amount);
    event Withdrawn(address indexed account, address indexed to, uint256 amount);
    event Opened(bytes32 indexed gameId, address indexed operator, address indexed player, uint128 nonce);
    event Revoked(bytes32 indexed gameId);
    /// @dev All that the other side needs to answer.
    event Presented(bytes32 indexed gameId, State state, Pending pending, bool byPlayer, uint40 deadline);
    event Answered(bytes32 indexed gameId, State state, Move move, bytes32 seedElement);
    event Refuted(bytes32 indexed gameId, uint256 ply, bool byPlayer);
    event Finished(bytes32 indexed gameId, Outcome outcome);

    /// @notice Bounds of the time to answer.
    uint32 public constant MIN_RESPONSE_SECONDS = 60;
    uint32 public constant MAX_RESPONSE_SECONDS = 30 days;
    /// @notice Half-moves after which a game is drawn: what a game record holds.
    uint256 public constant MAX_PLIES = 2048;
    /// @dev Stands for no move: a1 to a1.
    Move private constant NO_MOVE = Move.wrap(0);
    bytes32 private constant DOMAIN_TYPEHASH =
        keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");

    /// @notice The rules of chess.
    ChessRules public immutable rules;
    /// @notice Where proofs are verified.
    VerifierRouter public immutable router;

    /// @notice Wei that an account can withdraw. An operator's stakes come out of it.
    mapping(address account => uint256) public balances;
    /// @notice Games by id.
    mapping(bytes32 gameId => Game) public games;
    /// @notice Hash (`Games.hash`) of a game's last state on chain, 0 if there is none.
    mapping(bytes32 gameId => bytes32) public stateOnChain;

    constructor(ChessRules rulesContract, VerifierRouter routerContract) {
        rules = rulesContract;
        router = routerContract;
    }

    // ---------------------------------------------------------------- money

    /// @notice Adds to the caller's balance.
    function deposit() external payable {
        balances[msg.sender] += msg.value;
        emit Deposited(msg.sender, msg.value);
    }

    /// @notice Sends money from the caller's balance.
    function withdraw(uint256 amount, address payable to) external {
        if (to == address(0)) revert WithdrawalToNobody();
        uint256 held = balances[msg.sender];
        if (amount > held) revert InsufficientBalance(msg.sender, amount, held);
        balances[msg.sender] = held - amount;
        emit Withdrawn(msg.sender, to, amount);
        (bool success,) = to.call{value: amount}("");
        if (!success) revert TransferFailed(to);
    }

    // ---------------------------------------------------------------- beginning and end in peace

    /// @notice Takes an offer; the value is the player's stake and bond, the operator's come out of its balance.
    /// @param signature The operator's on the offer.
    /// @param nonce Random; the player's part of every seed, chosen after the offer's `seedHead`.
    function open(Offer calldata offer, bytes calldata signature, uint128 nonce) external payable returns (bytes32 id) {
        id = gameId(offer);
        Game storage game = games[id];
        if (game.status != Status.None) revert WrongStatus(id, game.status);
        if (msg.sender != offer.player) revert WrongCaller(msg.sender);
        if (block.timestamp > offer.expiry) revert OfferExpired(offer.expiry);
        if (
            offer.level == 0 || offer.level > 7 || offer.responseSeconds < MIN_RESPONSE_SECONDS
                || offer.responseSeconds > MAX_RESPONSE_SECONDS || offer.operator == offer.player
        ) revert UnacceptableOffer();
        if (!router.isActive(offer.modelDigest)) revert ModelNotActive(offer.modelDigest);
        uint256 expected = uint256(offer.playerStake) + offer.bond;
        if (msg.value != expected) revert WrongValue(expected, msg.value);
        Signatures.check(offer.operator, id, signature);
        uint256 needed = uint256(offer.operatorStake) + offer.bond;
        uint256 held = balances[offer.operator];
        if (held < needed) revert InsufficientBalance(offer.operator, needed, held);
        balances[offer.operator] = held - needed;
        game.status = Status.Open;
        game.nonce = nonce;
        emit Opened(id, offer.operator, offer.player, nonce);
    }

    /// @notice Takes an offer back before it is taken.
    function revoke(Offer calldata offer) external {
        bytes32 id = gameId(offer);
        if (msg.sender != offer.operator) revert WrongCaller(msg.sender);
        if (games[id].status != Status.None) revert WrongStatus(id, games[id].status);
        games[id].status = Status.Final;
        emit Revoked(id);
    }

    /// @notice Ends a game as agreed: a win by the consent of the loser (mate or resignation), a draw by that of both.
    /// @param playerSignature The player's on the result; not read if the player calls or wins.
    /// @param operatorSignature The operator's; not read if the operator calls or wins.
    function settle(
        Offer calldata offer,
        Outcome outcome,
        bytes calldata playerSignature,
        bytes calldata operatorSignature
    ) external {
        (bytes32 id, Game storage game) = openGame(offer);
        bytes32 digest = typedData(Games.hash(id, outcome));
        if (outcome != Outcome.PlayerWins && msg.sender != offer.player) {
            Signatures.check(offer.player, digest, playerSignature);
        }
        if (outcome != Outcome.OperatorWins && msg.sender != offer.operator) {
            Signatures.check(offer.operator, digest, operatorSignature);
        }
        finish(id, offer, game, outcome);
    }

    // ---------------------------------------------------------------- dispute

    /// @notice Makes the other side move on chain.
    /// @param base The state to go on from: the first position, the state on chain, or one that the other side signed after its move.
    /// @param signature The other side's on `base`; not read if `base` is the first position or on chain.
    /// @param move The caller's move from `base` if it is the caller's turn there, else 0.
    /// @param evidence For a move of the operator's.
    /// @dev The value is the caller's bond if it lost it to a refutation, else nothing.
    function challenge(
        Offer calldata offer,
        State calldata base,
        bytes calldata signature,
        Move move,
        Evidence calldata evidence
    ) external payable {
        (, Game storage game) = openGame(offer);
        if (game.pending != Pending.Nothing) revert AnswerPending(game.pending);
        bool byPlayer = callerIsPlayer(offer);
        State memory state = stateFrom(offer, game, base, signature, move, evidence, byPlayer);
        if (playerToMove(offer, state) == byPlayer) revert WrongTurn();
        (bool over, Outcome outcome) = overByRules(offer, state);
        present(offer, game, state, over ? pendingEnd(outcome) : Pending.Move, byPlayer);
    }

    /// @notice Claims that the game is over. Ends it at once where the caller answers a challenge with it, otherwise unless the other side refutes it in time.
    /// @param base As for `challenge`; where the caller answers a challenge, the state on chain.
    /// @param move The caller's move from `base` that ends the game, or 0 if `base` is the end.
    /// @param positions For `Claim.Threefold` the keys (`Games.positionKey`) of the positions since the last capture or pawn move.
    function claimEnd(
        Offer calldata offer,
        State calldata base,
        bytes calldata signature,
        Move move,
        Evidence calldata evidence,
        Claim claim,
        bytes32[] calldata positions
    ) external payable {
        (bytes32 id, Game storage game) = openGame(offer);
        bool byPlayer = callerIsPlayer(offer);
        bool answers = game.pending == Pending.Move && byPlayer != game.presentedByPlayer;
        if (answers) {
            requireOnChain(id, base);
            if (Move.unwrap(move) != 0) revert WrongTurn();
        } else if (game.pending != Pending.Nothing) {
            revert AnswerPending(game.pending);
        }
        State memory state = stateFrom(offer, game, base, signature, move, evidence, byPlayer);
        Outcome outcome = Outcome.Draw;
        bool isTrue;
        if (claim == Claim.Rules) {
            (isTrue, outcome) = overByRules(offer, state);
        } else if (claim == Claim.Threefold) {
            isTrue = isThreefold(state, positions);
        } else if (claim == Claim.FiftyMoves) {
            isTrue = state.meta.halfmoves() >= 100;
        } else {
            isTrue = state.meta.ply() == 0 && game.turn == 0 && !answers;
        }
        if (!isTrue) revert ClaimNotTrue(claim);
        if (answers) {
            if (msg.value != 0) revert WrongValue(0, msg.value);
            inTime(game);
            finish(id, offer, game, outcome);
        } else {
            present(offer, game, state, pendingEnd(outcome), byPlayer);
        }
    }

    /// @notice Answers a challenge with a move. Ends the game if the move does.
    /// @param state The state on chain.
    /// @param evidence If the operator answers.
    function respond(Offer calldata offer, State calldata state, Move move, Evidence calldata evidence) external {
        (bytes32 id, Game storage game) = openGame(offer);
        if (game.pending != Pending.Move) revert NothingPending(game.pending);
        bool byPlayer = callerIsPlayer(offer);
        if (byPlayer == game.presentedByPlayer) revert WrongCaller(msg.sender);
        inTime(game);
        requireOnChain(id, state);
        State memory next = play(offer, game, state, move, evidence, byPlayer);
        game.pending = Pending.Nothing;
        game.deadline = 0;
        game.turn = uint16(next.meta.ply());
        stateOnChain[id] = Games.hash(next);
        emit Answered(id, next, move, evidence.seedElement);
        (bool over, Outcome outcome) = overByRules(offer, next);
        if (over) finish(id, offer, game, outcome);
    }

    /// @notice Throws out what is pending: the side that presented it has signed another state of that ply, or a later one. Its bond goes to the other side.
    /// @param state The later state.
    /// @param signature Of the side that presented the pending state, on `state`. Anyone may bring it.
    function refute(Offer calldata offer, State calldata state, bytes calldata signature) external {
        (bytes32 id, Game storage game) = openGame(offer);
        if (game.pending == Pending.Nothing) revert NothingPending(game.pending);
        inTime(game);
        bool byPlayer = game.presentedByPlayer;
        bytes32 hash = Games.hash(state);
        uint256 ply = state.meta.ply();
        if (
            state.gameId != id || playerToMove(offer, state) == byPlayer || ply < game.turn || ply == 0
                || hash == stateOnChain[id] || ply > MAX_PLIES
        ) revert NotLater();
        Signatures.check(byPlayer ? offer.player : offer.operator, typedData(hash), signature);
        game.pending = Pending.Nothing;
        game.deadline = 0;
        delete stateOnChain[id];
        if (byPlayer) {
            game.playerFloor = uint16(ply);
            game.playerBondLost = true;
            balances[offer.operator] += offer.bond;
        } else {
            game.operatorFloor = uint16(ply);
            game.operatorBondLost = true;
            balances[offer.player] += offer.bond;
        }
        emit Refuted(id, ply, byPlayer);
    }

    /// @notice Ends a game whose pending challenge or claim nobody answered in time. Where the operator cannot answer since the verifier is stopped, both get their
    /// stakes back.
    function claimTimeout(Offer calldata offer) external {
        (bytes32 id, Game storage game) = openGame(offer);
        Pending pending = game.pending;
        if (pending == Pending.Nothing) revert NothingPending(pending);
        if (block.timestamp <= game.deadline) revert DeadlineAhead(game.deadline);
        Outcome outcome;
        if (pending != Pending.Move) {
            outcome = Outcome(uint8(pending) - uint8(Pending.PlayerWins));
        } else if (!game.presentedByPlayer) {
            outcome = Outcome.OperatorWins;
        } else {
            outcome = router.isStopped(offer.modelDigest) ? Outcome.Draw : Outcome.PlayerWins;
        }
        finish(id, offer, game, outcome);
    }

    /// @notice Gives both sides their stakes back where the model's verifier was shown to be broken and no claimed end is pending.
    function refundStopped(Offer calldata offer) external {
        (bytes32 id, Game storage game) = openGame(offer);
        callerIsPlayer(offer);
        if (!router.isStopped(offer.modelDigest)) revert ModelNotStopped(offer.modelDigest);
        if (game.pending > Pending.Move) revert AnswerPending(game.pending);
        finish(id, offer, game, Outcome.Draw);
    }

    // ---------------------------------------------------------------- hashes

    /// @notice EIP-712 domain of offers, states and results. Holds the chain's id at the time of the call.
    function domainSeparator() public view returns (bytes32) {
        return keccak256(
            abi.encode(DOMAIN_TYPEHASH, keccak256("Fairmate Settlement"), keccak256("1"), block.chainid, address(this))
        );
    }

    /// @notice A game's id: what the operator signs of the offer. Different on every chain and for every contract.
    function gameId(Offer calldata offer) public view returns (bytes32) {
        return typedData(Games.hash(offer));
    }

    /// @notice The state before the first move.
    function firstState(bytes32 id) public pure returns (State memory) {
        return State(
            id,
            Positions.START_BOARD,
            Positions.START_META,
            Games.historyAfter(0, Positions.START_BOARD, Positions.START_META)
        );
    }

    /// @notice What a side signs after its move.
    function stateDigest(State calldata state) external view returns (bytes32) {
        return typedData(Games.hash(state));
    }

    /// @notice What a side signs to agree to a result.
    function resultDigest(bytes32 id, Outcome outcome) external view returns (bytes32) {
        return typedData(Games.hash(id, outcome));
    }

    // ---------------------------------------------------------------- steps

    function typedData(bytes32 structHash) private view returns (bytes32) {
        return keccak256(abi.encodePacked(hex"1901", domainSeparator(), structHash));
    }

    function openGame(Offer calldata offer) private view returns (bytes32 id, Game storage game) {
        id = gameId(offer);
        game = games[id];
        if (game.status != Status.Open) revert WrongStatus(id, game.status);
    }

    function callerIsPlayer(Offer calldata offer) private view returns (bool) {
        if (msg.sender == offer.player) return true;
        if (msg.sender == offer.operator) return false;
        revert WrongCaller(msg.sender);
    }

    function inTime(Game storage game) private view {
        if (block.timestamp > game.deadline) revert DeadlinePassed(game.deadline);
    }

    function requireOnChain(bytes32 id, State calldata state) private view {
        bytes32 hash = Games.hash(state);
        if (hash != stateOnChain[id]) revert NotTheStateOnChain(hash);
    }

    function playerToMove(Offer calldata offer, State memory state) private pure returns (bool) {
        return state.meta.blackToMove() != offer.playerIsWhite;
    }

    /// @dev The state that a side presents: a founded one, or that after its move from it.
    function stateFrom(
        Offer calldata offer,
        Game storage game,
        State calldata base,
        bytes calldata signature,
        Move move,
        Evidence calldata evidence,
        bool byPlayer
    ) private view returns (State memory) {
        bytes32 hash = Games.hash(base);
        bytes32 id = base.gameId;
        bool founded = id == gameId(offer);
        if (founded && base.meta.ply() == 0) {
            founded = hash == Games.hash(firstState(id));
        } else if (founded && hash != stateOnChain[id]) {
            // Whoever moved last has signed; a side's own signature founds nothing.
            founded = playerToMove(offer, base) == byPlayer && base.meta.ply() <= MAX_PLIES;
            if (founded) Signatures.check(byPlayer ? offer.operator : offer.player, typedData(hash), signature);
        }
        if (!founded) revert UnfoundedState();
        if (Move.unwrap(move) == Move.unwrap(NO_MOVE)) return base;
        return play(offer, game, base, move, evidence, byPlayer);
    }

    /// @dev The state after a side's move: legal, and of the operator the network's.
    function play(
        Offer calldata offer,
        Game storage game,
        State calldata state,
        Move move,
        Evidence calldata evidence,
        bool byPlayer
    ) private view returns (State memory next) {
        if (playerToMove(offer, state) != byPlayer) revert WrongTurn();
        (Board board, Meta meta) = rules.play(state.board, state.meta, move);
        if (!byPlayer) requireProof(offer, game.nonce, state, move, evidence);
        return State(state.gameId, board, meta, Games.historyAfter(state.history, board, meta));
    }

    /// @dev Builds the statement (docs/proof-format.md section 3) about the operator's move and has it verified.
    function requireProof(
        Offer calldata offer,
        uint128 nonce,
        State calldata state,
        Move move,
        Evidence calldata evidence
    ) private view {
        uint256 ply = state.meta.ply();
        // Each side moves every second ply.
        uint256 number = ply / 2 + 1;
        bytes32 link = evidence.seedElement;
        for (uint256 i = 0; i < number; ++i) {
            link = keccak256(abi.encode(link));
        }
        if (link != offer.seedHead) revert WrongSeedElement(number);
        bytes memory legalMoves = rules.legalMoves(state.board, state.meta);
        bytes memory statement = bytes.concat(
            abi.encodePacked(offer.modelDigest, state.gameId, uint16(1), offer.level, uint8(0)),
            Positions.statementBytes(state.board, state.meta),
            bytes2(uint16(legalMoves.length / 2)),
            legalMoves,
            bytes2(uint16(move.policyIndex(state.meta.blackToMove()))),
            keccak256(abi.encodePacked("fairmate seed 1", uint256(nonce), evidence.seedElement, uint32(ply)))
        );
        router.verify(statement, evidence.proof);
    }

    /// @dev Puts a state on chain and starts the time to answer.
    function present(Offer calldata offer, Game storage game, State memory state, Pending pending, bool byPlayer)
        private
    {
        uint256 ply = state.meta.ply();
        bytes32 hash = Games.hash(state);
        bytes32 onChain = stateOnChain[state.gameId];
        uint256 least = byPlayer ? game.playerFloor : game.operatorFloor;
        if (ply < least) revert StaleState(ply, least);
        // Something newer than what is on chain, or that itself; or the first position while nothing is.
        if (ply <= game.turn && hash != onChain && (game.turn != 0 || onChain != 0)) revert StaleState(ply, game.turn);
        bool bondLost = byPlayer ? game.playerBondLost : game.operatorBondLost;
        uint256 expected = bondLost ? offer.bond : 0;
        if (msg.value != expected) revert WrongValue(expected, msg.value);
        if (bondLost) {
            if (byPlayer) game.playerBondLost = false;
            else game.operatorBondLost = false;
        }
        uint40 deadline = uint40(block.timestamp) + offer.responseSeconds;
        game.pending = pending;
        game.presentedByPlayer = byPlayer;
        game.disputed = true;
        game.turn = uint16(ply);
        game.deadline = deadline;
        stateOnChain[state.gameId] = hash;
        emit Presented(state.gameId, state, pending, byPlayer, deadline);
    }

    function pendingEnd(Outcome outcome) private pure returns (Pending) {
        return Pending(uint8(outcome) + uint8(Pending.PlayerWins));
    }

    /// @dev Whether the rules alone end the game in a state, and how.
    function overByRules(Offer calldata offer, State memory state) private view returns (bool over, Outcome outcome) {
        Ending ending = rules.ending(state.board, state.meta);
        if (ending == Ending.Checkmate) {
            return (true, playerToMove(offer, state) ? Outcome.OperatorWins : Outcome.PlayerWins);
        }
        return (ending != Ending.None || state.meta.ply() >= MAX_PLIES, Outcome.Draw);
    }

    /// @dev Whether the hash chain of the positions ends in the state's history and the last of them stands there for the third time.
    function isThreefold(State memory state, bytes32[] calldata positions) private pure returns (bool) {
        bytes32 current = Games.positionKey(state.board, state.meta);
        bytes32 history;
        uint256 occurrences;
        for (uint256 i = 0; i < positions.length; ++i) {
            history = keccak256(abi.encode(history, positions[i]));
            if (positions[i] == current) ++occurrences;
        }
        return history == state.history && occurrences >= 3;
    }

    /// @dev Pays both sides into their balances; nothing of the game is left but that it is final.
    function finish(bytes32 id, Offer calldata offer, Game storage game, Outcome outcome) private {
        uint256 toPlayer = outcome == Outcome.OperatorWins ? 0 : offer.playerStake;
        uint256 toOperator = outcome == Outcome.PlayerWins ? 0 : offer.operatorStake;
        if (outcome == Outcome.PlayerWins) toPlayer += offer.operatorStake;
        if (outcome == Outcome.OperatorWins) toOperator += offer.playerStake;
        // Bonds that are still here: each its own, but a loser's in a dispute to the winner.
        if (!game.playerBondLost) {
            if (game.disputed && outcome == Outcome.OperatorWins) toOperator += offer.bond;
            else toPlayer += offer.bond;
        }
        if (!game.operatorBondLost) {
            if (game.disputed && outcome == Outcome.PlayerWins) toPlayer += offer.bond;
            else toOperator += offer.bond;
        }
        delete games[id];
        games[id].status = Status.Final;
        delete stateOnChain[id];
        balances[offer.player] += toPlayer;
        balances[offer.operator] += toOperator;
        emit Finished(id, outcome);
    }
}
