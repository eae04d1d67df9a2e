"""Players of the bench's games: UCI engines, random moves, a greedy player."""

import hashlib
import random

import chess
import chess.engine

VALUES = {chess.PAWN: 1, chess.KNIGHT: 3, chess.BISHOP: 3, chess.ROOK: 5, chess.QUEEN: 9, chess.KING: 0}
STRONGEST = 8  # level without noise
PATIENCE = 120  # seconds without an answer before an engine counts as dead


class Engine:
    """A UCI engine under `limit`, with `options`."""

    def __init__(self, command, limit, options):
        self.engine = chess.engine.SimpleEngine.popen_uci(command, timeout=PATIENCE)
        self.engine.configure(options)
        self.limit = limit

    def move(self, board, game):
        """The engine's move; `game` tells games apart."""
        return self.engine.play(board, self.limit, game=game).move

    def close(self):
        self.engine.close()


class Random:
    """Random legal moves."""

    def __init__(self, seed):
        self.rng = random.Random(seed)

    def move(self, board, game):
        return self.rng.choice(list(board.legal_moves))

    def close(self):
        pass


class Greedy(Random):
    """Mates in one, else takes what wins most: the piece taken, less the own one where the square is defended; random among
    equals."""

    def move(self, board, game):
        best, moves = None, []
        for move in board.legal_moves:
            gain = self.gain(board, move)
            if best is None or gain > best:
                best, moves = gain, []
            if gain == best:
                moves.append(move)
        return self.rng.choice(moves)

    @staticmethod
    def gain(board, move):
        taken = chess.PAWN if board.is_en_passant(move) else board.piece_type_at(move.to_square)
        gain = VALUES[taken] if taken else 0
        if move.promotion:
            gain += VALUES[move.promotion] - 1
        moved = VALUES[move.promotion or board.piece_type_at(move.from_square)]
        board.push(move)
        if board.is_checkmate():
            gain = 1000
        elif board.is_attacked_by(board.turn, move.to_square):
            gain -= moved
        board.pop()
        return gain


def network(args, level, seed="", model=None):
    """The network under test (or `model`) at a level; a random level gets its seed from `args.seed` and `seed`."""
    command = [str(args.engine), "uci", "--model", str(model or args.model)]
    digest = hashlib.sha256(f"{args.seed} {seed}".encode()).hexdigest()
    options = {"Level": level, "Seed": digest} if level != STRONGEST else {}
    return Engine(command, chess.engine.Limit(nodes=1), options)


def stockfish(args, nodes, elo=None):
    """Stockfish at fixed nodes, of full strength or limited."""
    options = {"Threads": 1, "Hash": 16} | ({"UCI_LimitStrength": True, "UCI_Elo": elo} if elo else {})
    return Engine(str(args.stockfish), chess.engine.Limit(nodes=nodes), options)
