"""The residual tower of docs/network.md in real units: float with batch norm, and folded with fake quantisation.

Real units: an activation is integer / 64, so the integer range 0..255 is 0..255/64; an input plane entry is integer / 128.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F

PLANES, POLICY_PLANES, VALUE_PLANES = 20, 73, 3
HEAD_PLANES = POLICY_PLANES + VALUE_PLANES
ACTIVATION_STEPS = 64  # integer activation per real unit
CEILING = 255 / ACTIVATION_STEPS
WEIGHT_MAX, SHIFT_MAX = 127, 14
HEAD_MAX = WEIGHT_MAX / 64  # larger head weights are cut off: a few per cent of them, for 4 times the resolution of the rest
INPUT_SHIFT = 1  # layer 1 multiplies planes of 128 per unit: its integer weights are real / 2 * 2^s


class Block(nn.Module):
    """Two 3x3 convolutions and the skip, (n, C, 8, 8) -> (n, C, 8, 8)."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        nn.init.constant_(self.norm2.weight, 0.5)

    def forward(self, x):
        y = F.hardtanh(self.norm1(self.conv1(x)), 0.0, CEILING)
        return F.hardtanh(x + self.norm2(self.conv2(y)), 0.0, CEILING)


def _start_value_planes(head):
    """Win, draw and loss start equal: an untrained value disturbs nothing in a network grown from one without it."""
    nn.init.zeros_(head.weight[POLICY_PLANES:])
    nn.init.zeros_(head.bias[POLICY_PLANES:])


def split_head(head):
    """Head planes (n, 76, 8, 8) -> policy logits (n, 4672), win-draw-loss logits (n, 3): the means of the last three planes."""
    return head[:, :POLICY_PLANES].reshape(len(head), -1), head[:, POLICY_PLANES:].mean((2, 3))


class FloatNet(nn.Module):
    """Planes (n, 20, 8, 8) -> logits of `split_head`, with batch norm, ReLU and saturation at 255/64.

    `pooled`: after the middle block every channel gets a bias that is linear in the means of all channels over the board, the
    cheapest view of the whole board. For comparing architectures: the circuit has no such layer."""

    def __init__(self, channels, blocks, pooled=False):
        super().__init__()
        self.pool = nn.Linear(channels, channels) if pooled else None
        self.channels, self.num_blocks = channels, blocks
        self.stem = nn.Conv2d(PLANES, channels, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList(Block(channels) for _ in range(blocks))
        self.head = nn.Conv2d(channels, HEAD_PLANES, 1)
        _start_value_planes(self.head)

    def forward(self, planes):
        x = F.hardtanh(self.stem_norm(self.stem(planes)), 0.0, CEILING)
        for number, block in enumerate(self.blocks):
            x = block(x)
            if self.pool is not None and number == (len(self.blocks) - 1) // 2:
                x = F.hardtanh(x + self.pool(x.mean((2, 3)))[:, :, None, None], 0.0, CEILING)
        return split_head(self.head(x))


class RoundThrough(torch.autograd.Function):
    """Round half up in the forward pass, identity in the backward pass."""

    @staticmethod
    def forward(ctx, x):
        return torch.floor(x + 0.5)

    @staticmethod
    def backward(ctx, grad):
        return grad


round_through = RoundThrough.apply


def channel_shift(weight, input_shift):
    """Shift s per output channel, the largest in 0..14 with |weight / 2^input_shift * 2^s| <= 127. `weight` (C, I, 3, 3)."""
    largest = weight.detach().abs().amax(dim=(1, 2, 3)).clamp(min=1e-9) / 2**input_shift
    return torch.floor(torch.log2((WEIGHT_MAX + 0.49) / largest)).clamp(0, SHIFT_MAX)


def head_scale_log2(weight):
    """logit_scale_log2: the largest with |weight / 64 * 2^scale| <= 127 over the whole head."""
    largest = float(weight.detach().abs().max()) / ACTIVATION_STEPS
    return int(torch.floor(torch.log2(torch.tensor((WEIGHT_MAX + 0.49) / largest))).clamp(0, 30))


class FoldedNet(nn.Module):
    """Convolutions with biases (batch norm folded), weights and activations rounded as docs/network.md rounds them."""

    def __init__(self, channels, blocks):
        super().__init__()
        self.channels, self.num_blocks = channels, blocks
        sizes = [PLANES] + [channels] * (2 * blocks)
        self.convs = nn.ModuleList(nn.Conv2d(i, channels, 3, padding=1) for i in sizes)
        self.head = nn.Conv2d(channels, HEAD_PLANES, 1)
        self.fake_quantise = True

    def _layer(self, number, x, skip):
        conv = self.convs[number]
        weight = conv.weight
        if self.fake_quantise:
            shift = channel_shift(weight, INPUT_SHIFT if number == 0 else 0)
            scale = torch.exp2(shift - (INPUT_SHIFT if number == 0 else 0)).view(-1, 1, 1, 1)
            weight = round_through(weight * scale).clamp(-WEIGHT_MAX, WEIGHT_MAX) / scale
        y = F.conv2d(x, weight, conv.bias, padding=1)
        if skip is not None:
            y = y + skip
        y = F.hardtanh(y, 0.0, CEILING)
        return round_through(y * ACTIVATION_STEPS) / ACTIVATION_STEPS if self.fake_quantise else y

    def forward(self, planes):
        x = self._layer(0, planes, None)
        for block in range(self.num_blocks):
            y = self._layer(2 * block + 1, x, None)
            x = self._layer(2 * block + 2, y, x)
        weight = self.head.weight.clamp(-HEAD_MAX, HEAD_MAX)
        if self.fake_quantise:
            scale = 2.0 ** (head_scale_log2(weight) - 6)
            weight = round_through(weight * scale).clamp(-WEIGHT_MAX, WEIGHT_MAX) / scale
        return split_head(F.conv2d(x, weight, self.head.bias))


def fold(net):
    """FloatNet -> FoldedNet with the running statistics. Raises ValueError for a pooled one."""
    if net.pool is not None:
        raise ValueError("a network with a pooled bias has no integer form")
    out = FoldedNet(net.channels, net.num_blocks)
    pairs = [(net.stem, net.stem_norm)]
    for block in net.blocks:
        pairs += [(block.conv1, block.norm1), (block.conv2, block.norm2)]
    with torch.no_grad():
        for target, (conv, norm) in zip(out.convs, pairs, strict=True):
            gain = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            target.weight.copy_(conv.weight * gain.view(-1, 1, 1, 1))
            target.bias.copy_(norm.bias - norm.running_mean * gain)
        out.head.weight.copy_(net.head.weight.clamp(-HEAD_MAX, HEAD_MAX))
        out.head.bias.copy_(net.head.bias)
    return out


def empty(stage, channels, blocks, pooled):
    """An untrained network of a stage and shape."""
    return FoldedNet(channels, blocks) if stage == "qat" else FloatNet(channels, blocks, pooled)


def load_checkpoint(path, average=True):
    """A checkpoint's network (averaged weights by default) in evaluation mode, and the checkpoint."""
    state = torch.load(path, map_location="cpu", weights_only=True)
    shape = state["shape"]
    net = empty(shape["stage"], shape["channels"], shape["blocks"], shape.get("pooled", False))
    net.load_state_dict(state["average" if average else "model"])
    return net.to(memory_format=torch.channels_last).eval(), state
