// SPDX-License-Identifier: GPL-3.0-or-later
pragma solidity 0.8.37;

import {IMoveVerifier} from "./interfaces/IMoveVerifier.sol";

/// @title Finds the verifier of a model, and stops one that is broken
/// @notice A model's verifier is registered once and never replaced. The owner may freeze it: no new games, running ones go on, so that nobody's game
/// can be taken from them. Anyone can stop it for good by showing two accepted proofs of different answers to one question: the network has only one.
contract VerifierRouter {
    enum Status {
        Unknown,
        Active,
        Frozen,
        Stopped
    }

    struct Route {
        IMoveVerifier verifier;
        Status status;
    }

    /// @notice The caller is not the owner.
    error NotOwner(address caller);
    /// @notice The caller is not the one whom the owner named as the next.
    error NotNextOwner(address caller);
    /// @notice A verifier for this model is registered already.
    error AlreadyRegistered(bytes32 modelDigest);
    /// @notice No verifier for this model.
    error UnknownModel(bytes32 modelDigest);
    /// @notice The model's verifier is not in a state in which this can be done.
    error WrongStatus(bytes32 modelDigest, Status status);
    /// @notice The statement is shorter than any statement, or its length is not that of its moves.
    error MalformedStatement(uint256 length);
    /// @notice The proof is empty and nobody attested the statement.
    error NotAttested(bytes32 statementHash);

    event Registered(bytes32 indexed modelDigest, IMoveVerifier verifier);
    event Frozen(bytes32 indexed modelDigest);
    event Attested(bytes32 indexed modelDigest, bytes32 indexed statementHash);
    event Stopped(bytes32 indexed modelDigest, bytes32 question, bytes32 firstAnswer, bytes32 secondAnswer);
    event OwnerNamed(address indexed nextOwner);
    event OwnerChanged(address indexed owner);

    /// @dev Bytes of a statement before the first move's position (docs/proof-format.md section 3): model, game, number of moves, level, flags.
    uint256 private constant HEADER = 68;
    /// @dev Bytes of a position.
    uint256 private constant POSITION = 42;
    /// @dev Flags of a statement.
    uint256 private constant VALUES = 1;
    uint256 private constant CONTENDERS = 2;

    /// @notice Who registers and freezes.
    address public owner;
    /// @notice Who may become the owner by accepting.
    address public nextOwner;
    /// @notice The verifier of each model.
    mapping(bytes32 modelDigest => Route) public routes;
    /// @notice Statements (their Keccak-256) whose proofs were verified here.
    mapping(bytes32 statementHash => bool) public attested;
    /// @notice The first proven answer to each question: a statement without its moves, values and contenders, hashed.
    mapping(bytes32 question => bytes32 answer) public answers;

    constructor(address firstOwner) {
        owner = firstOwner;
        emit OwnerChanged(firstOwner);
    }

    modifier onlyOwner() {
        if (msg.sender != owner) revert NotOwner(msg.sender);
        _;
    }

    /// @notice Names the next owner, who then has to accept.
    function nameOwner(address next) external onlyOwner {
        nextOwner = next;
        emit OwnerNamed(next);
    }

    /// @notice Becomes the owner.
    function acceptOwner() external {
        if (msg.sender != nextOwner) revert NotNextOwner(msg.sender);
        owner = msg.sender;
        nextOwner = address(0);
        emit OwnerChanged(msg.sender);
    }

    /// @notice Registers the verifier of a new model.
    function register(IMoveVerifier verifier) external onlyOwner {
        bytes32 modelDigest = verifier.modelDigest();
        if (routes[modelDigest].status != Status.Unknown) revert AlreadyRegistered(modelDigest);
        routes[modelDigest] = Route(verifier, Status.Active);
        emit Registered(modelDigest, verifier);
    }

    /// @notice Lets no new games begin with a model.
    function freeze(bytes32 modelDigest) external onlyOwner {
        Status status = routes[modelDigest].status;
        if (status != Status.Active) revert WrongStatus(modelDigest, status);
        routes[modelDigest].status = Status.Frozen;
        emit Frozen(modelDigest);
    }

    /// @notice Whether a game may begin with a model.
    function isActive(bytes32 modelDigest) external view returns (bool) {
        return routes[modelDigest].status == Status.Active;
    }

    /// @notice Whether a model's verifier was shown to be broken: none of its proofs count any more.
    function isStopped(bytes32 modelDigest) external view returns (bool) {
        return routes[modelDigest].status == Status.Stopped;
    }

    /// @notice Returns if the statement is proven: by `proof`, or, if that is empty, by an attestation. Reverts otherwise.
    function verify(bytes calldata statement, bytes calldata proof) external view {
        IMoveVerifier verifier = verifierOf(statement);
        if (proof.length == 0) {
            bytes32 statementHash = keccak256(statement);
            if (!attested[statementHash]) revert NotAttested(statementHash);
        } else {
            verifier.verify(statement, proof);
        }
    }

    /// @notice Verifies a proof and remembers its statement. Where another answer to the same question was proven before, the verifier is broken:
    /// it is stopped, and the statement is not attested.
    /// @param statement About any number of moves; a move in a batch is no answer to the question about it alone.
    function attest(bytes calldata statement, bytes calldata proof) external {
        IMoveVerifier verifier = verifierOf(statement);
        verifier.verify(statement, proof);
        bytes32 modelDigest = bytes32(statement[:32]);
        (bytes32 question, bytes32 answer) = split(statement);
        bytes32 known = answers[question];
        if (known == 0) {
            answers[question] = answer;
        } else if (known != answer) {
            routes[modelDigest].status = Status.Stopped;
            emit Stopped(modelDigest, question, known, answer);
            return;
        }
        bytes32 statementHash = keccak256(statement);
        attested[statementHash] = true;
        emit Attested(modelDigest, statementHash);
    }

    /// @dev The verifier of a statement's model, if its proofs count.
    function verifierOf(bytes calldata statement) private view returns (IMoveVerifier) {
        if (statement.length < HEADER + POSITION + 4) revert MalformedStatement(statement.length);
        bytes32 modelDigest = bytes32(statement[:32]);
        Route storage route = routes[modelDigest];
        Status status = route.status;
        if (status == Status.Unknown) revert UnknownModel(modelDigest);
        if (status == Status.Stopped) revert WrongStatus(modelDigest, status);
        return route.verifier;
    }

    /// @dev Hashes of a statement without, and with only, what the network answers: its moves, and the values if they are stated. Contenders
    /// help to prove an answer and are no part of the question.
    function split(bytes calldata statement) private pure returns (bytes32 question, bytes32 answer) {
        uint256 numMoves = uint16(bytes2(statement[64:66]));
        uint256 seed = statement[66] == 0x08 ? 0 : 32;
        uint256 flags = uint8(statement[67]);
        uint256 values = flags & VALUES == 0 ? 0 : 12;
        question = keccak256(statement[:HEADER]);
        uint256 cursor = HEADER;
        for (uint256 number = 0; number < numMoves; ++number) {
            uint256 list = cursor + POSITION;
            if (statement.length < list + 2) revert MalformedStatement(statement.length);
            uint256 choice = list + 2 + 2 * uint256(uint16(bytes2(statement[list:list + 2])));
            uint256 end = choice + 2 + seed + values;
            if (statement.length < end) revert MalformedStatement(statement.length);
            bytes calldata asked = statement[cursor:flags & CONTENDERS == 0 ? choice : list];
            question = keccak256(bytes.concat(question, asked, statement[choice + 2:choice + 2 + seed]));
            answer = keccak256(bytes.concat(answer, statement[choice:choice + 2], statement[choice + 2 + seed:end]));
            cursor = end;
        }
        if (numMoves == 0 || statement.length != cursor) revert MalformedStatement(statement.length);
    }
}
