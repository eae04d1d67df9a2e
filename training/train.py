"""Trains the network, resumable at any moment: `train.py --data DIR --run DIR --minutes M`.

One process per core (each with one thread, gradients averaged by gloo): faster here than one process with two threads,
and it does not collapse when a compiler takes a core. Stage `float` trains with batch norm; stage `qat` starts from
`--start FLOAT.pt`, folds it and continues with weights and activations rounded.
"""

import argparse
import json
import math
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
import torch.nn.functional as F

import records
from grow import grow
from network import FloatNet, FoldedNet, fold, load_checkpoint
from optimiser import Optimiser


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.bin, val.bin, val.legal")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoint.pt and log.jsonl; continues if there")
    parser.add_argument("--stage", choices=["float", "qat"], default="float")
    parser.add_argument("--start", type=Path, help="stage qat: the float checkpoint; float: a .quant or .model to grow from")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=60, help="planned training time over all resumptions")
    parser.add_argument("--stop-at", type=float, default=1.0, help="end at this share of the plan, for qat to take over the rate")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--batch", type=int, default=192, help="positions per process and step")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--average", type=float, default=0.998, help="decay per step of the averaged weights")
    parser.add_argument("--checkpoint-seconds", type=float, default=90)
    parser.add_argument("--validate-seconds", type=float, default=240)
    parser.add_argument("--validation-positions", type=int, default=8000)
    return parser.parse_args()


def learning_rate(step, progress, peak):
    """Linear warm-up over 200 steps, then a cosine from the peak to 1 % over `progress` 0..1."""
    return peak * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


class Sampler:
    """Batches by (step, rank): a seeded permutation per epoch, so a step's batch does not depend on earlier runs."""

    def __init__(self, data, args, rank):
        self.data, self.args, self.rank, self.epoch, self.order = data, args, rank, -1, None

    def batch(self, step):
        args = self.args
        size = args.batch * args.workers
        steps = len(self.data) // size
        epoch, place = divmod(step, steps)
        if epoch != self.epoch:
            self.epoch = epoch
            self.order = np.random.default_rng([args.seed, epoch]).permutation(len(self.data)).astype(np.uint32)
        first = place * size + self.rank * args.batch
        rng = np.random.default_rng([args.seed, step, self.rank])
        return records.augment(self.data[np.sort(self.order[first : first + args.batch])], rng)


def validate(net, args):
    """Figures of `records.measure` on evenly spaced validation positions."""
    val, legal = records.load(args.data / "val.bin"), records.load_legal(args.data / "val.legal")
    chosen = np.linspace(0, len(val) - 1, min(args.validation_positions, len(val))).astype(np.int64)
    parts = []
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        for at in range(0, len(chosen), 500):
            rows = chosen[at : at + 500]
            parts.append(records.measure(net(records.planes(val[rows])), val[rows], legal[rows]))
    return records.summarise(parts)


def build(args):
    """The network to train from scratch (float) or from the folded float network (qat), channels last."""
    torch.manual_seed(args.seed)
    if args.stage == "qat":
        source, _ = load_checkpoint(args.start)
        net = source if isinstance(source, FoldedNet) else fold(source)
    elif args.start:
        data = records.load(args.data / "train.bin")
        chosen = np.linspace(0, len(data) - 1, 2000).astype(np.int64)
        net = grow(args.start, args.channels, args.blocks, records.planes(data[chosen]))
    else:
        net = FloatNet(args.channels, args.blocks)
    return net.to(memory_format=torch.channels_last).train()


def save(path, net, average, optimiser, step, elapsed, args):
    """Writes the checkpoint beside the old one and renames it: a kill leaves one of the two whole."""
    state = {
        "shape": {"stage": args.stage, "channels": net.channels, "blocks": net.num_blocks},
        "model": net.state_dict(),
        "average": average,
        "optimiser": optimiser.state_dict(),
        "step": step,  # the only random state: batches are functions of (seed, step, rank)
        "elapsed_seconds": elapsed,
        "samples": step * args.batch * args.workers,
        "seed": args.seed,
    }
    torch.save(state, path.with_suffix(".tmp"))
    os.replace(path.with_suffix(".tmp"), path)


