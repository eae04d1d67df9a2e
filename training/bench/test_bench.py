"""Tests of the bench's arithmetic and players: `python -m unittest discover training/bench`."""

import gzip
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import chess
import numpy as np
import torch

import endings
import match
import players
import positions
import puzzles
import records

HEADER = "fen_before\topponent_move\tposition\tsolution\trating\tthemes\tlichess_id\n"


def knows(answers):
    """Logits of a player that knows moves by position: {board: move}."""
    table = {positions.record(board).tobytes()[:64]: positions.policy_index(move, board.turn) for board, move in answers}

    def logits(rows):
        policy = torch.zeros(len(rows), records.POLICY)
        for row, out in zip(rows, policy, strict=True):
            index = table.get(row.numpy().tobytes()[:64])
            if index is not None:
                out[index] = 1
        return policy, torch.zeros(len(rows), 3)

    return logits


class Puzzles(unittest.TestCase):
    def setUp(self):
        start = chess.Board("6k1/8/8/8/8/8/R7/1R4K1 b - - 0 1")
        self.boards = [start.copy()]
        for move in ("g8h8", "a2a7", "h8g8"):
            start.push_uci(move)
            self.boards.append(start.copy())
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "p.tsv.gz"
        line = f"{self.boards[0].fen()}\tg8h8\t{self.boards[1].fen()}\ta2a7 h8g8 b1b8\t1200\t\t\n"
        self.path.write_bytes(gzip.compress((HEADER + line).encode()))

    def tearDown(self):
        self.folder.cleanup()

    def solve(self, *moves):
        answers = zip((self.boards[1], self.boards[3]), (chess.Move.from_uci(move) for move in moves))
        return puzzles.solve(knows(list(answers)), self.path, 10, 1)["all"]

    def test_whole_line(self):
        self.assertEqual(self.solve("a2a7", "b1b8"), {"puzzles": 1, "first_move": 1.0, "whole_line": 1.0})

    def test_only_the_first_move(self):
        self.assertEqual(self.solve("a2a7", "b1b7"), {"puzzles": 1, "first_move": 1.0, "whole_line": 0.0})

    def test_wrong_first_move(self):
        self.assertEqual(self.solve("a2a6", "b1b8"), {"puzzles": 1, "first_move": 0.0, "whole_line": 0.0})

    def test_another_mate_counts(self):
        line = f"{self.boards[2].fen()}\th8g8\t{self.boards[3].fen()}\ta7a8\t900\t\t\n"
        self.path.write_bytes(gzip.compress((HEADER + line).encode()))
        out = puzzles.solve(knows([(self.boards[3], chess.Move.from_uci("b1b8"))]), self.path, 10, 1)
        self.assertEqual(out["bands"]["0-1000"], {"puzzles": 1, "first_move": 1.0, "whole_line": 1.0})


class Elo(unittest.TestCase):
    def fit(self, ratings, scores, pairs=None):
        pairs = np.arange(len(scores)) if pairs is None else np.array(pairs)
        return match.fit_elo(np.array(ratings, float), np.array(scores, float), pairs)

    def test_known_ratings(self):
        self.assertAlmostEqual(self.fit([1700] * 10, [1, 0] * 5)[0], 1700, places=3)
        self.assertAlmostEqual(self.fit([1350] * 4, [1, 1, 1, 0])[0], 1350 + 400 * np.log10(3), places=3)
        mixed = self.fit([1350, 1350, 2000, 2000], [1, 1, 0, 0])[0]
        self.assertAlmostEqual(mixed, 1675, places=3)

    def test_error_is_the_binomial_one_for_lone_games(self):
        n = 400
        elo, error = self.fit([1500] * n, [1, 0] * (n // 2))
        self.assertAlmostEqual(error, 1.96 * 400 / np.log(10) / np.sqrt(n * 0.25), places=3)
        self.assertGreater(self.fit([1500] * n, [1] * 200 + [0] * 200, np.repeat(np.arange(200), 2))[1], 1.4 * error)
        self.assertAlmostEqual(elo, 1500, places=3)

    def test_tally(self):
        self.assertEqual(
            match.tally([{"score": s} for s in (1.0, 1.0, 0.5, 0.0)]),
            {"games": 4, "wins": 2, "draws": 1, "losses": 1, "score": 0.625},
        )


class Games(unittest.TestCase):
    def test_draws_that_may_be_claimed_end_a_game(self):
        board = chess.Board()
        for move in "g1f3 g8f6 f3g1 f6g8 g1f3 g8f6 f3g1".split():
            self.assertIsNone(match.result(board))
            board.push_uci(move)
        board.push_uci("f6g8")
        self.assertEqual(match.result(board), "1/2-1/2")
        self.assertEqual(match.result(chess.Board("7k/8/8/8/8/8/8/K6R w - - 100 90")), "1/2-1/2")
        self.assertEqual(match.result(chess.Board("R6k/6pp/8/8/8/8/8/K7 b - - 0 1")), "1-0")

    def test_greedy_player(self):
        greedy = players.Greedy("1")
        mate = chess.Board("7k/6pp/8/8/6r1/4N3/8/R6K w - - 0 1")
        self.assertEqual(greedy.move(mate, 0).uci(), "a1a8")  # before the hanging rook
        queen = chess.Board("7k/5ppp/8/3q4/8/4N3/8/6K1 w - - 0 1")
        self.assertEqual(greedy.move(queen, 0).uci(), "e3d5")
        defended = chess.Board("7k/5ppp/4p3/3p4/8/1Q6/8/6K1 w - - 0 1")
        self.assertNotEqual(greedy.move(defended, 0).uci(), "b3d5")

    def test_starts_of_endings(self):
        for piece in (chess.QUEEN, chess.ROOK):
            boards = endings.starts(piece, 20, 1)
            self.assertEqual([b.fen() for b in boards], [b.fen() for b in endings.starts(piece, 20, 1)])
            self.assertEqual(sum(b.turn for b in boards), 10)
            self.assertTrue(all(b.is_valid() and len(b.pieces(piece, b.turn)) == 1 for b in boards))


if __name__ == "__main__":
    unittest.main()
