"""The strength bench: every figure of a model card in one command.

    python training/bench --model X.model --data DATA --humans DATA2 --puzzles lichess_puzzles_dev.tsv.gz \\
        --engine PATH/engine --stockfish /usr/games/stockfish --book 8moves_v3.pgn.zip --out DIR

Sections run one after the other and leave DIR/SECTION.json; games are appended to DIR/games.jsonl as they end. Run again after a
stop, it goes on where it was. At the end DIR/bench.json holds everything and DIR/bench.txt the table, which is also printed.
A section whose inputs are not named is left out. Positions, puzzles and endings' starts depend only on --seed; Stockfish limited
by UCI_Elo plays at random.
"""

import argparse
import json
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch

import endings
import evaluate
import match
import players
import puzzles
import table
from quantised import QuantisedNet


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help=".model (or .quant, for the sections without games)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", type=Path, help="prepared labelled games (training/prepare): val.bin and val.legal")
    parser.add_argument("--humans", type=Path, help="the same of masters_segments.tsv.zst")
    parser.add_argument("--puzzles", type=Path, help="lichess_puzzles_dev.tsv.gz")
    parser.add_argument("--engine", type=Path, help="the engine program, for games")
    parser.add_argument("--stockfish", type=Path, help="Stockfish 15.1, for games")
    parser.add_argument("--book", type=Path, help="8moves_v3.pgn.zip")
    parser.add_argument("--positions", type=int, default=8000, help="held-out positions, and as many of humans")
    parser.add_argument("--num-puzzles", type=int, default=2000)
    parser.add_argument("--games", type=int, default=400, help="of the gauntlet, a third against each strength of Stockfish")
    parser.add_argument("--baseline-games", type=int, default=100, help="against random moves, and as many against the greedy player")
    parser.add_argument("--level-games", type=int, default=0, help="of each level against the next: the Elo of all levels")
    parser.add_argument("--endings", type=int, default=100, help="starts with a queen, and as many with a rook")
    parser.add_argument("--level", type=int, default=8, help="level of play in the gauntlet and against the baselines")
    parser.add_argument("--workers", type=int, default=2, help="games at a time")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def once(out, name, work):
    """The figures of a section: from its file, or worked out and written there."""
    path = out / f"{name}.json"
    if not path.exists():
        begun = time.monotonic()
        figures = work()
        figures["seconds"] = round(time.monotonic() - begun, 1)
        path.with_suffix(".tmp").write_text(json.dumps(figures, indent=1) + "\n")
        path.with_suffix(".tmp").replace(path)
        print(f"{name}: {path}", flush=True)
    return json.loads(path.read_text())


def main():
    args = arguments()
    torch.set_num_threads(1)
    args.out.mkdir(parents=True, exist_ok=True)
    net = QuantisedNet.read(args.model)
    logits = evaluate.integer_logits(net)
    settings = {"model": args.model.stem, "channels": net.channels, "blocks": net.blocks, "level": args.level, "seed": args.seed}
    once(args.out, "settings", lambda: dict(settings))
    found = json.loads((args.out / "settings.json").read_text())
    if any(found[key] != value for key, value in settings.items()):
        raise SystemExit(f"{args.out} holds figures of another model, level or seed: {found}")
    figures = {"settings": settings}
    for name, data in (("labelled", args.data), ("humans", args.humans)):
        if data:
            figures[name] = once(args.out, name, lambda: evaluate.validation({"integer": logits}, data, args.positions)["integer"])
    if args.puzzles:
        figures["puzzles"] = once(args.out, "puzzles", lambda: puzzles.solve(logits, args.puzzles, args.num_puzzles, args.seed))
    if args.engine and args.stockfish:
        figures["endings"] = once(args.out, "endings", lambda: endings.measure(args))
        if args.book:
            figures["gauntlet"] = match.gauntlet(args)
            figures["baselines"] = match.baselines(args)
            if args.level_games and args.level == players.STRONGEST:
                elo = figures["gauntlet"]
                figures["levels"] = match.levels(args, elo["elo"], elo["error_95"])
    text = table.render(figures)
    (args.out / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    (args.out / "bench.txt").write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
