"""Training records (96 bytes each, written by `training/prepare`) to input planes and soft targets, on any device.

Planes and the policy index are those of docs/network.md; a plane entry of 128 is 1.0 here (real units = integer / 128).
Everything after `raw` works on uint8 tensors of rows and stays on their device.
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
CASTLING, EP, HALFMOVE, LAST_FROM, LAST_TO, LABELS, RESULT, SCORED = range(64, 72)  # byte offsets
INDEX, SCORE = slice(72, 80), slice(80, 88)
NONE = 255  # no en-passant square, no last move

MATE = 25000  # |score| above this is a mate score: 30000 - n
UNLABELLED_CENTIPAWNS = 30  # an unlabelled move counts this far below the worst labelled one
LABEL_TEMPERATURE = 0.03  # of the soft targets, in units of win probability
# P(win) = 1 / (1 + exp(-(cp - WDL_CENTRE) / WDL_WIDTH)), P(loss) the same with -cp: fitted to the labelled games' results by `wdl.py`
WDL_CENTRE, WDL_WIDTH = 165.8, 263.7
RESULT_WEIGHT = 0.25  # the game's result in the value target, beside the best label's score


def load(path):
    """Records of a file as a read-only memory map, shape (n,)."""
    return np.memmap(path, dtype=RECORD, mode="r")


def load_legal(path):
    """Legal-move bitmaps beside validation records: u8, shape (n, 584)."""
    return np.memmap(path, dtype=np.uint8, mode="r").reshape(-1, POLICY // 8)


def raw(records, device="cpu"):
    """Numpy records (n,) to rows, uint8 (n, 96), on `device`; the memory is copied."""
    flat = np.array(records).view(np.uint8).reshape(-1, RECORD.itemsize)
    return torch.from_numpy(flat).to(device)


def legal_mask(bitmaps):
    """Bitmaps (n, 584) to bool (n, 4672)."""
    return torch.from_numpy(np.unpackbits(np.ascontiguousarray(bitmaps), axis=1, bitorder="little").astype(bool))


def _mirror_table():
    """Policy index after swapping the a- and the h-file, int64 (4672,)."""
    out = torch.zeros(POLICY, dtype=torch.int64)
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
_FLIP = torch.arange(64) ^ 7


def indices(rows):
    """Policy indices of the labels, int64 (n, 4), 65535 for none."""
    return rows[:, INDEX].contiguous().view(torch.int16).long() & 0xFFFF


def scores(rows):
    """Scores of the labels, float32 (n, 4); a mate in n is 30000 - n."""
    return rows[:, SCORE].contiguous().view(torch.int16).float()


def augment(rows, rng, mirror=0.5, forget_last=0.1):
    """A changed copy of `rows`: mirrored with probability `mirror` where nobody may castle, and without the last move
    with probability `forget_last` (so that positions given by FEN alone are known to the network). `rng` is numpy's, so
    that the draw does not depend on the device."""
    draws = torch.from_numpy(rng.random((2, len(rows)), dtype=np.float32)).to(rows.device)
    flip = (draws[0] < mirror) & (rows[:, CASTLING] == 0)
    flipped = rows.clone()
    flipped[:, :64] = rows[:, _FLIP.to(rows.device)]
    for at in (EP, LAST_FROM, LAST_TO):
        flipped[:, at] = torch.where(rows[:, at] == NONE, rows[:, at], rows[:, at] ^ 7)
    index = indices(rows)
    mirrored = torch.where(index < POLICY, MIRROR.to(rows.device)[index.clamp(max=POLICY - 1)], index)
    flipped[:, INDEX] = mirrored.to(torch.int16).view(torch.uint8)
    out = torch.where(flip[:, None], flipped, rows)
    forget = draws[1] < forget_last
    for at in (LAST_FROM, LAST_TO):
        out[:, at] = torch.where(forget, NONE, out[:, at])
    return out


def planes(rows):
    """Input planes, float32 (n, 20, 8, 8) in channels-last memory: 1.0 for 128, plane 17 is value / 128."""
    n, device = len(rows), rows.device
    out = torch.zeros(n, 64, PLANES, device=device)
    out[:, :, :12] = rows[:, :64, None] == torch.arange(1, 13, dtype=torch.uint8, device=device)
    for k in range(4):
        out[:, :, 12 + k] = (rows[:, CASTLING] >> k & 1)[:, None]
    squares = torch.arange(64, dtype=torch.uint8, device=device)
    for at, plane in ((EP, 16), (LAST_FROM, 18), (LAST_TO, 19)):
        out[:, :, plane] = rows[:, at, None] == squares
    out[:, :, 17] = rows[:, HALFMOVE, None] / 128
    return out.view(n, 8, 8, PLANES).permute(0, 3, 1, 2)


def win_probability(score):
    """`1 / (1 + exp(-cp / 200))` of a float tensor of scores, with a mate as 10,000 centipawns; any shape."""
    cp = torch.where(score.abs() > MATE, score.sign() * 10000, score)
    return torch.sigmoid(cp.clamp(-4000, 4000) / 200)


def targets(rows):
    """Policy indices int64 (n, 4) and target probabilities float32 (n, 4), 0 for absent labels.

    The softmax is over the win probability, plus a little for material in decided positions and for the quicker mate."""
    score = scores(rows)
    value = win_probability(score) + 1e-4 * score.clamp(-2000, 2000)
    mate = score.abs() > MATE
    value = value + torch.where(mate, score.sign() * 0.1 / (30000 - score.abs()).clamp(min=1), 0)
    absent = torch.arange(4, device=rows.device)[None, :] >= rows[:, LABELS, None]
    weight = torch.softmax((value / LABEL_TEMPERATURE).masked_fill(absent, -torch.inf), 1)
    return indices(rows).masked_fill(absent, 0), weight


def value_targets(rows):
    """Win, draw, loss probabilities for the side to move, float32 (n, 3), and whether anything is known of them, float32
    (n,): the best label's score by the fitted curve, mixed with the game's result; either alone where the other is missing."""
    score = scores(rows)[:, 0]
    cp = torch.where(score.abs() > MATE, score.sign() * 10000, score)
    win, loss = torch.sigmoid((cp - WDL_CENTRE) / WDL_WIDTH), torch.sigmoid((-cp - WDL_CENTRE) / WDL_WIDTH)
    from_score = torch.stack([win, (1 - win - loss).clamp(min=0), loss], 1)
    result = rows[:, RESULT].view(torch.int8)
    from_result = torch.stack([result == 1, result == 0, result == -1], 1).float()
    scored, finished = rows[:, SCORED] == 1, result != 2
    share = torch.where(scored, RESULT_WEIGHT, 1.0) * finished
    target = share[:, None] * from_result + (1 - share)[:, None] * from_score
    return target, (scored | finished).float()


def losses(policy, value, rows):
    """Mean cross-entropies in nats over the batch: (over all 4,672 policy indices, over win, draw and loss)."""
    index, weight = targets(rows)
    wanted, known = value_targets(rows)
    of_policy = -(torch.log_softmax(policy.float(), 1).gather(1, index) * weight).sum(1)
    of_value = -(torch.log_softmax(value.float(), 1) * wanted).sum(1) * known
    return of_policy.mean(), of_value.sum() / known.sum().clamp(min=1)


def measure(policy, value, rows, bitmaps):
    """Sums over the batch of: both cross-entropies, error of the expected score, top-1 with the legal mask, illegal moves
    that outscore the chosen one, and over the plies with several labels top-1, in the labelled moves, win-probability loss.
    `policy` (n, 4672), `value` (n, 3)."""
    index, weight = targets(rows)
    of_policy, of_value = losses(policy, value, rows)
    wanted, known = value_targets(rows)
    expected = torch.softmax(value.float(), 1) @ torch.tensor([1.0, 0.5, 0.0])
    legal = legal_mask(bitmaps)
    best = policy.float().masked_fill(~legal, -1e30).argmax(1)
    hit = (index == best[:, None]) & (weight > 0)
    many = rows[:, LABELS] > 1
    score = scores(rows).double()
    worst = score.masked_fill(weight == 0, torch.inf).amin(1)
    label = torch.where(hit.any(1), (score * hit).sum(1), worst - UNLABELLED_CENTIPAWNS)
    # a score near a mate minus 30 is still that mate
    loss_win = (win_probability(score[:, 0]) - win_probability(label)).clamp(min=0)
    illegal = ((policy > policy.gather(1, best[:, None])) & ~legal).sum(1)
    return {
        "count": len(rows),
        "loss": float(of_policy) * len(rows),
        "known": float(known.sum()),
        "value_loss": float(of_value) * float(known.sum()),
        "value_error": float(((expected - wanted @ torch.tensor([1.0, 0.5, 0.0])).abs() * known).sum()),
        "top1": int(hit[:, 0].sum()),
        "illegal": illegal.tolist(),
        "many": int(many.sum()),
        "many_top1": int(hit[many, 0].sum()),
        "many_in4": int(hit[many].any(1).sum()),
        "many_win_loss": float(loss_win[many].sum()),
    }


def summarise(parts):
    """Means of a list of `measure` results."""
    total = {key: sum(part[key] for part in parts) for key in parts[0] if key != "illegal"}
    illegal = np.array([x for part in parts for x in part["illegal"]])
    count, known, many = total["count"], max(total["known"], 1), max(total["many"], 1)
    return {
        "positions": count,
        "loss": total["loss"] / count,
        "value_loss": total["value_loss"] / known,
        "value_error": total["value_error"] / known,
        "top1": total["top1"] / count,
        "many_positions": total["many"],
        "many_top1": total["many_top1"] / many,
        "many_in4": total["many_in4"] / many,
        "many_win_loss": total["many_win_loss"] / many,
        "illegal_mean": float(illegal.mean()),
        "illegal_p99": float(np.percentile(illegal, 99)),
        "illegal_max": int(illegal.max()),
        "argmax_legal": float((illegal == 0).mean()),
    }
