"""The quantised network: its file (`.quant`, docs/network.md section 4) and its integer arithmetic (section 3), exactly."""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

PLANES, POLICY_PLANES = 20, 73
HEAD_PLANES = {1: POLICY_PLANES, 2: POLICY_PLANES + 3}  # by format version; the last three of version 2 are win, draw, loss
MAGIC, VERSION = b"FAIRMATE", 2
Q_MIN, Q_MAX = -32768, 32767
LOGIT_MAX = 2**25 - 1
VALUE_MAX = 2**23 - 1
LOGIT_SCALE_LOG2_MAX = 18
PARAMETERS_MAX = 20_000_000
MODEL_TRAILER_BYTES = 32 + 32 + 20 + 32  # weights hash, root, value, digest


class OutOfRange(ValueError):
    """A weight, shift or worst-case bound that docs/network.md forbids."""


def _convolve(inputs, kernel, padding):
    """Convolution of integers 0..255 with integer weights, int64 in and out."""
    exact_in_float32 = 255 * int(kernel.abs().sum((1, 2, 3)).max()) < 2**24
    dtype = torch.float32 if exact_in_float32 else torch.float64
    return F.conv2d(inputs.to(dtype), kernel.to(dtype), padding=padding).long()


@dataclass
class TrunkLayer:
    shifts: np.ndarray  # int64 (C,), 0..14
    biases: np.ndarray  # int64 (C,), int32 range
    weights: np.ndarray  # int64 (C, I, 9), -127..127


