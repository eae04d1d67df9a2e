"""Training records (96 bytes each, written by `training/prepare`) to input planes and soft targets.

Planes and the policy index are those of docs/network.md; a plane entry of 128 is 1.0 here (real units = integer / 128).
"""

import numpy as np
import torch

POLICY = 4672  # policy indices: 73 planes x 64 from-squares
PLANES = 20

RECORD = np.dtype(
    [
        ("pieces", "u1", 64),
        ("castling", "u1"),
        ("ep", "u1"),
        ("halfmove", "u1"),
        ("last_from", "u1"),
        ("last_to", "u1"),
        ("labels", "u1"),
        ("result", "i1"),
        ("scored", "u1"),
        ("index", "<u2", 4),
        ("score", "<i2", 4),
        ("game", "<u4"),
        ("ply", "<u4"),
    ]
)
assert RECORD.itemsize == 96

MATE = 25000  # |score| above this is a mate score: 30000 - n
UNLABELLED_CENTIPAWNS = 30  # an unlabelled move counts this far below the worst labelled one
LABEL_TEMPERATURE = 0.03  # of the soft targets, in units of win probability


def load(path):
    """Records of a file as a read-only memory map, shape (n,)."""
    return np.memmap(path, dtype=RECORD, mode="r")


def load_legal(path):
    """Legal-move bitmaps beside validation records: u8, shape (n, 584)."""
    return np.memmap(path, dtype=np.uint8, mode="r").reshape(-1, POLICY // 8)


def legal_mask(bitmaps):
    """Bitmaps (n, 584) to bool (n, 4672)."""
    return torch.from_numpy(np.unpackbits(np.ascontiguousarray(bitmaps), axis=1, bitorder="little").astype(bool))


def _mirror_table():
    """Policy index after swapping the a- and the h-file, int64 (4672,)."""
    out = np.zeros(POLICY, dtype=np.int64)
    for plane in range(73):
        if plane < 56:  # rays: direction d -> (8 - d) % 8 swaps east and west
            target = (8 - plane // 7) % 8 * 7 + plane % 7
        elif plane < 64:  # knight jumps: (dr, df) -> (dr, -df) is j -> 7 - j
            target = 56 + 7 - (plane - 56)
        else:
            p, q = divmod(plane - 64, 3)
            target = 64 + 3 * p + 2 - q
        for square in range(64):
            out[plane * 64 + square] = target * 64 + (square ^ 7)
    return out


MIRROR = _mirror_table()
_FLIP = np.arange(64) ^ 7


def augment(records, rng, mirror=0.5, forget_last=0.1):
    """A changed copy of `records`: mirrored with probability `mirror` where nobody may castle, and without the last move
    with probability `forget_last` (so that positions given by FEN alone are known to the network)."""
    records = records.copy()
    flip = (rng.random(len(records)) < mirror) & (records["castling"] == 0)
    part = records[flip]
    part["pieces"] = part["pieces"][:, _FLIP]
    for name in ("ep", "last_from", "last_to"):
        part[name] = np.where(part[name] == 255, 255, part[name] ^ 7)
    part["index"] = np.where(part["index"] < POLICY, MIRROR[np.minimum(part["index"], POLICY - 1)], 65535)
    records[flip] = part
    forget = rng.random(len(records)) < forget_last
    for name in ("last_from", "last_to"):
        records[name][forget] = 255
    return records


def planes(records):
    """Input planes, float32 (n, 20, 8, 8) in channels-last memory: 1.0 for 128, plane 17 is value / 128."""
    n = len(records)
    out = np.zeros((n, 64, PLANES), dtype=np.float32)
    out[:, :, :12] = records["pieces"][:, :, None] == np.arange(1, 13, dtype=np.uint8)
    for k in range(4):
        out[:, :, 12 + k] = ((records["castling"] >> k) & 1)[:, None]
    rows = np.arange(n)
    for name, plane in (("ep", 16), ("last_from", 18), ("last_to", 19)):
        known = records[name] < 64
        out[rows[known], records[name][known], plane] = 1.0
    out[:, :, 17] = records["halfmove"][:, None] / np.float32(128)
    return torch.from_numpy(out).view(n, 8, 8, PLANES).permute(0, 3, 1, 2)


def win_probability(score):
    """`1 / (1 + exp(-cp / 200))` with a mate as 10,000 centipawns; any shape."""
    score = score.astype(np.float64)
    cp = np.where(np.abs(score) > MATE, np.sign(score) * 10000, score)
    return 1 / (1 + np.exp(-np.clip(cp, -4000, 4000) / 200))


def targets(records):
    """Policy indices int64 (n, 4) and target probabilities float32 (n, 4), 0 for absent labels.

    The softmax is over the win probability, plus a little for material in decided positions and for the quicker mate."""
    score = records["score"].astype(np.float64)
    value = win_probability(score) + 1e-4 * np.clip(score, -2000, 2000)
    mate = np.abs(score) > MATE
    moves_to_mate = np.maximum(30000 - np.abs(score), 1)
    value = value + np.where(mate, np.sign(score) * 0.1 / moves_to_mate, 0)
    absent = np.arange(4)[None, :] >= records["labels"][:, None]
    value = np.where(absent, -np.inf, value) / LABEL_TEMPERATURE
    weight = np.exp(value - value.max(axis=1, keepdims=True))
    weight /= weight.sum(axis=1, keepdims=True)
    index = np.where(absent, 0, records["index"]).astype(np.int64)
    return torch.from_numpy(index), torch.from_numpy(weight.astype(np.float32))


def measure(logits, records, bitmaps):
    """Sums over the batch of: cross-entropy over all indices, top-1 with the legal mask, and over the plies with several
    labels top-1, in the labelled moves, win-probability loss. `logits` (n, 4672)."""
    index, weight = targets(records)
    loss = -(torch.log_softmax(logits.float(), 1).gather(1, index) * weight).sum()
    best = logits.float().masked_fill(~legal_mask(bitmaps), -1e30).argmax(1)
    hit = (index == best[:, None]) & (weight > 0)
    many = torch.from_numpy(records["labels"] > 1)
    scores = records["score"].astype(np.float64)
    worst = np.where(weight.numpy() > 0, scores, np.inf).min(axis=1)
    label = np.where(hit.any(1).numpy(), (scores * hit.numpy()).sum(1), worst - UNLABELLED_CENTIPAWNS)
    # a score near a mate minus 30 is still that mate
    loss_win = torch.from_numpy(win_probability(scores[:, 0]) - win_probability(label)).clamp(min=0)
    return {
        "count": len(records),
        "loss": float(loss),
        "top1": int(hit[:, 0].sum()),
        "legal_free_top1": int((logits.argmax(1) == best).sum()),
        "many": int(many.sum()),
        "many_top1": int(hit[many, 0].sum()),
        "many_in4": int(hit[many].any(1).sum()),
        "many_win_loss": float(loss_win[many].sum()),
    }


def summarise(parts):
    """Means of a list of `measure` results."""
    total = {key: sum(part[key] for part in parts) for key in parts[0]}
    count, many = total["count"], max(total["many"], 1)
    return {
        "positions": count,
        "loss": total["loss"] / count,
        "top1": total["top1"] / count,
        "argmax_legal": total["legal_free_top1"] / count,
        "many_top1": total["many_top1"] / many,
        "many_in4": total["many_in4"] / many,
        "many_win_loss": total["many_win_loss"] / many,
    }
