"""Ways to halve height and width: `DOWNSAMPLERS[name](inputs, outputs, kernel, bias)`; kernel None = its own.

And what becomes of the last map.
"""

from __future__ import annotations

from typing import Literal

from einops.layers.torch import Reduce
from torch import Tensor, nn

from ganzoo.networks import operators
from ganzoo.networks.layers import SameConv
from ganzoo.networks.upsample import Resampler
from ganzoo.registry import Registry

Pooling = Literal["none", "mean", "sum"]
"""Of a map over its pixels: none flattens it; the mean is Gulrajani et al.'s (2017), the sum Miyato et al.'s (2018)."""

DOWNSAMPLERS: Registry[Resampler] = Registry("downsampler")


class Stride(nn.Conv2d):
    """Convolution of stride 2 (Radford et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None, bias: bool = True) -> None:
        kernel = kernel or 4
        super().__init__(inputs, outputs, kernel, 2, padding=(kernel - 1) // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2)."""
        return operators.conv2d(x, self.weight, self.bias, 2, (self.kernel_size[0] - 1) // 2)


class Pool(nn.Module):
    """Convolution, then the mean of 2x2 pixels (Gulrajani et al. 2017)."""

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None, bias: bool = True) -> None:
        super().__init__()
        self.conv = SameConv(inputs, outputs, kernel or 3, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2)."""
        return self.conv(x, "mean")


def features_of(width: int, side: int, pooling: Pooling) -> tuple[nn.Module, int]:
    """What makes features of a map (N, width, side, side), and how many."""
    if pooling == "none":
        return nn.Flatten(), width * side**2
    return Reduce("n c h w -> n c", pooling), width


DOWNSAMPLERS.add("stride", Stride)
DOWNSAMPLERS.add("pool", Pool)
