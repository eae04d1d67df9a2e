"""Figures of a checkpoint (float arithmetic) and of a `.quant` or `.model` (integer arithmetic), alone or against each other,
on held-out positions of labelled games. Games, puzzles and endings: `bench/`.

`evaluate.py --data DIR [--checkpoint CKPT.pt] [--quant NET.quant]`
"""

import argparse
import json
from pathlib import Path

import chess
import numpy as np
import torch

import positions
import records
from network import load_checkpoint
from quantised import QuantisedNet

KNOWN = [
    ("start position", chess.STARTING_FEN),
    ("after 1.e4", "rnbqkbnr/pppppppp/8/8/4P3/8/PPPP1PPP/RNBQKBNR b KQkq - 0 1"),
    ("hanging queen on d5 (Nc3xd5)", "rnb1kbnr/ppp1pppp/8/3q4/8/2N5/PPPP1PPP/R1BQKBNR w KQkq - 0 4"),
    ("hanging queen on h4 (Nf3xh4)", "rnb1kbnr/pppp1ppp/8/4p3/4P2q/5N2/PPPP1PPP/RNBQKB1R w KQkq - 2 3"),
    ("back-rank mate (Re8#)", "6k1/5ppp/8/8/8/8/5PPP/4R1K1 w - - 0 1"),
    ("scholar's mate (Qxf7#)", "r1bqkb1r/pppp1ppp/2n2n2/4p2Q/2B1P3/8/PPPP1PPP/RNB1K1NR w KQkq - 4 4"),
    ("fool's mate (Qh4#)", "rnbqkbnr/pppp1ppp/8/4p3/6P1/5P2/PPPPP2P/RNBQKBNR b KQkq - 0 2"),
    ("promotion (e8=Q)", "8/4P3/8/8/8/k7/8/4K3 w - - 0 1"),
]


def float_logits(net):
    """Rows to (policy logits (n, 4672), value logits (n, 3)) of a float network."""

    def logits(rows):
        with torch.no_grad():
            return net(records.planes(rows))

    return logits


def integer_logits(net):
    """The same of a QuantisedNet, exact in float64: integers divided by their scale."""

    def logits(rows):
        policy, value = net.forward((records.planes(rows) * 128).round().long())
        return policy.double() / 2**net.logit_scale_log2, value.double() / 2 ** (net.logit_scale_log2 + 6)

    return logits


def best_moves(policy, bitmaps):
    """Legal index with the largest logit, the lowest among equals, (n,)."""
    return policy.masked_fill(~records.legal_mask(bitmaps), -torch.inf).argmax(1)


def validation(networks, data, count):
    """Figures per network on `count` evenly spaced positions, and the agreement of two networks' best moves."""
    val, legal = records.load(data / "val.bin"), records.load_legal(data / "val.legal")
    chosen = np.linspace(0, len(val) - 1, min(count, len(val))).astype(np.int64)
    parts, moves, out = {k: [] for k in networks}, {k: [] for k in networks}, {}
    out["checked"] = positions.check_against(val, legal)
    for at in range(0, len(chosen), 250):
        rows, bitmaps = records.raw(val[chosen[at : at + 250]]), legal[chosen[at : at + 250]]
        for name, logits in networks.items():
            policy, value = logits(rows)
            parts[name].append(records.measure(policy, value, rows, bitmaps))
            moves[name].append(best_moves(policy, bitmaps))
    for name in networks:
        out[name] = records.summarise(parts[name])
    if len(networks) == 2:
        first, second = (torch.cat(x) for x in moves.values())
        out["agreement"] = float((first == second).double().mean())
    return out


def best_on(board, logits):
    """Best legal moves of one board, [(move, probability)] best first, and (win, draw, loss)."""
    moves = list(board.legal_moves)
    index = [positions.policy_index(move, board.turn) for move in moves]
    policy, value = logits(records.raw(positions.record(board)))
    share = torch.softmax(policy[0, index].double(), 0)
    order = sorted(range(len(moves)), key=lambda k: (-float(share[k]), index[k]))
    return [(moves[k], float(share[k])) for k in order], torch.softmax(value[0].double(), 0).tolist()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--checkpoint")
    parser.add_argument("--quant")
    parser.add_argument("--count", type=int, default=4000, help="validation positions")
    parser.add_argument("--json", help="write the figures there")
    args = parser.parse_args()
    torch.set_num_threads(1)  # two threads spin when another process holds a core
    networks = {}
    if args.checkpoint:
        networks["float"] = float_logits(load_checkpoint(args.checkpoint)[0])
    if args.quant:
        networks["integer"] = integer_logits(QuantisedNet.read(args.quant))
    figures = validation(networks, args.data, args.count)
    print(f"encoding agrees with python-chess on {figures['checked']} validation positions")
    for name in networks:
        print(name, " ".join(f"{k}={v:.4f}" if isinstance(v, float) else f"{k}={v}" for k, v in figures[name].items()))
    if "agreement" in figures:
        print(f"same best legal move: {figures['agreement']:.4f}")
    if args.json:
        Path(args.json).write_text(json.dumps(figures, indent=1) + "\n")
    logits = list(networks.values())[-1]
    for name, fen in KNOWN:
        board = chess.Board(fen)
        best, (win, draw, loss) = best_on(board, logits)
        moves = ", ".join(f"{board.san(move)} {share:.2f}" for move, share in best[:3])
        print(f"{name}: {moves}; win {win:.2f} draw {draw:.2f} loss {loss:.2f}")


if __name__ == "__main__":
    main()
