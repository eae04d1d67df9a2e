"""The quantised network: its file (`.quant`, docs/network.md section 4) and its integer arithmetic (section 3), exactly."""

import os
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F

PLANES, POLICY_PLANES = 20, 73
MAGIC, VERSION = b"FAIRMATE", 1
Q_MIN, Q_MAX = -32768, 32767
LOGIT_MAX = 2**26 - 1
PARAMETERS_MAX = 20_000_000
MODEL_TRAILER_BYTES = 32 + 32 + 20 + 32  # weights hash, root, value, digest


class OutOfRange(ValueError):
    """A weight, shift or worst-case bound that docs/network.md forbids."""


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
    head_biases: np.ndarray  # int64 (73,)
    head_weights: np.ndarray  # int64 (73, C)
    skip_exponents: list = field(default_factory=list)  # one per block, 0..7

    def forward(self, planes):
        """Integer planes (n, 20, 8, 8) in 0..128 -> integer logits int64 (n, 4672).

        The sums run in float64 matrix products, exact below 2^53; everything after them in int64."""
        inputs = planes.long()
        outputs = [inputs]
        for number, layer in enumerate(self.layers, start=1):
            shifts = torch.from_numpy(layer.shifts).view(1, -1, 1)
            columns = F.unfold(inputs.double(), 3, padding=1)  # (n, I * 9, 64), offset = 3 * (dr + 1) + df + 1
            weights = torch.from_numpy(layer.weights.astype(np.float64)).flatten(1)
            acc = (weights @ columns).long() + torch.from_numpy(layer.biases).view(1, -1, 1)
            if number >= 3 and number % 2 == 1:
                exponent = self.skip_exponents[(number - 3) // 2]
                acc = acc + (outputs[number - 2].flatten(2) << (shifts - exponent))
            half = torch.where(shifts == 0, torch.zeros_like(shifts), 1 << (shifts - 1).clamp(min=0))
            inputs = ((acc + half) >> shifts).clamp(0, 255).view(-1, self.channels, 8, 8)
            outputs.append(inputs)
        head = torch.from_numpy(self.head_weights.astype(np.float64)) @ inputs.double().flatten(2)
        return (head.long() + torch.from_numpy(self.head_biases).view(1, -1, 1)).flatten(1)

    def check(self):
        """Raises OutOfRange unless everything docs/network.md section 3 demands holds.

        Returns the worst-case extremes: (least Q, greatest Q, greatest |logit|)."""
        c, b = self.channels, self.blocks
        if not (16 <= c <= 384 and 1 <= b <= 24 and 0 <= self.logit_scale_log2 <= 30):
            raise OutOfRange(f"shape {c} x {b}, logit_scale_log2 {self.logit_scale_log2}")
        if len(self.layers) != 1 + 2 * b or len(self.skip_exponents) != b:
            raise OutOfRange("number of layers or skip exponents")
        parameters = sum(x.weights.size + c for x in self.layers) + self.head_weights.size + POLICY_PLANES
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
        self._check_range("head weights", self.head_weights, -127, 127)
        self._check_range("head biases", self.head_biases, -(2**31), 2**31 - 1)
        high = self.head_biases + 255 * np.maximum(self.head_weights, 0).sum(1)
        low = self.head_biases + 255 * np.minimum(self.head_weights, 0).sum(1)
        logit = int(max(high.max(), -low.min()))
        if logit > LOGIT_MAX:
            raise OutOfRange(f"|logit| up to {logit}")
        return least, greatest, logit

    @staticmethod
    def _check_range(name, values, low, high):
        if values.min() < low or values.max() > high:
            raise OutOfRange(f"{name} between {values.min()} and {values.max()}")

    def to_bytes(self):
        """The file's bytes."""
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
        data = open(path, "rb").read()
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
        if version != VERSION or zero != 0:
            raise OutOfRange("format version")
        skips = [int(x) for x in take("u1", b)]
        layers = []
        for number in range(1 + 2 * b):
            shifts, biases = take("u1", c), take("<i4", c)
            layers.append(TrunkLayer(shifts, biases, take("i1", c, c if number else PLANES, 9)))
        net = cls(c, b, scale, layers, take("<i4", POLICY_PLANES), take("i1", POLICY_PLANES, c), skips)
        if at != len(data):
            raise OutOfRange("length")
        net.check()
        return net
