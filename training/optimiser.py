"""Muon for the trunk's kernels, AdamW for everything else, as one optimiser.

Muon (Jordan et al. 2024, `torch.optim.Muon`) takes matrices: a channels-last kernel (C, I, 3, 3) is given to it as the view
(C, 9 I) of the same memory. Its steps are scaled to AdamW's size, so both take the same rate.
"""

import torch
import torch.nn as nn


def _matrix(kernel):
    """(C, I, 3, 3) channels last -> (C, 9 I), sharing memory."""
    rows = kernel.permute(0, 2, 3, 1)
    return rows.view(len(rows), -1)


class Optimiser:
    """Steps `net`'s parameters; `param_groups`, `state_dict` and `load_state_dict` as in torch."""

    def __init__(self, net, rate):
        trunk = [p for p in net.parameters() if p.ndim == 4 and p.shape[2] == 3]
        others = [p for p in net.parameters() if p.ndim == 4 and p.shape[2] != 3]
        vectors = [p for p in net.parameters() if p.ndim <= 1]
        self.kernels = [(p, nn.Parameter(_matrix(p.data))) for p in trunk]
        self.muon = torch.optim.Muon(
            [matrix for _, matrix in self.kernels], lr=rate, weight_decay=0.01, adjust_lr_fn="match_rms_adamw"
        )
        groups = [{"params": others, "weight_decay": 0.01}, {"params": vectors, "weight_decay": 0.0}]
        self.adam = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), fused=True)
        self.parameters = list(net.parameters())

    @property
    def param_groups(self):
        return self.muon.param_groups + self.adam.param_groups

    def zero_grad(self):
        for p in self.parameters:
            p.grad = None

    def step(self):
        for kernel, matrix in self.kernels:
            matrix.grad = _matrix(kernel.grad.contiguous(memory_format=torch.channels_last))
        self.muon.step()
        self.adam.step()

    def state_dict(self):
        return {"muon": self.muon.state_dict(), "adam": self.adam.state_dict()}

    def load_state_dict(self, state):
        self.muon.load_state_dict(state["muon"])
        self.adam.load_state_dict(state["adam"])
