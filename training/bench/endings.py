"""King and queen, king and rook against a bare king that Stockfish leads: how often the network mates within the 50-move rule."""

import random

import chess

import players

DEFENDER_NODES = 500
MAX_PLIES = 200


def starts(piece, count, seed):
    """`count` legal positions, the strong side (White in every other one) to move, nobody in check, no piece to be lost at once."""
    rng = random.Random(f"{seed} {piece}")
    out = []
    while len(out) < count:
        strong = chess.WHITE if len(out) % 2 == 0 else chess.BLACK
        own, other, man = rng.sample(range(64), 3)
        board = chess.Board(None)
        board.set_piece_at(own, chess.Piece(chess.KING, strong))
        board.set_piece_at(other, chess.Piece(chess.KING, not strong))
        board.set_piece_at(man, chess.Piece(piece, strong))
        board.turn = not strong
        if board.is_check() or man in [move.to_square for move in board.legal_moves]:
            continue
        board.turn = strong
        if board.is_valid():
            out.append(board)
    return out


def play(board, strong, defender, game):
    """How a game ends: `mate`, `stalemate`, `piece lost`, `repetition`, `fifty moves`."""
    side = board.turn
    while len(board.move_stack) < MAX_PLIES:
        board.push((strong if board.turn == side else defender).move(board, game))
        if board.is_checkmate():
            return "mate"
        if board.is_stalemate():
            return "stalemate"
        if board.is_insufficient_material():
            return "piece lost"
        if board.is_repetition(3):
            return "repetition"
        if board.halfmove_clock >= 100:
            return "fifty moves"
    return "fifty moves"


def measure(args):
    """Outcomes per piece, and half-moves per mate."""
    strong, defender = players.network(args, players.STRONGEST), players.stockfish(args, DEFENDER_NODES)
    out = {"defender_nodes": DEFENDER_NODES}
    try:
        for name, piece in (("queen", chess.QUEEN), ("rook", chess.ROOK)):
            outcomes, plies = {}, []
            for number, board in enumerate(starts(piece, args.endings, args.seed)):
                outcome = play(board, strong, defender, f"{name} {number}")
                outcomes[outcome] = outcomes.get(outcome, 0) + 1
                if outcome == "mate":
                    plies.append(len(board.move_stack))
            mean = round(sum(plies) / len(plies), 1) if plies else None
            out[name] = {"starts": args.endings, "outcomes": outcomes, "mean_plies_to_mate": mean}
    finally:
        strong.close()
        defender.close()
    return out
