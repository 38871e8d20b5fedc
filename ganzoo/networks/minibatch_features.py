"""Minibatch features, which let D detect that all fakes are alike. Real and fake batches are never mixed."""

import torch
from einops import rearrange
from torch import Tensor, nn

from ganzoo.registry import Registry


class MinibatchStdDev(nn.Module):
    """The standard deviation over the batch, averaged over features: one number (Karras et al. 2018, section 3).

    https://arxiv.org/abs/1710.10196
    """

    extra = 1

    def __init__(self, features: int) -> None:
        super().__init__()

    def forward(self, features: Tensor) -> Tensor:
        """(N, F) -> (N, F + 1)."""
        # Not torch's std, whose gradient is infinite if all samples are equal.
        spread = (features.var(0, correction=0) + 1e-8).sqrt().mean()
        return torch.cat([features, spread.expand(len(features), 1)], 1)


class MinibatchDiscrimination(nn.Module):
    """Minibatch discrimination: closeness to the other samples in 16 learned 8-D projections (Salimans et al. 2016, sec. 3.2).

    o(i) = sum over j != i of exp(-||M_i - M_j||_1), M = T f; https://arxiv.org/abs/1606.03498
    """

    kernels, size = 16, 8
    extra = kernels

    def __init__(self, features: int) -> None:
        super().__init__()
        self.project = nn.Linear(features, self.kernels * self.size, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, F) -> (N, F + kernels)."""
        m = rearrange(in_float32(self.project(features)), "n (k s) -> n k s", k=self.kernels)
        distance = (m[:, None] - m[None]).abs().sum(3)
        closeness = (-distance).exp().sum(1) - 1  # without the sample itself, whose distance is 0
        return torch.cat([features, closeness], 1)


def in_float32(x: Tensor) -> Tensor:
    """`x` in float32 or higher: in bfloat16 a small closeness is rounded away next to the 1 that is subtracted."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


MINIBATCH_FEATURES: Registry[type[MinibatchStdDev] | type[MinibatchDiscrimination]] = Registry("minibatch feature")
MINIBATCH_FEATURES.add("stddev", MinibatchStdDev)
MINIBATCH_FEATURES.add("discrimination", MinibatchDiscrimination)
