"""A float checkpoint without optimiser, averaged weights in half precision, for git: `strip.py CHECKPOINT.pt OUT.pt`.

Training goes on from it with `train.py --start OUT.pt`; `network.load_checkpoint` reads it as any other.
"""

import sys

import torch


def strip(state):
    """The parts of a checkpoint that a new run starts from."""
    halves = {k: v.half().cpu() if v.is_floating_point() else v.cpu() for k, v in state["average"].items()}
    return {"shape": state["shape"], "average": halves, "samples": state["samples"], "seed": state["seed"]}


if __name__ == "__main__":
    source, out = sys.argv[1:]
    torch.save(strip(torch.load(source, map_location="cpu", weights_only=True)), out)