@dataclass
class QuantisedNet:
    channels: int
    blocks: int
    logit_scale_log2: int
    layers: list  # 1 + 2 * blocks TrunkLayers
    head_biases: np.ndarray  # int64 (76,), (73,) in format version 1
    head_weights: np.ndarray  # int64 (76, C), (73, C) in format version 1
    skip_exponents: list = field(default_factory=list)  # one per block, 0..7

    @property
    def version(self):
        """Format version: 1 has no value planes and is only read."""
        return 2 if len(self.head_biases) == HEAD_PLANES[2] else 1

    def trunk(self, planes):
        """Integer planes (n, 20, 8, 8) in 0..128 -> last activations int64 (n, C, 8, 8) in 0..255.

        Convolutions run in float32 where every partial sum stays below 2^24, else in float64: exact either way."""
        inputs = planes.long()
        outputs = [inputs]
        for number, layer in enumerate(self.layers, start=1):
            shifts = torch.from_numpy(layer.shifts).view(1, -1, 1, 1)
            kernel = torch.from_numpy(layer.weights).view(*layer.weights.shape[:2], 3, 3)
            acc = _convolve(inputs, kernel, padding=1) + torch.from_numpy(layer.biases).view(1, -1, 1, 1)
            if number >= 3 and number % 2 == 1:
                exponent = self.skip_exponents[(number - 3) // 2]
                acc = acc + (outputs[number - 2] << (shifts - exponent))
            half = torch.where(shifts == 0, torch.zeros_like(shifts), 1 << (shifts - 1).clamp(min=0))
            inputs = ((acc + half) >> shifts).clamp(0, 255)
            outputs.append(inputs)
        return inputs

    def forward(self, planes):
        """Integer planes (n, 20, 8, 8) in 0..128 -> integers int64: policy logits (n, 4672), and for win, draw and loss the
        sums over the squares (n, 3), which are logits of 2^(logit_scale_log2 + 6) a unit. Version 1: zeros for the value."""
        head = _convolve(self.trunk(planes), torch.from_numpy(self.head_weights)[:, :, None, None], padding=0)
        head = (head + torch.from_numpy(self.head_biases).view(1, -1, 1, 1)).flatten(2)
        value = head[:, POLICY_PLANES:].sum(2) if self.version == 2 else torch.zeros(len(head), 3, dtype=torch.int64)
        return head[:, :POLICY_PLANES].flatten(1), value

    def check(self):
        """Raises OutOfRange unless everything docs/network.md section 3 demands holds.

        Returns the worst-case extremes: (least Q, greatest Q, greatest |policy logit|, greatest |value plane entry|)."""
        c, b = self.channels, self.blocks
        if not (16 <= c <= 384 and 1 <= b <= 24 and 0 <= self.logit_scale_log2 <= LOGIT_SCALE_LOG2_MAX):
            raise OutOfRange(f"shape {c} x {b}, logit_scale_log2 {self.logit_scale_log2}")
        if len(self.layers) != 1 + 2 * b or len(self.skip_exponents) != b:
            raise OutOfRange("number of layers or skip exponents")
        parameters = sum(x.weights.size + c for x in self.layers) + self.head_weights.size + len(self.head_biases)
        if parameters > PARAMETERS_MAX:
            raise OutOfRange(f"{parameters} parameters")
        least, greatest = 0, 0
        for number, layer in enumerate(self.layers, start=1):
            shape = (c, PLANES if number == 1 else c, 9)
            if layer.weights.shape != shape or layer.shifts.shape != (c,) or layer.biases.shape != (c,):
                raise OutOfRange(f"layer {number}: shape {layer.weights.shape}, expected {shape}")
            self._check_range(f"layer {number} weights", layer.weights, -127, 127)
            self._check_range(f"layer {number} shifts", layer.shifts, 0, 14)
            self._check_range(f"layer {number} biases", layer.biases, -(2**31), 2**31 - 1)
            largest_input = 128 if number == 1 else 255
            high = layer.biases + largest_input * np.maximum(layer.weights, 0).sum((1, 2))
            low = layer.biases + largest_input * np.minimum(layer.weights, 0).sum((1, 2))
            if number >= 3 and number % 2 == 1:
                exponent = self.skip_exponents[(number - 3) // 2]
                if not 0 <= exponent <= min(7, int(layer.shifts.min())):
                    raise OutOfRange(f"layer {number}: skip exponent {exponent}")
                high = high + (255 << (layer.shifts - exponent))
            half = np.where(layer.shifts == 0, 0, 1 << np.maximum(layer.shifts - 1, 0))
            high, low = (high + half) >> layer.shifts, (low + half) >> layer.shifts
            if low.min() < Q_MIN or high.max() > Q_MAX:
                raise OutOfRange(f"layer {number}: Q between {low.min()} and {high.max()}")
            least, greatest = min(least, int(low.min())), max(greatest, int(high.max()))
        if len(self.head_biases) not in HEAD_PLANES.values() or self.head_weights.shape != (len(self.head_biases), c):
            raise OutOfRange(f"head: shape {self.head_weights.shape}")
        self._check_range("head weights", self.head_weights, -127, 127)
        self._check_range("head biases", self.head_biases, -(2**31), 2**31 - 1)
        high = self.head_biases + 255 * np.maximum(self.head_weights, 0).sum(1)
        low = self.head_biases + 255 * np.minimum(self.head_weights, 0).sum(1)
        largest = np.maximum(high, -low)
        logit, value = int(largest[:POLICY_PLANES].max()), int(largest[POLICY_PLANES:].max(initial=0))
        if logit > LOGIT_MAX or value > VALUE_MAX:
            raise OutOfRange(f"|policy logit| up to {logit}, |value plane entry| up to {value}")
        return least, greatest, logit, value

    @staticmethod
    def _check_range(name, values, low, high):
        if values.min() < low or values.max() > high:
            raise OutOfRange(f"{name} between {values.min()} and {values.max()}")

    def to_bytes(self):
        """The file's bytes, format version 2."""
        if self.version != VERSION:
            raise OutOfRange("format version 1 is no longer written")
        parts = [MAGIC, np.array([VERSION, self.channels, self.blocks], "<u2").tobytes()]
        parts += [bytes([self.logit_scale_log2, 0]), bytes(self.skip_exponents)]
        for layer in self.layers:
            parts += [layer.shifts.astype("u1").tobytes(), layer.biases.astype("<i4").tobytes()]
            parts.append(layer.weights.astype("i1").tobytes())
        parts += [self.head_biases.astype("<i4").tobytes(), self.head_weights.astype("i1").tobytes()]
        return b"".join(parts)

    def write(self, path):
        """Checks, then writes beside and renames."""
        self.check()
        temporary = f"{path}.tmp"
        with open(temporary, "wb") as file:
            file.write(self.to_bytes())
        os.replace(temporary, path)

    @classmethod
    def read(cls, path):
        """Reads a `.quant`, or the network of a `.model`, and checks it."""
        data = Path(path).read_bytes()
        if str(path).endswith(".model"):
            data = data[:-MODEL_TRAILER_BYTES]
        at = 0

        def take(dtype, *shape):
            nonlocal at
            count = int(np.prod(shape))
            out = np.frombuffer(data, dtype, count, at).reshape(shape).astype(np.int64)
            at += count * np.dtype(dtype).itemsize
            return out

        if data[:8] != MAGIC:
            raise OutOfRange("not a quantised network")
        at = 8
        version, c, b = (int(x) for x in take("<u2", 3))
        scale, zero = (int(x) for x in take("u1", 2))
        if version not in HEAD_PLANES or zero != 0:
            raise OutOfRange("format version")
        skips = [int(x) for x in take("u1", b)]
        layers = []
        for number in range(1 + 2 * b):
            shifts, biases = take("u1", c), take("<i4", c)
            layers.append(TrunkLayer(shifts, biases, take("i1", c, c if number else PLANES, 9)))
        planes = HEAD_PLANES[version]
        net = cls(c, b, scale, layers, take("<i4", planes), take("i1", planes, c), skips)
        if at != len(data):
            raise OutOfRange("length")
        net.check()
        return net
