"""A trained quantised network as the start of a float one, of the same shape or larger.

Weights and activations are taken back to real units; batch norm gets the statistics of real positions and the gains that
undo them, so that a network of the same shape computes what the quantised one does, but for its rounding. The value planes of
a network of format version 1, which has none, start at zero. New channels start at random and write nothing into the old ones;
new blocks at the end add nothing to the old channels.
"""

import numpy as np
import torch
import torch.nn.functional as F

from network import ACTIVATION_STEPS, CEILING, INPUT_SHIFT, FloatNet
from quantised import QuantisedNet


def real_layer(layer, input_shift):
    """TrunkLayer -> (weights (C, I, 3, 3), biases (C,)), float32 in real units."""
    scale = 2.0 ** layer.shifts.astype(np.float64)
    weights = layer.weights / (scale / 2**input_shift)[:, None, None]
    biases = layer.biases / (scale * ACTIVATION_STEPS)
    return (
        torch.from_numpy(weights.astype(np.float32)).view(*layer.weights.shape[:2], 3, 3),
        torch.from_numpy(biases.astype(np.float32)),
    )


def _set_layer(conv, norm, layer, input_shift, x):
    """Writes one layer into the old corner of `conv` and `norm` and normalises by the inputs `x` (n, I, 8, 8)."""
    with torch.no_grad():
        old = 0
        if layer is not None:
            weights, biases = real_layer(layer, input_shift)
            old, inputs = weights.shape[:2]
            conv.weight[:old] = 0
            conv.weight[:old, :inputs] = weights
        y = F.conv2d(x, conv.weight, padding=1)
        mean, var = y.mean((0, 2, 3)), y.var((0, 2, 3), unbiased=False)
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(var)
        if layer is not None:
            norm.weight[:old] = torch.sqrt(var[:old] + norm.eps)
            norm.bias[:old] = biases + mean[:old]
        return F.batch_norm(y, mean, var, norm.weight, norm.bias, eps=norm.eps)


def grow(path, channels, blocks, planes):
    """The network of `path` (`.quant` or `.model`) as a FloatNet of `channels` x `blocks`; `planes` (n, 20, 8, 8) are real
    positions for the statistics. Raises ValueError if the new shape is smaller."""
    source = QuantisedNet.read(path)
    if channels < source.channels or blocks < source.blocks:
        raise ValueError(f"{source.channels} x {source.blocks} does not fit into {channels} x {blocks}")
    if any(source.skip_exponents):
        raise ValueError("skip exponents other than 0")
    net = FloatNet(channels, blocks).train()
    old = source.channels
    layers = source.layers + [None] * (2 * (blocks - source.blocks))
    x = F.hardtanh(_set_layer(net.stem, net.stem_norm, layers[0], INPUT_SHIFT, planes), 0.0, CEILING)
    for number, block in enumerate(net.blocks):
        first, second = layers[2 * number + 1], layers[2 * number + 2]
        y = F.hardtanh(_set_layer(block.conv1, block.norm1, first, 0, x), 0.0, CEILING)
        if second is None:
            with torch.no_grad():
                block.norm2.weight[:old] = 0
        x = F.hardtanh(x + _set_layer(block.conv2, block.norm2, second, 0, y), 0.0, CEILING)
    with torch.no_grad():
        count, scale = len(source.head_biases), 2.0**source.logit_scale_log2  # 73 planes in format version 1: no value
        net.head.weight.zero_()
        net.head.weight[:count, :old, 0, 0] = torch.from_numpy((source.head_weights * ACTIVATION_STEPS / scale).astype(np.float32))
        net.head.bias[:count] = torch.from_numpy((source.head_biases / scale).astype(np.float32))
    return net
