"""How a figure falls with the samples of training, and how many more it needs: `forecast.py [--out CURVE.png] FIGURES.json...`

Each file holds one finished run of the same shape: `samples` and the figures of `records.summarise` (`candidates.py` writes them). A
power law `limit + factor * samples^-exponent` is fitted to each figure, by least squares over a grid of exponents; once with the limit
free and once with the limit 0, the most hopeful case. What it gives beyond the last run is a guess: the true curve flattens where the
network is full.
"""

import argparse
import json
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

EXPONENTS = np.arange(0.02, 1.5, 0.005)
# figure, name, target (None: none), whether it is shown as 1 - figure because it rises
WANTED = [("loss", "policy cross-entropy (nats)", None, False), ("many_win_loss", "win-probability loss", 0.027, False), ("top1", "top-1", 0.44, True)]


def fit(samples, figures, free):
    """(limit, factor, exponent) of the best power law; the limit is at least 0, and 0 unless it is `free`."""
    best = None
    for exponent in EXPONENTS:
        power = samples**-exponent
        columns = np.stack([np.ones_like(power), power], 1) if free else power[:, None]
        solution = np.linalg.lstsq(columns, figures, rcond=None)[0]
        limit, factor = solution if free else (0.0, solution[0])
        if limit < 0:
            continue
        error = float(((limit + factor * power - figures) ** 2).sum())
        if best is None or error < best[0]:
            best = error, float(limit), float(factor), float(exponent)
    return best[1:]


def needed(law, target):
    """Samples at which the law reaches `target`; infinite if it never does."""
    limit, factor, exponent = law
    return (factor / (target - limit)) ** (1 / exponent) if target > limit else float("inf")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figures", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, default=Path("forecast.png"))
    args = parser.parse_args()
    runs = sorted((json.loads(path.read_text()) for path in args.figures), key=lambda run: run["samples"])
    samples = np.array([run["samples"] for run in runs])
    if len(set(samples)) < 3:
        parser.error("at least three runs of different length are needed")
    figure, axes = plt.subplots(1, len(WANTED), figsize=(13, 3.8))
    for axis, (key, name, target, rises) in zip(axes, WANTED, strict=True):
        seen = np.array([run[key] for run in runs])
        falling = 1 - seen if rises else seen
        far = np.geomspace(samples[0], max(samples[-1] * 100, 1e8), 200)
        axis.plot(samples, seen, "o", color="C0", label="measured")
        for free, style in ((True, "-"), (False, "--")):
            law = fit(samples, falling, free)
            values = law[0] + law[1] * far ** -law[2]
            axis.plot(far, 1 - values if rises else values, style, color="C1", label="power law" if free else "power law, limit 0")
            text = f"{name}: {'1 - ' if rises else ''}({law[0]:.4g} + {law[1]:.4g} * samples^-{law[2]:.3f})"
            if target:
                count = needed(law, 1 - target if rises else target)
                text += f"; {target} is reached after {count:.2g} samples" if np.isfinite(count) else f"; {target} is never reached"
            print(text)
        if target:
            axis.axhline(target, color="C3", lw=0.8, label=f"target {target}")
        axis.set(xscale="log", xlabel="samples", ylabel=name)
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(args.out, dpi=90)


if __name__ == "__main__":
    main()
