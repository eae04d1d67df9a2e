"""Learning curves of one or more runs, one after the other: `curves.py RUN... OUT.png`."""

import json
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt


def plot(runs, out):
    """Losses and validation top-1 over samples from each run folder's `log.jsonl`, the runs' samples added up."""
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.8))
    before = 0
    for number, run in enumerate(runs):
        lines = [json.loads(line) for line in (Path(run) / "log.jsonl").read_text().splitlines()]
        at = lambda line: (before + line["samples"]) / 1e6
        trained, validated = [x for x in lines if x["train_loss"] is not None], [x for x in lines if "val_loss" in x]
        name, colour = Path(run).name, f"C{2 * number}"
        for axes, key in ((left, "loss"), (middle, "value_loss")):
            axes.plot([at(x) for x in trained], [x[f"train_{key}"] for x in trained], color=colour, alpha=0.4, label=f"{name}, training")
            axes.plot([at(x) for x in validated], [x[f"val_{key}"] for x in validated], "o-", color=colour, ms=3, label=f"{name}, validation")
        right.plot([at(x) for x in validated], [100 * x["val_top1"] for x in validated], "o-", color=colour, ms=3, label=name)
        before += lines[-1]["samples"]
    left.set(xlabel="million samples", ylabel="policy cross-entropy (nats)")
    middle.set(xlabel="million samples", ylabel="value cross-entropy (nats)")
    right.set(xlabel="million samples", ylabel="validation top-1 (%)")
    for axes in (left, middle, right):
        axes.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(out, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    plot(sys.argv[1:-1], sys.argv[-1])
