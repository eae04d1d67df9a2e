"""Muon for the trunk's kernels, AdamW for everything else, as one optimiser.

Muon (Jordan et al. 2024): momentum, then the update is replaced by the nearest semi-orthogonal matrix, found by five
Newton-Schulz steps, scaled to AdamW's root mean square (Liu et al. 2025, arXiv:2502.16982), so both take the same rate. A
channels-last kernel (C, I, 3, 3) is the matrix (C, 9 I). `torch.optim.Muon` does the same in bf16, which took a third of a step
on a processor without bf16; here kernels of one shape go through the steps together, in the parameters' own precision.
"""

import torch

MOMENTUM, WEIGHT_DECAY = 0.95, 0.01
NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)  # quintic coefficients of the paper's reference
STEPS = 5


def _matrix(kernel):
    """(C, I, 3, 3) channels last -> (C, 9 I), sharing memory."""
    rows = kernel.permute(0, 2, 3, 1)
    return rows.view(len(rows), -1)


def orthogonalise(matrices):
    """Batch (n, R, C) of matrices to nearly semi-orthogonal ones: singular values about 0.7 to 1.2."""
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if tall else matrices
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)
    for _ in range(STEPS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


class Optimiser:
    """Steps `net`'s parameters; `param_groups`, `state_dict` and `load_state_dict` as in torch."""

    def __init__(self, net, rate):
        self.parameters = list(net.parameters())
        kernels = [p for p in self.parameters if p.ndim == 4 and p.shape[2] == 3]
        others = [p for p in self.parameters if p.ndim == 4 and p.shape[2] != 3]
        vectors = [p for p in self.parameters if p.ndim <= 1]
        self.muon = [
            {"params": [p for p in kernels if p.shape == shape], "lr": rate} for shape in dict.fromkeys(p.shape for p in kernels)
        ]
        self.momenta = [torch.stack([torch.zeros_like(_matrix(p.detach())) for p in group["params"]]) for group in self.muon]
        groups = [{"params": others, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
        self.adam = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)

    @property
    def param_groups(self):
        return self.muon + self.adam.param_groups

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    @torch.no_grad()
    def step(self):
        for group, momentum in zip(self.muon, self.momenta, strict=True):
            gradients = [p.grad.contiguous(memory_format=torch.channels_last) for p in group["params"]]
            gradient = torch.stack([_matrix(g) for g in gradients])
            momentum.lerp_(gradient, 1 - MOMENTUM)
            update = orthogonalise(gradient.lerp(momentum, MOMENTUM))  # Nesterov
            size = 0.2 * max(update.shape[1:]) ** 0.5
            for p, change in zip(group["params"], update, strict=True):
                matrix = _matrix(p)
                matrix.mul_(1 - group["lr"] * WEIGHT_DECAY).add_(change, alpha=-group["lr"] * size)
        self.adam.step()

    def state_dict(self):
        return {"momenta": self.momenta, "adam": self.adam.state_dict()}

    def load_state_dict(self, state):
        for momentum, saved in zip(self.momenta, state["momenta"], strict=True):
            momentum.copy_(saved)
        self.adam.load_state_dict(state["adam"])
