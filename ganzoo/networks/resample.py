"""Upsamplers, downsamplers and pooling: `UPSAMPLERS[name](inputs, outputs, kernel, bias)`; kernel None = its default."""

import warnings
from typing import Literal, Protocol

from einops.layers.torch import Reduce
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.kernels import dispatch
from ganzoo.networks.layers import SameConv
from ganzoo.registry import Registry


class Resampler(Protocol):
    """A function that builds a module which changes the number of channels, and height and width by a factor of two."""

    def __call__(self, inputs: int, outputs: int, kernel: int | None = None, bias: bool = True) -> nn.Module:
        """Build the module."""


UPSAMPLERS: Registry[Resampler] = Registry("upsampler")


def checkerboard(kernel: int) -> float:
    """Unevenness of a transposed convolution's output coverage with stride 2: (max - min) / mean of the taps per pixel.

    0 for an even kernel, 1.33 for 3, 0.8 for 5 (Odena et al. 2016, "Deconvolution and checkerboard artifacts").
    """
    return (
        4 / kernel if kernel % 2 else 0.0
    )  # taps along an axis alternate between (kernel + 1) / 2 and (kernel - 1) / 2


class ConvTranspose(nn.ConvTranspose2d):
    """Transposed convolution with stride 2 (Radford et al. 2016). Warns if the stride does not divide the kernel size."""

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None, bias: bool = True) -> None:
        kernel = kernel or 4
        if kernel % 2:
            warnings.warn(
                f"a transposed convolution with kernel {kernel} and stride 2 covers its output unevenly (checkerboard "
                f"{checkerboard(kernel):.2f}): use an even kernel, or upsample = 'pixelshuffle' or 'nearest'",
                stacklevel=2,
            )
        padding = (kernel - 1) // 2
        super().__init__(inputs, outputs, kernel, 2, padding, output_padding=kernel % 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:  # type: ignore[override]
        """(N, inputs, H, W) -> (N, outputs, 2H, 2W)."""
        kernel = self.kernel_size[0]
        return dispatch.conv_transpose2d(x, self.weight, self.bias, 2, (kernel - 1) // 2, kernel % 2)


class SubPixelConv(SameConv):
    """The convolution before a pixel shuffle; `ganzoo.networks.initialization` initializes its sub-pixels equal (ICNR)."""


class PixelShuffle(nn.Module):
    """Convolution to four times the channels, rearranged to 2x2 pixels (Shi et al. 2016; ICNR: Aitken et al. 2017)."""

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None, bias: bool = True) -> None:
        super().__init__()
        self.conv = SubPixelConv(inputs, 4 * outputs, kernel or 3, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, 2H, 2W)."""
        return dispatch.to_memory_format(F.pixel_shuffle(self.conv(x), 2))


class ResizeConv(nn.Module):
    """Interpolation, then a convolution (Odena et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None, bias: bool = True) -> None:
        super().__init__()
        self.conv = SameConv(inputs, outputs, kernel or 3, bias)


class Nearest(ResizeConv):
    """Nearest-neighbor interpolation, then a convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, 2H, 2W)."""
        y: Tensor = self.conv(x, "nearest")
        return y


class Bilinear(ResizeConv):
    """Bilinear interpolation, then a convolution."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, 2H, 2W)."""
        y: Tensor = self.conv(F.interpolate(x, scale_factor=2, mode="bilinear"))
        return y


UPSAMPLERS.add("convtranspose", ConvTranspose)
UPSAMPLERS.add("pixelshuffle", PixelShuffle)
UPSAMPLERS.add("nearest", Nearest)
UPSAMPLERS.add("bilinear", Bilinear)


Pooling = Literal["none", "mean", "sum"]
"""Pooling of a map over its pixels: "none" flattens it, "mean" as in Gulrajani et al. 2017, "sum" as in Miyato et al. 2018."""

DOWNSAMPLERS: Registry[Resampler] = Registry("downsampler")


class Stride(nn.Conv2d):
    """Convolution with stride 2 (Radford et al. 2016)."""

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None, bias: bool = True) -> None:
        kernel = kernel or 4
        super().__init__(inputs, outputs, kernel, 2, padding=(kernel - 1) // 2, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2)."""
        return dispatch.conv2d(x, self.weight, self.bias, 2, (self.kernel_size[0] - 1) // 2)


class Pool(nn.Module):
    """Convolution, then the mean of 2x2 pixels (Gulrajani et al. 2017)."""

    def __init__(self, inputs: int, outputs: int, kernel: int | None = None, bias: bool = True) -> None:
        super().__init__()
        self.conv = SameConv(inputs, outputs, kernel or 3, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2)."""
        y: Tensor = self.conv(x, "mean")
        return y


def features_of(width: int, side: int, pooling: Pooling) -> tuple[nn.Module, int]:
    """The layer that turns a map (N, width, side, side) into features, and their number."""
    if pooling == "none":
        return nn.Flatten(), width * side**2
    return Reduce("n c h w -> n c", pooling), width


DOWNSAMPLERS.add("stride", Stride)
DOWNSAMPLERS.add("pool", Pool)