def worker(rank, args):
    torch.set_num_threads(1)
    if args.workers > 1:
        dist.init_process_group("gloo", init_method=f"file://{args.run}/rendezvous", rank=rank, world_size=args.workers)
    net = build(args)
    optimiser = Optimiser(net, args.rate)
    average = {k: v.detach().clone() for k, v in net.state_dict().items()}
    step, elapsed = 0, 0.0
    path = args.run / "checkpoint.pt"
    if path.exists():
        state = torch.load(path, map_location="cpu", weights_only=True)
        net.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        average, step, elapsed = state["average"], state["step"], state["elapsed_seconds"]
    shadow = (FoldedNet if args.stage == "qat" else FloatNet)(net.channels, net.num_blocks)
    shadow = shadow.to(memory_format=torch.channels_last).eval()
    sampler = Sampler(records.load(args.data / "train.bin"), args, rank)
    parameters = list(net.parameters())
    last_save = last_validation = last_line = elapsed
    losses, before = [], time.monotonic()

    def report(validated):
        line = {"step": step, "samples": step * args.batch * args.workers, "seconds": round(elapsed, 1)}
        line |= {"rate": optimiser.param_groups[0]["lr"], "train_loss": float(np.mean(losses)) if losses else None}
        if validated:
            shadow.load_state_dict(average)
            line |= {f"val_{k}": v for k, v in validate(shadow, args).items()}
        with open(args.run / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        text = " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items())
        print(time.strftime("%H:%M:%S"), text, flush=True)
        losses.clear()

    while elapsed < args.minutes * 60 * args.stop_at:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, elapsed / (args.minutes * 60), args.rate)
        batch = sampler.batch(step)
        index, weight = records.targets(batch)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = net(records.planes(batch))
        loss = -(F.log_softmax(logits.float(), 1).gather(1, index) * weight).sum() / len(batch)
        optimiser.zero_grad()
        loss.backward()
        now = time.monotonic()
        flat = torch.cat([p.grad.reshape(-1) for p in parameters] + [torch.tensor([loss.item(), now - before])])
        if args.workers > 1:
            dist.all_reduce(flat)
            flat /= args.workers
        before = now
        elapsed += float(flat[-1])
        losses.append(float(flat[-2]))
        norm = float(flat[:-2].norm())
        flat *= min(1.0, 5.0 / max(norm, 1e-9))
        at = 0
        for p in parameters:
            p.grad.copy_(flat[at : at + p.numel()].view_as(p))
            at += p.numel()
        optimiser.step()
        step += 1
        keep = min(args.average, (step + 1) / (step + 10))
        for name, value in net.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value.detach(), 1 - keep)
            else:
                average[name].copy_(value)
        if rank == 0:
            if elapsed - last_validation > args.validate_seconds:
                last_validation = last_line = elapsed
                report(True)
            elif elapsed - last_line > 30:
                last_line = elapsed
                report(False)
            if elapsed - last_save > args.checkpoint_seconds:
                last_save = elapsed
                save(path, net, average, optimiser, step, elapsed, args)
    if rank == 0:
        save(path, net, average, optimiser, step, elapsed, args)
        report(True)
        plot(args.run)
    if args.workers > 1:
        dist.barrier()
        dist.destroy_process_group()


def plot(run):
    """`curve.png` from `log.jsonl`."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    lines = [json.loads(line) for line in open(run / "log.jsonl")]
    figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4))
    train = [(x["samples"] / 1e6, x["train_loss"]) for x in lines if x["train_loss"] is not None]
    val = [x for x in lines if "val_loss" in x]
    left.plot(*zip(*train), label="training")
    left.plot([x["samples"] / 1e6 for x in val], [x["val_loss"] for x in val], "o-", label="validation, averaged weights")
    left.set(xlabel="million samples", ylabel="cross-entropy (nats)")
    left.legend()
    right.plot([x["samples"] / 1e6 for x in val], [100 * x["val_top1"] for x in val], "o-")
    right.set(xlabel="million samples", ylabel="validation top-1 (%)")
    figure.tight_layout()
    figure.savefig(run / "curve.png", dpi=110)


def main():
    args = arguments()
    args.run.mkdir(parents=True, exist_ok=True)
    args.run = args.run.resolve()
    (args.run / "rendezvous").unlink(missing_ok=True)
    if args.workers > 1:
        mp.spawn(worker, args=(args,), nprocs=args.workers)
    else:
        worker(0, args)


if __name__ == "__main__":
    main()
