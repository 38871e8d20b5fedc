"""R3GAN's network, config E: Huang et al. 2024, https://arxiv.org/abs/2501.05441, section 4 and the authors' code.

Residual blocks with grouped convolutions, as in ResNeXt. No norm; the zero at the end of each block replaces it (`init =
"fixup"`, Zhang et al. 2019, https://arxiv.org/abs/1901.09321). G ends linearly, D mirrors G. The authors' code adds a bias
in the activation, here it is the convolution's. Their networks have `condition = "concat"` in G and "product" in D, whose
score has no bias (`score_bias = false`).
"""

from itertools import pairwise
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganzoo.errors import InputError
from ganzoo.kernels import dispatch
from ganzoo.networks.backbone import BACKBONES, Backbone, Shape, base_grid, stage_widths
from ganzoo.networks.initialization import draw_weights
from ganzoo.networks.layers import OUTPUTS, Chain, LeakyReLU, Linear

SLOPE_GAIN = (2 / (1 + 0.2**2)) ** 0.5
"""He et al.'s gain for leaky ReLU with slope 0.2."""


class Conv(nn.Conv2d):
    """A convolution with stride 1 that keeps height and width; `gain` scales its weights under `init = "fixup"`."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int = 1, *, gain: float = 1.0, groups: int = 1, bias: bool = False
    ) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=bias)
        self.gain = gain

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W)."""
        return dispatch.conv2d(x, self.weight, self.bias, 1, self.kernel_size[0] // 2, self.groups)


class Block(nn.Module):
    """x + W3 a(W2 a(W1 x + b1) + b2): 1x1 to `expansion` times the channels, a grouped 3x3, 1x1 back; a is leaky ReLU.

    `depth` is the number of blocks of the network.
    """

    def __init__(self, width: int, expansion: int, group_width: int, depth: int) -> None:
        super().__init__()
        hidden, gain = width * expansion, SLOPE_GAIN * depth**-0.25
        groups = group_count(hidden, group_width)
        self.first = Conv(width, hidden, gain=gain, bias=True)
        self.second = Conv(hidden, hidden, 3, gain=gain, groups=groups, bias=True)
        self.last = Conv(hidden, width, gain=0.0)
        self.act = LeakyReLU()

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> the same shape."""
        y: Tensor = self.last(self.act(self.second(self.act(self.first(x)))))
        return x + y


def group_count(channels: int, group_width: int) -> int:
    """The largest number of equal groups with at least `group_width` channels each; 1 if `channels` are fewer."""
    return next(n for n in range(max(1, channels // group_width), 0, -1) if channels % n == 0)


class Resample(nn.Module):
    """Bilinear resampling by two with the kernel [1, 3, 3, 1] / 8 in each direction and zeros beyond the edge."""

    def __init__(self, direction: Literal["up", "down"]) -> None:
        super().__init__()
        self.up = direction == "up"

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, 2H, 2W) or (N, C, H / 2, W / 2)."""
        channels = x.shape[1]
        # Computed each time: a constant on the device would have to be saved with the weights.
        line = (4 - 2 * (torch.arange(4, device=x.device) - 1.5).abs()) / (4 if self.up else 8)
        kernel = torch.outer(line, line).to(x.dtype).expand(channels, 1, 4, 4)
        if self.up:
            return dispatch.conv_transpose2d(x, kernel, None, 2, 1, groups=channels)
        return dispatch.conv2d(x, kernel, None, 2, 1, groups=channels)


def transition(inputs: int, outputs: int, direction: Literal["up", "down"]) -> Chain:
    """Resampling, and a 1x1 convolution on the smaller map if the width changes."""
    resample: dict[str, nn.Module] = {"resample": Resample(direction)}
    widen: dict[str, nn.Module] = {} if inputs == outputs else {"widen": Conv(inputs, outputs)}
    return Chain(**(widen | resample if direction == "up" else resample | widen))


class Basis(nn.Module):
    """A learned map per channel, each times a linear function of the vector."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.map = nn.Parameter(torch.empty(outputs, size, size))
        self.linear = Linear(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs, size, size)."""
        factor: Tensor = self.linear(x)
        return dispatch.to_memory_format(factor[:, :, None, None] * self.map)


class Readout(nn.Conv2d):
    """A depthwise convolution with a kernel as large as the map: a weighted sum of the pixels of each channel."""

    def __init__(self, channels: int, size: int) -> None:
        super().__init__(channels, channels, size, groups=channels, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, size, size) -> (N, C)."""
        return (x * self.weight[:, 0]).sum((2, 3))


@draw_weights.register
def _(owner: Basis, leaf: str, out: Tensor, kind: str, g: torch.Generator) -> None:
    # An input, like an embedding: standard deviation 1 for every kind of initialization.
    out.normal_(generator=g)


class Decoder(Chain):
    """(N, inputs) -> (N, *shape), from a map of `width * min(2^stages, max_width_multiple)` channels."""

    def __init__(
        self,
        inputs: int,
        shape: Shape,
        classes: int = 0,
        *,
        width: PositiveInt = 128,  # channels of the map nearest to the image
        max_width_multiple: PositiveInt = 1,  # limit on the channels of a map, as a multiple of `width`
        blocks: PositiveInt = 2,  # residual blocks per map size
        expansion: PositiveInt = 2,  # channels within a block, as a multiple of the map's
        group_width: PositiveInt = 16,  # channels in a group of the 3x3 convolutions; 16 = cardinality width / 8
        output: Literal["tanh", "linear"] = "linear",  # tanh for images in [-1, 1], linear for other data
    ) -> None:
        if classes:
            raise InputError(
                "condition = 'batch-norm' needs batch norm, but r3gan has no norm; use condition = 'concat'"
            )
        start, stages = base_grid(shape)
        widths = stage_widths(width, max_width_multiple, stages + 1)[::-1]
        depth = blocks * len(widths)
        layers: dict[str, nn.Module] = {"stem": Basis(inputs, widths[0], start)}
        for i, channels in enumerate(widths):
            if i:
                layers[f"up{i}"] = transition(widths[i - 1], channels, "up")
            layers |= {f"block{i + 1}_{k + 1}": Block(channels, expansion, group_width, depth) for k in range(blocks)}
        super().__init__(**layers, image=Chain(conv=Conv(widths[-1], shape[0]), output=OUTPUTS[output]()))


class Encoder(Chain):
    """Images (N, *shape) -> one weighted sum per channel of the last map: (N, features)."""

    def __init__(
        self,
        shape: Shape,
        *,
        width: PositiveInt = 128,  # channels of the map nearest to the image
        max_width_multiple: PositiveInt = 1,  # limit on the channels of a map, as a multiple of `width`
        blocks: PositiveInt = 2,  # residual blocks per map size
        expansion: PositiveInt = 2,  # channels within a block, as a multiple of the map's
        group_width: PositiveInt = 16,  # channels in a group of the 3x3 convolutions; 16 = cardinality width / 8
    ) -> None:
        start, stages = base_grid(shape)
        widths = stage_widths(width, max_width_multiple, stages + 1)
        depth = blocks * len(widths)
        layers: dict[str, nn.Module] = {"image": Conv(shape[0], width)}
        for i, (channels, wider) in enumerate(pairwise([*widths, 0]), 1):
            layers |= {f"block{i}_{k + 1}": Block(channels, expansion, group_width, depth) for k in range(blocks)}
            if wider:
                layers[f"down{i}"] = transition(channels, wider, "down")
        super().__init__(**layers, readout=Readout(widths[-1], start))
        self.features = widths[-1]


BACKBONES.add("r3gan", Backbone(Decoder, Encoder, init="fixup", data="images"))
