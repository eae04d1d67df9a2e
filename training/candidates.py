"""Architectures on one budget: `candidates.py --data DIR --out OUT --budget SECONDS [--engine PATH --book PATH --puzzles PATH]`.

Every candidate gets as many samples as one idle core trains in `--budget` CPU-seconds, by a measurement that takes the candidates
in turn (OUT/cost.json): five sixths in float, one sixth in `qat`. Then figures on held-out positions, puzzles, games against the first
candidate, proving time and proof size; a table in Markdown in OUT/candidates.md (samples and figures of a candidate in OUT/NAME/figures.json, for `forecast.py`) and curves in OUT/candidates.png. Every step leaves
its result in OUT: run again after a stop, it goes on where it was. A candidate with a pooled bias has no integer form: float only.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

HERE = Path(__file__).resolve().parent
sys.path += [str(HERE), str(HERE / "bench")]

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch

import evaluate
import match
import players
import puzzles
import records
from network import HEAD_PLANES, PLANES, FloatNet, load_checkpoint
from optimiser import Optimiser
from quantised import QuantisedNet

# name: channels, blocks, pooled; the first is what the others play against
CANDIDATES = {
    "64x5": (64, 5, False),
    "64x5 pooled": (64, 5, True),
    "64x3": (64, 3, False),
    "96x3": (96, 3, False),
    "48x5": (48, 5, False),
    "32x8": (32, 8, False),
}
BATCH = 192
QAT_SHARE = 1 / 6
RATE, QAT_RATE = 2e-3, 2e-4
ROUNDS, STEPS = 5, 3  # of the measurement of cost


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="prepared labelled games (training/prepare)")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--budget", type=float, required=True, help="CPU-seconds of one idle core for each candidate")
    parser.add_argument("--engine", type=Path, help="the engine program: games, proving time, proof size")
    parser.add_argument("--book", type=Path, help="8moves_v3.pgn.zip")
    parser.add_argument("--puzzles", type=Path, help="lichess_puzzles_dev.tsv.gz")
    parser.add_argument("--games", type=int, default=100, help="of each candidate against the first")
    parser.add_argument("--positions", type=int, default=8000, help="held-out positions")
    parser.add_argument("--num-puzzles", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2, help="candidates trained and games played at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=CANDIDATES, default=list(CANDIDATES), help="these alone")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    for name in ("data", "out", "engine", "book", "puzzles"):
        if path := getattr(args, name):
            setattr(args, name, path.resolve())
    return args


def kept(path, work):
    """What `work` returns, from `path` if it is there, else written to it."""
    if not path.exists():
        path.with_suffix(".tmp").write_text(json.dumps(work(), indent=1) + "\n")
        path.with_suffix(".tmp").replace(path)
    return json.loads(path.read_text())


def costs(args):
    """CPU-milliseconds of a training sample by candidate: the least of several rounds, the candidates in turn in each."""
    data = records.load(args.data / "train.bin")
    rows = records.raw(data[np.linspace(0, len(data) - 1, BATCH).astype(np.int64)])
    planes = records.planes(rows)
    nets = {name: FloatNet(*shape).to(memory_format=torch.channels_last).train() for name, shape in CANDIDATES.items()}
    optimisers = {name: Optimiser(net, RATE) for name, net in nets.items()}
    least = dict.fromkeys(CANDIDATES, math.inf)
    for _ in range(ROUNDS):
        for name, net in nets.items():
            begun = time.process_time()
            for _ in range(STEPS):
                policy, value = net(planes)
                of_policy, of_value = records.losses(policy, value, rows)
                optimisers[name].zero_grad()
                (of_policy + 0.25 * of_value).backward()
                optimisers[name].step()
            least[name] = min(least[name], (time.process_time() - begun) / STEPS / BATCH * 1000)
    return least


def folder(args, name):
    return args.out / name.replace(" ", "-")


def train(args, name, milliseconds):
    """Both stages of a candidate, resumed where they were, to OUT/NAME/network.quant (not if it is pooled)."""
    channels, blocks, pooled = CANDIDATES[name]
    run, samples = folder(args, name), args.budget * 1000 / milliseconds
    env = dict(os.environ, OMP_NUM_THREADS="1", PYTHONDONTWRITEBYTECODE="1")
    common = [sys.executable, str(HERE / "train.py"), "--data", str(args.data), "--workers", "1", "--batch", str(BATCH)]
    common += ["--channels", str(channels), "--blocks", str(blocks), "--seed", str(args.seed), "--average", "0.995"]
    common += ["--validation-positions", "3000", "--validate-seconds", "600"]
    share = (1 - QAT_SHARE) * samples
    stages = [["--run", str(run / "float"), "--samples", str(share), "--rate", str(RATE)] + ["--pooled"] * pooled]
    if not pooled:
        start = ["--stage", "qat", "--start", str(run / "float" / "checkpoint.pt")]
        stages.append(["--run", str(run / "qat"), "--samples", str(QAT_SHARE * samples), "--rate", str(QAT_RATE)] + start)
    for stage in stages:
        if not (Path(stage[1]) / "done").exists():
            subprocess.run(common + stage, env=env, check=True, stdout=subprocess.DEVNULL)
            (Path(stage[1]) / "done").touch()
    if not pooled and not (run / "network.quant").exists():
        quantise = [sys.executable, str(HERE / "quantise.py"), str(run / "qat" / "checkpoint.pt"), str(run / "network.quant")]
        subprocess.run(quantise, env=env, check=True, stdout=subprocess.DEVNULL)
    print(f"{time.strftime('%H:%M:%S')} {name}: {samples:.0f} samples", flush=True)


def figures(args, name, milliseconds):
    """Held-out positions and puzzles: a pooled candidate by its float form, the others by their integers."""
    run = folder(args, name)
    if CANDIDATES[name][2]:
        logits = evaluate.float_logits(load_checkpoint(run / "float" / "checkpoint.pt")[0])
    else:
        logits = evaluate.integer_logits(QuantisedNet.read(run / "network.quant"))
    out = {"samples": args.budget * 1000 / milliseconds} | evaluate.validation({"net": logits}, args.data, args.positions)["net"]
    float_net = load_checkpoint(run / "float" / "checkpoint.pt")[0]
    out["float"] = evaluate.validation({"net": evaluate.float_logits(float_net)}, args.data, args.positions)["net"]
    if args.puzzles:
        out["puzzles"] = puzzles.solve(logits, args.puzzles, args.num_puzzles, args.seed)["all"]
    return out


def model(args, name):
    """The candidate's `.model`, made from its `.quant` by `engine model import`."""
    run = folder(args, name)
    if not (run / "network.model").exists():
        command = [args.engine, "model", "import", run / "network.quant", "--out", run / "network.model"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return run / "network.model"


def proving(args, name):
    """`engine bench` of one move at a time."""
    command = [args.engine, "bench", "--model", model(args, name), "--positions", "20", "--batch", "1", "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def games(args, name, first):
    """Elo above the first candidate with half its 95 % interval, and the tally."""
    where = folder(args, name)
    settings = SimpleNamespace(**vars(args) | {"model": model(args, name), "out": where, "level": players.STRONGEST})
    played = match.games(settings, [f"model-{model(args, first)}"], args.games)
    elo, error = match.fit_games(played, lambda _: 0)
    return match.tally(played) | {"elo": elo, "error_95": error}


def parameters(channels, blocks, pooled):
    trunk = PLANES * channels * 9 + 2 * blocks * channels * (channels * 9 + 1) + channels
    return trunk + HEAD_PLANES * (channels + 1) + pooled * channels * (channels + 1)


def table(args, names, cost, found):
    """The comparison in Markdown."""
    head = ["network", "parameters", "CPU-ms a sample", "samples", "policy loss", "top-1", "win-probability loss", "puzzles, first move",
            "Elo against the first", "prove, ms", "proof, bytes"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for name in names:
        x = found[name]
        cells = [name, f"{parameters(*CANDIDATES[name]):,}", f"{cost[name]:.2f}", f"{args.budget * 1000 / cost[name]:,.0f}"]
        cells += [f"{x['loss']:.3f}", f"{100 * x['top1']:.1f} %", f"{x['many_win_loss']:.4f}"]
        cells.append(f"{100 * x['puzzles']['first_move']:.1f} %" if "puzzles" in x else "")
        played, bench = x.get("games"), x.get("bench")
        cells.append(f"{played['elo']:+.0f} ± {played['error_95']:.0f}" if played else "")
        cells += [f"{bench['prove_ms_p50']:.0f}", f"{bench['proof_bytes']:,}"] if bench else ["", ""]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def curves(args, names, cost):
    """Validation loss of the float stage over CPU-seconds of the budget."""
    figure, axes = plt.subplots(figsize=(7, 4))
    for name in names:
        lines = [json.loads(line) for line in (folder(args, name) / "float" / "log.jsonl").read_text().splitlines()]
        lines = [line for line in lines if "val_loss" in line and line["samples"]]
        axes.plot([line["samples"] * cost[name] / 1000 for line in lines], [line["val_loss"] for line in lines], "o-", ms=3, label=name)
    axes.set(xlabel="CPU-seconds of one idle core", ylabel="policy cross-entropy (nats), float")
    axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(args.out / "candidates.png", dpi=90)
    plt.close(figure)


def main():
    args = arguments()
    torch.set_num_threads(1)
    cost = kept(args.out / "cost.json", lambda: costs(args))
    names = args.only
    with ThreadPoolExecutor(args.workers) as pool:
        list(pool.map(lambda name: train(args, name, cost[name]), names))
    found = {}
    for name in names:
        run = folder(args, name)
        found[name] = kept(run / "figures.json", lambda: figures(args, name, cost[name]))
        if args.engine and not CANDIDATES[name][2]:
            found[name]["bench"] = kept(run / "bench.json", lambda: proving(args, name))
            if args.book and name != names[0]:
                found[name]["games"] = games(args, name, names[0])
    text = table(args, names, cost, found)
    (args.out / "candidates.md").write_text(text)
    print(text, end="")
    curves(args, names, cost)


if __name__ == "__main__":
    main()
