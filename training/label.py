"""The network's own games, labelled by Stockfish as `sf_labelled_games.tsv.zst` is: what it must unlearn is its own mistakes.

    python training/label.py --model X.model --engine ENGINE --stockfish /usr/games/stockfish --book 8moves_v3.pgn.zip \\
        --games 1000 --out own.tsv

Both sides are the network, each game at a level of 3 to 8 drawn by the seed, so that games differ. A line a game: start FEN,
result, plies `PLAYED:BEST=SCORE,...` with up to four moves of Stockfish (MultiPV 4) and their scores in centipawns for the side
to move, `#n` a mate. Games are appended in order; run again, it goes on where it was. `training/prepare` takes the file beside
the others.
"""

import argparse
import random
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import chess
import chess.engine

sys.path.insert(0, str(Path(__file__).resolve().parent / "bench"))

import match
import players

LABELS = 4


def score_text(score):
    """Centipawns, or `#n`."""
    return f"#{score.mate()}" if score.is_mate() else str(score.score())


def labels(infos):
    """`BEST=SCORE,...` of an analysis, the best move first."""
    return ",".join(f"{info['pv'][0].uci()}={score_text(info['score'].relative)}" for info in infos if info.get("pv"))


def one(args, number, opening):
    """One game's line."""
    own = players.network(args, random.Random(f"{args.seed} {number}").randint(3, players.STRONGEST), number)
    judge = players.stockfish(args, args.nodes)
    board = chess.Board()
    for move in opening:
        board.push_uci(move)
    board = chess.Board(board.fen())
    start, plies = board.fen(), []
    try:
        while match.result(board) is None:
            move = own.move(board, number)
            infos = judge.engine.analyse(board, judge.limit, multipv=LABELS, game=number)
            plies.append(f"{move.uci()}:{labels(infos)}")
            board.push(move)
    finally:
        own.close()
        judge.close()
    return f"{start}\t{match.result(board)}\t{' '.join(plies)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("--model", "--engine", "--stockfish", "--book", "--out"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--games", type=int, default=1000, help="in all, those of earlier runs counted")
    parser.add_argument("--nodes", type=int, default=4000, help="of Stockfish, for four moves")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    done = len(args.out.read_text().splitlines()) if args.out.exists() else 0
    lines = match.openings(args.book, args.games, args.seed)
    with ProcessPoolExecutor(args.workers) as pool, open(args.out, "a") as out:
        todo = [(args, number, lines[number]) for number in range(done, args.games)]
        for number, line in enumerate(pool.map(one, *zip(*todo)) if todo else [], done + 1):
            out.write(line + "\n")
            out.flush()
            print(f"{number} of {args.games}", flush=True)


if __name__ == "__main__":
    main()
