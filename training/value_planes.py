"""Value planes for a quantised network whose policy stays as it is: `value_planes.py NET.model DATA OUT.quant`.

The value's logits are linear in the last activations averaged over the squares, so the planes are a softmax regression of the
value targets on C numbers a position. Trunk and policy planes are not touched: every policy logit stays the same integer.
"""

import argparse
from pathlib import Path

import numpy as np
import torch

import records
from network import ACTIVATION_STEPS, WEIGHT_MAX
from quantised import POLICY_PLANES, QuantisedNet

DECAY = 1e-4  # of the squared weights, against directions that the data does not fix


def pooled(net, rows):
    """Last activations averaged over the squares, float64 (n, C) in 0..255."""
    parts = [net.trunk((records.planes(part) * 128).round()).double().mean((2, 3)) for part in rows.split(250)]
    return torch.cat(parts)


def fit(features, targets, known, limit):
    """Weights (3, C) within +-limit and biases (3,) of the regression."""
    weights = torch.zeros(3, features.shape[1], dtype=torch.float64, requires_grad=True)
    biases = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.LBFGS([weights, biases], max_iter=300, history_size=50, line_search_fn="strong_wolfe")

    def closure():
        optimiser.zero_grad()
        logits = features @ weights.clamp(-limit, limit).T + biases
        loss = -((torch.log_softmax(logits, 1) * targets).sum(1) * known).sum() / known.sum() + DECAY * (weights**2).sum()
        loss.backward()
        return loss

    optimiser.step(closure)
    return weights.detach().clamp(-limit, limit), biases.detach()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("data", type=Path, help="folder with train.bin")
    parser.add_argument("out", type=Path)
    parser.add_argument("--positions", type=int, default=60_000)
    args = parser.parse_args()
    torch.set_num_threads(1)
    net = QuantisedNet.read(args.network)
    data = records.load(args.data / "train.bin")
    rows = records.raw(data[np.linspace(0, len(data) - 1, args.positions).astype(np.int64)])
    targets, known = (x.double() for x in records.value_targets(rows))
    scale = 2.0**net.logit_scale_log2
    features = pooled(net, rows) / ACTIVATION_STEPS
    weights, biases = fit(features, targets, known, WEIGHT_MAX * ACTIVATION_STEPS / scale)
    weights = (weights * scale / ACTIVATION_STEPS).round().long().numpy()
    biases = (biases * scale).round().long().numpy()
    net.head_weights = np.concatenate([net.head_weights[:POLICY_PLANES], weights])
    net.head_biases = np.concatenate([net.head_biases[:POLICY_PLANES], biases])
    net.write(args.out)
    logits = (features * ACTIVATION_STEPS @ torch.from_numpy(weights.T).double() + torch.from_numpy(biases)) / scale
    loss = -((torch.log_softmax(logits, 1) * targets).sum(1) * known).sum() / known.sum()
    print(f"{args.out}: {args.positions} positions, value cross-entropy {loss:.4f} nats; |weights| up to {np.abs(weights).max()}")


if __name__ == "__main__":
    main()
