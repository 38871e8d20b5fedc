"""Bicubic interpolation."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from ganzoo.networks import UPSAMPLERS
from ganzoo.networks.resample import ResizeConv


class Bicubic(ResizeConv):
    """Bicubic interpolation, then a convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, 2H, 2W)."""
        return self.conv(F.interpolate(x, scale_factor=2, mode="bicubic"))


UPSAMPLERS.add("bicubic", Bicubic)
