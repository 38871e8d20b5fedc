"""The CIFAR-10 ResNet of WGAN-GP: Gulrajani et al. 2017, https://arxiv.org/abs/1704.00028, appendix.

As in the authors' gan_cifar_resnet.py: pre-activation blocks of constant width. The encoder's first block starts with a
convolution, it halves down to at most 8x8, then two plain blocks and mean pooling follow. SNGAN uses sum pooling instead
(Miyato et al. 2018, the authors' code); under spectral norm no weight can compensate for the difference.
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Literal

from pydantic import PositiveInt
from torch import Tensor, nn

from ganzoo.networks.attention import Attention, add_attention
from ganzoo.networks.backbone import BACKBONES, Backbone, Shape, base_grid, stage_widths
from ganzoo.networks.layers import (
    ACTIVATIONS,
    OUTPUTS,
    Chain,
    LabelConditioned,
    SameConv,
    keeps_bias,
    make_norm,
    project_labels,
)
from ganzoo.networks.noise_layers import DropoutProbability, NoiseStd, add_noise_and_dropout
from ganzoo.networks.resample import DOWNSAMPLERS, UPSAMPLERS, Nearest, Pool, Pooling, features_of

DOWNSAMPLE_UNTIL = 8
"""Height and width, in pixels, at which the encoder stops halving."""


class Block(LabelConditioned):
    """`shortcut(x) + residual(x)`. The shortcut always resamples by nearest neighbor or mean, the residual as configured."""

    def __init__(self, residual: nn.Module, shortcut: nn.Module) -> None:
        super().__init__()
        self.residual = residual
        self.shortcut = shortcut

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H', W')."""
        y: Tensor = self.shortcut(x) + self.residual(x, labels)
        return y


class Decoder(Chain):
    """(N, inputs) -> (N, *shape); `width` channels in the last block, at most `max_width_multiple` times `width` in the first.

    `kernel` None is 3 as in the paper, and 4 in transposed convolutions.
    """

    def __init__(
        self,
        inputs: int,
        shape: Shape,
        classes: int = 0,
        *,
        width: PositiveInt = 128,  # channels of the map nearest to the image
        max_width_multiple: PositiveInt = 1,  # limit on the channels of a map, as a multiple of `width`
        kernel: PositiveInt | None = None,  # kernel size; none = 4 where the layer is strided, else 3
        norm: str = "batch",  # normalization layer
        activation: str = "relu",  # activation function
        upsample: str = "nearest",  # layer that doubles height and width
        noise: NoiseStd = 0.0,  # standard deviation of Gaussian noise after every layer but the last
        dropout: DropoutProbability = 0.0,  # probability of dropout after every layer but the last
        attention: Attention = "none",  # side of the map, in pixels, that a self-attention layer follows
        output: Literal["tanh", "linear"] = "tanh",  # tanh for images in [-1, 1], linear for other data
    ) -> None:
        start, stages = base_grid(shape)
        widths = stage_widths(width, max_width_multiple, stages + 1)[::-1]
        bias, normed, act = keeps_bias(norm), partial(make_norm, norm, classes=classes), ACTIVATIONS[activation]
        up, conv = partial(UPSAMPLERS[upsample], kernel=kernel), partial(SameConv, kernel=kernel or 3)
        layers: dict[str, nn.Module] = {"stem": project_labels(inputs, widths[0], start)}
        for i, (wide, narrow) in enumerate(pairwise(widths), 1):
            first, second = up(wide, narrow, bias=bias), conv(narrow, narrow, bias=bias)
            residual = _preactivated(normed(wide), first, normed(narrow), second, act)
            layers[f"block{i}"] = Block(residual, Nearest(wide, narrow, 1, bias))
        layers = add_attention(layers, attention, widths, (start << i for i in range(stages + 1)))
        last = conv(widths[-1], shape[0])
        image = Chain(norm=normed(widths[-1]), act=act(), conv=last, output=OUTPUTS[output]())
        super().__init__(**add_noise_and_dropout(layers, noise, dropout), image=image)


class Encoder(Chain):
    """Images (N, *shape) -> the last map, pooled or flattened: (N, features); no norm in the first block.

    `kernel` None is 3 as in the paper, and 4 in strided convolutions.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        width: PositiveInt = 128,  # channels of the map nearest to the image
        max_width_multiple: PositiveInt = 1,  # limit on the channels of a map, as a multiple of `width`
        kernel: PositiveInt | None = None,  # kernel size; none = 4 where the layer is strided, else 3
        norm: str = "none",  # normalization layer
        activation: str = "relu",  # activation function
        downsample: str = "pool",  # layer that halves height and width
        pooling: Pooling = "mean",  # reduction of the last map: flatten (none), mean or sum over its pixels
        attention: Attention = "none",  # side of the map, in pixels, that a self-attention layer follows
    ) -> None:
        widths = stage_widths(width, max_width_multiple, halvings(shape))
        deep = widths[-1]
        bias, normed, act = keeps_bias(norm), partial(make_norm, norm), ACTIVATIONS[activation]
        down, conv = partial(DOWNSAMPLERS[downsample], kernel=kernel), partial(SameConv, kernel=kernel or 3)

        def block(width: int, last: nn.Module, shortcut: nn.Module) -> Block:
            first = conv(width, width, bias=bias)
            return Block(_preactivated(normed(width), first, normed(width), last, act), shortcut)

        optimized = Chain(first=conv(shape[0], width), act=act(), last=down(width, width))
        layers: dict[str, nn.Module] = {"block1": Block(optimized, Pool(shape[0], width, 1))}
        for i, (narrow, wide) in enumerate(pairwise(widths), 2):
            layers[f"block{i}"] = block(narrow, down(narrow, wide, bias=bias), Pool(narrow, wide, 1, bias))
        layers = add_attention(layers, attention, widths, (shape[1] >> i for i in range(1, len(widths) + 1)))
        for i in (1, 2):
            layers[f"plain{i}"] = block(deep, conv(deep, deep, bias=bias), nn.Identity())
        last, features = features_of(deep, shape[1] >> len(widths), pooling)
        super().__init__(**layers, act=act(), last=last)
        self.features = features


def _preactivated(
    norm1: nn.Module, first: nn.Module, norm2: nn.Module, last: nn.Module, act: Callable[[], nn.Module]
) -> Chain:
    return Chain(norm1=norm1, act1=act(), first=first, norm2=norm2, act2=act(), last=last)


def halvings(shape: Shape) -> int:
    """The blocks of an encoder that halve height and width: at least one, and down to `DOWNSAMPLE_UNTIL`."""
    start, stages = base_grid(shape)
    return max(1, sum(start << stage > DOWNSAMPLE_UNTIL for stage in range(1, stages + 1)))


BACKBONES.add("resnet", Backbone(Decoder, Encoder, init="he", data="images"))
