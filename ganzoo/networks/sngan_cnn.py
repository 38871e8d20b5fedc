"""The CNN of SNGAN: Miyato et al. 2018, https://arxiv.org/abs/1802.05957, table 3, as in the authors' code.

That is DCGANGenerator and DCGANDiscriminator of chainer-gan-lib. A convolution with stride 1 at each map size of D and at
the image of G, strided kernels 4x4, no norm in D. Unlike the table, that code has a norm after G's linear layer, and D's
widths double in the strided convolutions. Its leaky slope is 0.2; 0.1 is the paper's and that of the port in
pytorch-gan-collections, where these networks are called cnn32.
"""

from itertools import pairwise

from pydantic import PositiveInt
from torch import nn

from ganzoo.networks.backbone import BACKBONES, Backbone, Shape, base_grid, stage_widths
from ganzoo.networks.layers import Chain, LeakyReLU, ReLU, SameConv, Tanh, make_norm, project_labels
from ganzoo.networks.resample import ConvTranspose, Stride

SLOPE = 0.1
"""Negative slope of D's leaky ReLU."""


class Decoder(Chain):
    """(N, inputs) -> (N, *shape), from a map of `width * min(2^stages, max_width_multiple)` channels."""

    def __init__(
        self,
        inputs: int,
        shape: Shape,
        classes: int = 0,
        *,
        width: PositiveInt = 64,  # channels of the map nearest to the image
        max_width_multiple: PositiveInt = 8,  # limit on the channels of a map, as a multiple of `width`
        bias_before_norm: bool = False,  # biases also where batch norm subtracts them again, as in the port
    ) -> None:
        start, stages = base_grid(shape)
        widths = stage_widths(width, max_width_multiple, stages + 1)[::-1]

        def normed(channels: int) -> dict[str, nn.Module]:
            return {"norm": make_norm("batch", channels, classes), "act": ReLU()}

        layers = {"stem": Chain(project=project_labels(inputs, widths[0], start), **normed(widths[0]))}
        for i, (wide, narrow) in enumerate(pairwise(widths), 1):
            layers[f"stage{i}"] = Chain(up=ConvTranspose(wide, narrow, bias=bias_before_norm), **normed(narrow))
        super().__init__(**layers, image=Chain(conv=SameConv(width, shape[0], 3), output=Tanh()))


class Encoder(Chain):
    """Images (N, *shape) -> the last map, flattened: (N, features)."""

    def __init__(
        self,
        shape: Shape,
        *,
        width: PositiveInt = 64,  # channels of the map nearest to the image
        max_width_multiple: PositiveInt = 8,  # limit on the channels of a map, as a multiple of `width`
    ) -> None:
        start, stages = base_grid(shape)
        widths = stage_widths(width, max_width_multiple, stages + 1)
        layers: dict[str, nn.Module] = {"image": Chain(conv=SameConv(shape[0], width, 3), act=LeakyReLU(SLOPE))}
        for i, (narrow, wide) in enumerate(pairwise(widths), 1):
            layers[f"stage{i}"] = Chain(
                down=Stride(narrow, wide), act1=LeakyReLU(SLOPE), conv=SameConv(wide, wide, 3), act2=LeakyReLU(SLOPE)
            )
        super().__init__(**layers, flat=nn.Flatten())
        self.features = widths[-1] * start**2


BACKBONES.add("sngan-cnn", Backbone(Decoder, Encoder, init="normal", data="images"))
