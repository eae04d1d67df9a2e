"""Matches through UCI from a book, each opening with both colours, and the Elo fitted to them.

The scale: Stockfish 15.1 with UCI_LimitStrength and UCI_Elo 1350, 1700, 2000 at 2,000, 4,000, 8,000 nodes has these ratings by
definition.
"""

import json
import random
import re
import zipfile
from concurrent.futures import ProcessPoolExecutor, as_completed

import chess
import numpy as np

import players

ANCHORS = [(1350, 2000), (1700, 4000), (2000, 8000)]  # UCI_Elo, nodes
MAX_PLIES = 400  # a longer game is drawn


def openings(book, count, seed):
    """`count` different lines of a PGN book as UCI moves."""
    with zipfile.ZipFile(book) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    lines = [block for block in re.split(r"\r?\n\r?\n", text) if block.lstrip()[:2] == "1."]
    out = []
    for line in random.Random(seed).sample(lines, count):
        board = chess.Board()
        for word in re.sub(r"\d+\.+|1-0|0-1|1/2-1/2|\*|\{[^}]*\}", " ", line).split():
            board.push_san(word)
        out.append([move.uci() for move in board.move_stack])
    return out


def result(board):
    """'1-0', '0-1', '1/2-1/2' or None; draws that a player may claim count."""
    if board.is_checkmate():
        return "0-1" if board.turn == chess.WHITE else "1-0"
    drawn = board.is_stalemate() or board.is_insufficient_material() or board.halfmove_clock >= 100 or board.is_repetition(3)
    return "1/2-1/2" if drawn or len(board.move_stack) >= MAX_PLIES else None


def both(name, args, game):
    """The network and its opponent: `stockfish-ELO`, `random`, `greedy`, `model-PATH`, or `level-K`, against which level K - 1
    plays."""
    if name.startswith("level-"):
        level = int(name.split("-")[1])
        return players.network(args, level - 1, f"{game} weaker"), players.network(args, level, f"{game} stronger")
    return players.network(args, args.level, game), opponent(name, args, game)


def opponent(name, args, game):
    """A player that is not the network."""
    if name.startswith("model-"):
        return players.network(args, players.STRONGEST, model=name.removeprefix("model-"))
    if name.startswith("stockfish-"):
        elo = int(name.split("-")[1])
        return players.stockfish(args, dict(ANCHORS)[elo], elo)
    return {"random": players.Random, "greedy": players.Greedy}[name](f"{args.seed} {name} {game}")


def play(args, name, number, opening, white):
    """One game, the network White or not; a line of games.jsonl."""
    own, other = both(name, args, f"{number} {white}")
    try:
        board = chess.Board()
        for move in opening:
            board.push_uci(move)
        game = object()
        while result(board) is None:
            board.push((own if board.turn == white else other).move(board, game))
    finally:
        own.close()
        other.close()
    score = {"1-0": 1.0, "1/2-1/2": 0.5, "0-1": 0.0}[result(board)]
    return {
        "opponent": name,
        "number": number,
        "white": white,
        "score": score if white else 1 - score,
        "plies": len(board.move_stack),
        "moves": " ".join(move.uci() for move in board.move_stack),
        "book_plies": len(opening),
    }


def games(args, names, count):
    """`count` games against each of `names`, those of an earlier run taken from games.jsonl."""
    path = args.out / "games.jsonl"
    done = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    have = {(game["opponent"], game["number"], game["white"]) for game in done}
    lines = openings(args.book, (count + 1) // 2, args.seed)
    todo = [
        (name, n // 2, lines[n // 2], n % 2 == 0) for n in range(count) for name in names if (name, n // 2, n % 2 == 0) not in have
    ]
    with ProcessPoolExecutor(args.workers) as pool, open(path, "a") as log:
        for future in as_completed([pool.submit(play, args, *one) for one in todo]):
            done.append(future.result())
            log.write(json.dumps(done[-1]) + "\n")
            log.flush()
    return [game for game in done if game["opponent"] in names and 2 * game["number"] + (not game["white"]) < count]


def tally(played):
    """Wins, draws, losses and mean score."""
    scores = [game["score"] for game in played]
    wins, losses = scores.count(1.0), scores.count(0.0)
    return {"games": len(scores), "wins": wins, "draws": len(scores) - wins - losses, "losses": losses, "score": round(float(np.mean(scores)), 4)}


def expected(rating, opponents):
    return 1 / (1 + 10 ** ((opponents - rating) / 400))


def fit_elo(ratings, scores, pairs):
    """Rating whose expected total is the total scored, and half its 95 % interval (normal; the games of one opening counted as
    one observation). Arrays of one entry a game."""
    low, high = -2000.0, 6000.0
    for _ in range(60):
        middle = (low + high) / 2
        if expected(middle, ratings).sum() < scores.sum():
            low = middle
        else:
            high = middle
    share = expected(low, ratings)
    residuals = np.bincount(pairs, weights=scores - share)
    slope = np.log(10) / 400 * (share * (1 - share)).sum()
    return low, 1.96 * float(np.sqrt((residuals**2).sum())) / max(slope, 1e-9)


def fit_games(played, rating):
    """`fit_elo` of games against opponents whose ratings `rating` gives by name."""
    ratings = np.array([float(rating(game["opponent"])) for game in played])
    scores = np.array([game["score"] for game in played])
    pairs = np.unique([f"{game['opponent']} {game['number']}" for game in played], return_inverse=True)[1]
    return fit_elo(ratings, scores, pairs)


def gauntlet(args):
    """Results against the three strengths of Stockfish and the fitted Elo."""
    each = args.games // len(ANCHORS)
    played = games(args, [f"stockfish-{elo}" for elo, _ in ANCHORS], each)
    elo, error = fit_games(played, lambda name: name.split("-")[1])
    out = {"elo": round(elo, 1), "error_95": round(error, 1), "games": len(played)}
    out["too_long"] = sum(game["plies"] >= MAX_PLIES for game in played)
    out["opponents"] = {
        str(rating): tally([game for game in played if game["opponent"] == f"stockfish-{rating}"]) for rating, _ in ANCHORS
    }
    return out


def baselines(args):
    """Results against random moves and the greedy player."""
    return {name: tally(games(args, [name], args.baseline_games)) for name in ("random", "greedy")}


def levels(args, elo, error):
    """Each level's Elo from games against the next stronger one, beginning at the strongest, whose Elo is given; half 95 %
    intervals, those of the steps and of the strongest added in quadrature."""
    out = {str(players.STRONGEST): {"elo": elo, "error_95": error}}
    for level in range(players.STRONGEST, 1, -1):
        played = games(args, [f"level-{level}"], args.level_games)
        weaker, step = fit_games(played, lambda _: elo)
        elo, error = round(weaker, 1), round(float(np.hypot(error, step)), 1)
        out[str(level - 1)] = {"elo": elo, "error_95": error, "against_next": tally(played)}
    return out
