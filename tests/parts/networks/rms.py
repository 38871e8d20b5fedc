"""Root mean square norm."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.networks.layers import NORMS


class RMSNorm(nn.Module):
    """A sample over the root mean square of all its values, with a scale per channel (Zhang & Sennrich 2019)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> the same shape."""
        size = x.square().mean(tuple(range(1, x.ndim)), keepdim=True)
        return x * (size + 1e-5).rsqrt() * self.weight.view(-1, *[1] * (x.ndim - 2))


NORMS.add("rms", RMSNorm)
