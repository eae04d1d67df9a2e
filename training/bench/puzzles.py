"""Lichess puzzles: the first move and the whole line, by rating band. Any mate counts as the solution's last move, as there."""

import gzip
import random

import chess
import numpy as np

import positions
import records
from evaluate import best_moves

BANDS = [(0, 1000), (1000, 1400), (1400, 1800), (1800, 2200), (2200, 4000)]
BATCH = 250


def load(path, count, seed):
    """`count` puzzles drawn by `seed`: (board before the solver's first move, solution, rating)."""
    lines = gzip.open(path, "rt").read().splitlines()
    header, rows = lines[0].split("\t"), [line.split("\t") for line in lines[1:]]
    rows = [dict(zip(header, row)) for row in random.Random(seed).sample(rows, min(count, len(rows)))]
    out = []
    for row in rows:
        board = chess.Board(row["fen_before"])
        board.push_uci(row["opponent_move"])
        out.append((board, [chess.Move.from_uci(move) for move in row["solution"].split()], int(row["rating"])))
    return out


def choose(logits, boards):
    """The network's moves on `boards`."""
    out = []
    for at in range(0, len(boards), BATCH):
        part = boards[at : at + BATCH]
        rows = records.raw(np.concatenate([positions.record(board) for board in part]))
        bitmaps = np.concatenate([positions.legal_bitmap(board) for board in part])
        for board, index in zip(part, best_moves(logits(rows)[0], bitmaps).tolist(), strict=True):
            out.append(next(m for m in board.legal_moves if positions.policy_index(m, board.turn) == index))
    return out


def solve(logits, path, count, seed):
    """Share of puzzles solved per rating band and in all."""
    todo = load(path, count, seed)
    first, whole, ply = [False] * len(todo), [False] * len(todo), 0
    alive = list(range(len(todo)))
    while alive:
        moves, rest = choose(logits, [todo[k][0] for k in alive]), []
        for k, move in zip(alive, moves, strict=True):
            board, solution, _ = todo[k]
            right = move == solution[ply]
            board.push(move)
            if right or board.is_checkmate():
                first[k] = first[k] or ply == 0
                if ply + 2 >= len(solution) or board.is_checkmate():
                    whole[k] = True
                else:
                    board.push(solution[ply + 1])
                    rest.append(k)
        alive, ply = rest, ply + 2
    ratings = np.array([rating for _, _, rating in todo])
    first, whole = np.array(first), np.array(whole)

    def figures(chosen):
        share = lambda solved: round(float(solved[chosen].mean()), 4) if chosen.any() else None
        return {"puzzles": int(chosen.sum()), "first_move": share(first), "whole_line": share(whole)}

    bands = {f"{low}-{high}": figures((ratings >= low) & (ratings < high)) for low, high in BANDS}
    return {"all": figures(ratings > 0), "bands": bands}
