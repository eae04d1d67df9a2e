"""Fits `records.WDL_CENTRE` and `records.WDL_WIDTH` to the results of labelled games: `wdl.py DATA/train.bin`.

Maximum likelihood of win, draw and loss for the side to move under P(win) = 1 / (1 + exp(-(cp - centre) / width)) and its
mirror image for the loss, cp being the best label's score; positions of unfinished games and mates are left out.
"""

import sys

import numpy as np
import torch

import records


def main():
    data = records.load(sys.argv[1])
    rows = data[:: max(1, len(data) // 400_000)]
    rows = rows[(rows["scored"] == 1) & (rows["result"] != 2) & (np.abs(rows["score"][:, 0]) < records.MATE)]
    cp = torch.from_numpy(rows["score"][:, 0].astype(np.float64))
    outcome = torch.from_numpy(1 - rows["result"].astype(np.int64))  # 0 win, 1 draw, 2 loss
    parameters = torch.tensor([1.0, 1.0], dtype=torch.float64, requires_grad=True)  # in hundreds of centipawns
    optimiser = torch.optim.LBFGS([parameters], max_iter=100, line_search_fn="strong_wolfe")

    def likelihood():
        centre, width = 100 * parameters
        win, loss = torch.sigmoid((cp - centre) / width), torch.sigmoid((-cp - centre) / width)
        shares = torch.stack([win, 1 - win - loss, loss], 1).clamp(min=1e-6)
        return -shares.gather(1, outcome[:, None]).log().mean()

    def closure():
        optimiser.zero_grad()
        loss = likelihood()
        loss.backward()
        return loss

    optimiser.step(closure)
    centre, width = (100 * parameters).tolist()
    shares = torch.bincount(outcome, minlength=3) / len(outcome)
    constant = -(shares * shares.log()).sum()
    print(f"{len(rows)} positions: centre {centre:.1f} cp, width {width:.1f} cp, {likelihood():.4f} nats (constant guess {constant:.4f})")


if __name__ == "__main__":
    main()
