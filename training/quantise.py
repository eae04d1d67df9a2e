"""Checkpoint (float or qat) to `.quant`: `quantise.py CHECKPOINT OUT.quant`.

Scales: an activation is integer / 64 everywhere (training saturates at 255/64), so the residual stream shares one scale
and every skip exponent is 0; each output channel has its own power-of-two weight scale, the largest that keeps the
mantissas in int8; the head has one power of two for all planes. `network.FoldedNet` rounds in the same way in training.
"""

import argparse

import numpy as np
import torch

from network import ACTIVATION_STEPS, HEAD_MAX, INPUT_SHIFT, FoldedNet, channel_shift, fold, head_scale_log2, load_checkpoint
from quantised import QuantisedNet, TrunkLayer


def half_up(values):
    """Round half up, to int64 numpy."""
    return torch.floor(values.double() + 0.5).long().numpy()


def quantise(net):
    """FoldedNet -> QuantisedNet, checked."""
    layers = []
    with torch.no_grad():
        for number, conv in enumerate(net.convs):
            input_shift = INPUT_SHIFT if number == 0 else 0
            shift = channel_shift(conv.weight, input_shift)
            scale = torch.exp2(shift.double())
            weights = half_up(conv.weight * (scale / 2**input_shift).view(-1, 1, 1, 1))
            biases = half_up(conv.bias * scale * ACTIVATION_STEPS)
            layers.append(TrunkLayer(shift.long().numpy(), biases, weights.reshape(*weights.shape[:2], 9)))
        head_weight = net.head.weight.clamp(-HEAD_MAX, HEAD_MAX)
        scale_log2 = head_scale_log2(head_weight)
        head = half_up(head_weight * 2.0**scale_log2 / ACTIVATION_STEPS)[:, :, 0, 0]
        head_biases = half_up(net.head.bias * 2.0**scale_log2)
    out = QuantisedNet(
        net.channels, net.num_blocks, scale_log2, layers, head_biases, np.ascontiguousarray(head), [0] * net.num_blocks
    )
    out.check()
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    args = parser.parse_args()
    net, state = load_checkpoint(args.checkpoint)
    if not isinstance(net, FoldedNet):
        net = fold(net)
    quantised = quantise(net)
    quantised.write(args.out)
    least, greatest, logit, value = quantised.check()
    shifts = np.concatenate([layer.shifts for layer in quantised.layers])
    print(f"{args.out}: {quantised.channels} x {quantised.blocks}, {len(quantised.to_bytes())} bytes, {state['samples']} samples")
    print(f"worst case: Q {least}..{greatest}, |policy logit| {logit}, |value plane entry| {value}; shifts {shifts.min()}..{shifts.max()}, logit_scale_log2 {quantised.logit_scale_log2}")


if __name__ == "__main__":
    main()
