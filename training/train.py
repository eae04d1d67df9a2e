"""Trains the network, resumable at any moment: `train.py --data DIR --run DIR --minutes M`.

On the CPU one process per core (each with one thread, gradients averaged by gloo): faster here than one process with two
threads, and it does not collapse when a compiler takes a core. On a GPU (`--device cuda`) one process, with the records in
the device's memory and decoded there. Stage `float` trains with batch norm; stage `qat` starts from `--start FLOAT.pt`,
folds it and continues with weights and activations rounded.
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

import records
from curves import plot
from grow import grow
from network import FloatNet, FoldedNet, empty, fold, load_checkpoint
from optimiser import Optimiser


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with train.bin, val.bin, val.legal")
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoint.pt and log.jsonl; continues if there")
    parser.add_argument("--stage", choices=["float", "qat"], default="float")
    parser.add_argument("--start", type=Path, help="a float checkpoint, or (stage float) a .quant or .model to grow from")
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--blocks", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=60, help="planned training time over all resumptions")
    parser.add_argument("--samples", type=float, help="the plan in samples instead: a busy machine makes no difference")
    parser.add_argument("--pooled", action="store_true", help="with a bias from the pooled features (float only, see network.py)")
    parser.add_argument("--stop-at", type=float, default=1.0, help="end at this share of the plan, for qat to take over the rate")
    parser.add_argument("--session-minutes", type=float, default=math.inf, help="save and leave after this long, to be resumed")
    parser.add_argument("--rate", type=float, default=2e-3, help="peak learning rate")
    parser.add_argument("--value-weight", type=float, default=0.25, help="of the value's cross-entropy beside the policy's")
    parser.add_argument("--batch", type=int, help="positions per process and step (192, on a GPU 4096)")
    parser.add_argument("--workers", type=int, default=2, help="processes on the CPU")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto", help="of the convolutions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--average", type=float, default=0.998, help="decay per step of the averaged weights")
    parser.add_argument("--checkpoint-seconds", type=float, default=90)
    parser.add_argument("--validate-seconds", type=float, default=240)
    parser.add_argument("--validation-positions", type=int, default=8000)
    args = parser.parse_args()
    if args.device == "cuda":
        args.workers = 1
    args.batch = args.batch or (4096 if args.device == "cuda" else 192)
    args.bf16 = args.precision == "bf16" or (args.precision == "auto" and fast_bf16(args.device))
    return args


def fast_bf16(device):
    """Whether bf16 products are in the hardware. Without it they are emulated: 17 times slower than fp32 on AVX2."""
    if device == "cuda":
        return torch.cuda.is_bf16_supported()
    flags = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def learning_rate(step, progress, peak):
    """Linear warm-up over 200 steps, then a cosine from the peak to 1 % over `progress` 0..1."""
    return peak * min(1.0, (step + 1) / 200) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(progress, 1.0))))


class Sampler:
    """Batches by (step, rank): a seeded permutation per epoch, so a step's batch does not depend on earlier runs."""

    def __init__(self, data, args, rank):
        self.args, self.rank, self.epoch, self.order = args, rank, -1, None
        self.data = records.raw(data, "cuda") if args.device == "cuda" else data

    def batch(self, step):
        """Augmented rows, uint8 (batch, 96), on the device."""
        args = self.args
        size = args.batch * args.workers
        epoch, place = divmod(step, len(self.data) // size)
        if epoch != self.epoch:
            self.epoch = epoch
            self.order = np.random.default_rng([args.seed, epoch]).permutation(len(self.data)).astype(np.uint32)
        first = place * size + self.rank * args.batch
        chosen = np.sort(self.order[first : first + args.batch]).astype(np.int64)
        on_device = isinstance(self.data, torch.Tensor)
        rows = self.data[torch.from_numpy(chosen).to(args.device)] if on_device else records.raw(self.data[chosen])
        return records.augment(rows, np.random.default_rng([args.seed, step, self.rank]))


def autocast(args):
    return torch.autocast(args.device, dtype=torch.bfloat16, enabled=args.bf16)


def validate(net, args):
    """Figures of `records.measure` on evenly spaced validation positions."""
    val, legal = records.load(args.data / "val.bin"), records.load_legal(args.data / "val.legal")
    chosen = np.linspace(0, len(val) - 1, min(args.validation_positions, len(val))).astype(np.int64)
    parts = []
    with torch.no_grad(), autocast(args):
        for at in range(0, len(chosen), 500):
            rows = records.raw(val[chosen[at : at + 500]])
            policy, value = net(records.planes(rows.to(args.device)))
            parts.append(records.measure(policy.float().cpu(), value.float().cpu(), rows, legal[chosen[at : at + 500]]))
    return records.summarise(parts)


def build(args, resumed):
    """The network to train: from scratch, from a float checkpoint or a quantised network, folded for qat; channels last. A
    resumed run gets its weights from its checkpoint and no longer needs what it started from."""
    torch.manual_seed(args.seed)
    if resumed:
        net = empty(args.stage, args.channels, args.blocks, args.pooled)
    elif args.start and args.start.suffix == ".pt":
        net, _ = load_checkpoint(args.start)
        if (net.channels, net.num_blocks) != (args.channels, args.blocks):
            raise SystemExit(f"{args.start} is {net.channels} x {net.num_blocks}, not {args.channels} x {args.blocks}")
        if args.stage == "qat" and isinstance(net, FloatNet):
            net = fold(net)
        if args.stage == "float" and isinstance(net, FoldedNet):
            raise SystemExit(f"{args.start} is folded: stage float needs a float checkpoint")
    elif args.stage == "qat":
        raise SystemExit("stage qat needs --start CHECKPOINT.pt")
    elif args.start:
        data = records.load(args.data / "train.bin")
        chosen = np.linspace(0, len(data) - 1, 2000).astype(np.int64)
        net = grow(args.start, args.channels, args.blocks, records.planes(records.raw(data[chosen])))
    else:
        net = FloatNet(args.channels, args.blocks, args.pooled)
    return net.to(args.device, memory_format=torch.channels_last).train()


class Training:
    """One process's state: network, its moving average, optimiser, steps done and seconds spent."""

    def __init__(self, rank, args):
        self.args, self.rank = args, rank
        self.path = args.run / "checkpoint.pt"
        self.net = build(args, self.path.exists())
        self.optimiser = Optimiser(self.net, args.rate)
        self.average = {k: v.detach().clone() for k, v in self.net.state_dict().items()}
        self.step, self.elapsed = 0, 0.0
        if self.path.exists():
            state = torch.load(self.path, map_location=args.device, weights_only=True)
            self.net.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.average, self.step, self.elapsed = state["average"], state["step"], state["elapsed_seconds"]
        shadow = empty(args.stage, self.net.channels, self.net.num_blocks, args.pooled)
        self.shadow = shadow.to(args.device, memory_format=torch.channels_last).eval()
        self.sampler = Sampler(records.load(args.data / "train.bin"), args, rank)
        self.parameters = list(self.net.parameters())
        self.before = time.monotonic()
        self.losses = []  # since the last line of the log, of (policy, value)

    @property
    def samples(self):
        return self.step * self.args.batch * self.args.workers

    @property
    def progress(self):
        """Share of the plan that is done."""
        return self.samples / self.args.samples if self.args.samples else self.elapsed / (self.args.minutes * 60)

    def advance(self):
        """One step; `elapsed` and the losses are the same on all processes afterwards."""
        args = self.args
        for group in self.optimiser.param_groups:
            group["lr"] = learning_rate(self.step, self.progress, args.rate)
        rows = self.sampler.batch(self.step)
        with autocast(args):
            policy, value = self.net(records.planes(rows))
        of_policy, of_value = records.losses(policy, value, rows)
        self.optimiser.zero_grad()
        (of_policy + args.value_weight * of_value).backward()
        figures = torch.stack([of_policy.detach(), of_value.detach()]).cpu()
        now = time.monotonic()
        seconds = torch.tensor([now - self.before])
        self.before = now
        flat = torch.cat([p.grad.reshape(-1) for p in self.parameters])
        if args.workers > 1:
            everything = torch.cat([flat, figures, seconds])
            dist.all_reduce(everything)
            everything /= args.workers
            flat, figures, seconds = everything[:-3], everything[-3:-1], everything[-1:]
        self.elapsed += float(seconds)
        self.losses.append(figures.numpy())
        flat = flat * (5.0 / flat.norm().clamp(min=1e-9)).clamp(max=1.0)
        at = 0
        for p in self.parameters:
            p.grad.copy_(flat[at : at + p.numel()].view_as(p))
            at += p.numel()
        self.optimiser.step()
        self.step += 1
        keep = min(args.average, (self.step + 1) / (self.step + 10))
        for name, new in self.net.state_dict().items():
            if new.is_floating_point():
                self.average[name].lerp_(new.detach(), 1 - keep)
            else:
                self.average[name].copy_(new)

    def report(self, validated):
        """A line to the log and to the screen."""
        line = {"step": self.step, "samples": self.samples, "seconds": round(self.elapsed, 1)}
        policy, value = np.mean(self.losses, 0).tolist() if self.losses else (None, None)
        line |= {"rate": self.optimiser.param_groups[0]["lr"], "train_loss": policy, "train_value_loss": value}
        if validated:
            self.shadow.load_state_dict(self.average)
            line |= {f"val_{k}": v for k, v in validate(self.shadow, self.args).items()}
        with open(self.args.run / "log.jsonl", "a") as log:
            log.write(json.dumps(line) + "\n")
        text = " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in line.items())
        print(time.strftime("%H:%M:%S"), text, flush=True)
        self.losses.clear()

    def save(self):
        """Writes the checkpoint beside the old one and renames it: a kill leaves one of the two whole."""
        args = self.args
        state = {
            "shape": {"stage": args.stage, "channels": self.net.channels, "blocks": self.net.num_blocks, "pooled": args.pooled},
            "model": self.net.state_dict(),
            "average": self.average,
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,  # the only random state: batches are functions of (seed, step, rank)
            "elapsed_seconds": self.elapsed,
            "samples": self.samples,
            "seed": args.seed,
        }
        torch.save(state, self.path.with_suffix(".tmp"))
        os.replace(self.path.with_suffix(".tmp"), self.path)


def worker(rank, args):
    torch.set_num_threads(1)
    if args.workers > 1:
        dist.init_process_group("gloo", init_method=f"file://{args.run}/rendezvous", rank=rank, world_size=args.workers)
    run = Training(rank, args)
    last_save = last_validation = last_line = begun = run.elapsed
    if rank == 0 and run.step == 0:
        run.report(True)  # where a grown or folded network starts
    while run.progress < args.stop_at and run.elapsed - begun < args.session_minutes * 60:
        run.advance()
        if rank == 0:
            if run.elapsed - last_validation > args.validate_seconds:
                last_validation = last_line = run.elapsed
                run.report(True)
            elif run.elapsed - last_line > 30:
                last_line = run.elapsed
                run.report(False)
            if run.elapsed - last_save > args.checkpoint_seconds:
                last_save = run.elapsed
                run.save()
    if rank == 0:
        run.save()
        run.report(True)
        plot([args.run], args.run / "curve.png")
    if args.workers > 1:
        dist.barrier()
        dist.destroy_process_group()


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
