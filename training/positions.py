"""python-chess boards to records, for evaluation only (training data comes from `training/prepare`).

A second implementation of docs/network.md sections 1 and 2, checked against the first by `check_against`."""

import chess
import numpy as np

import records

_KNIGHT = [(2, 1), (1, 2), (-1, 2), (-2, 1), (-2, -1), (-1, -2), (1, -2), (2, -1)]
_RAY = [(1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1)]


def _seen(square, white):
    return square if white else square ^ 56


def policy_index(move, white):
    """Policy index of a legal move of the side `white`."""
    start, end = _seen(move.from_square, white), _seen(move.to_square, white)
    step = (end // 8 - start // 8, end % 8 - start % 8)
    if move.promotion not in (None, chess.QUEEN):
        plane = 64 + 3 * (move.promotion - chess.KNIGHT) + step[1] + 1
    elif step in _KNIGHT:
        plane = 56 + _KNIGHT.index(step)
    else:
        n = max(abs(step[0]), abs(step[1]))
        plane = 7 * _RAY.index((step[0] // n, step[1] // n)) + n - 1
    return plane * 64 + start


def record(board):
    """One record (no labels), shape (1,); the last move is the top of the board's move stack."""
    white = board.turn
    out = np.zeros(1, dtype=records.RECORD)
    for square, piece in board.piece_map().items():
        out["pieces"][0, _seen(square, white)] = piece.piece_type + (0 if piece.color == white else 6)
    for k, (color, side) in enumerate((c, s) for c in (white, not white) for s in (0, 1)):
        has = board.has_queenside_castling_rights(color) if side else board.has_kingside_castling_rights(color)
        out["castling"] |= np.uint8(has << k)
    out["ep"] = _seen(board.ep_square, white) if board.has_legal_en_passant() else 255
    out["halfmove"] = min(board.halfmove_clock, 127)
    last = board.peek() if board.move_stack else None
    out["last_from"] = _seen(last.from_square, white) if last else 255
    out["last_to"] = _seen(last.to_square, white) if last else 255
    return out


def legal_bitmap(board):
    """Bitmap of the legal policy indices, u8 (1, 584)."""
    bits = np.zeros((1, records.POLICY), dtype=np.uint8)
    for move in board.legal_moves:
        bits[0, policy_index(move, board.turn)] = 1
    return np.packbits(bits, axis=1, bitorder="little")


def board_of(row):
    """A board with White to move that has the record `row`'s planes."""
    board = chess.Board(None)
    for square, code in enumerate(row["pieces"]):
        if code:
            board.set_piece_at(square, chess.Piece((int(code) - 1) % 6 + 1, int(code) <= 6))
    rights = "".join(name for k, name in enumerate("KQkq") if row["castling"] >> k & 1)
    board.set_castling_fen(rights or "-")
    board.ep_square = int(row["ep"]) if row["ep"] < 64 else None
    board.halfmove_clock = int(row["halfmove"])
    return board


def check_against(val, legal, count=2000):
    """Rebuilds `count` validation positions here and compares planes (without the last move) and legal indices with what
    the preparer wrote; returns the number compared."""
    chosen = np.linspace(0, len(val) - 1, count).astype(int)
    for row, bitmap in zip(val[chosen], legal[chosen], strict=True):
        board = board_of(row)
        again = record(board)[0]
        for name in ("pieces", "castling", "ep", "halfmove"):
            assert np.array_equal(again[name], row[name]), (name, board.fen())
        assert np.array_equal(legal_bitmap(board)[0], bitmap), board.fen()
    return count
