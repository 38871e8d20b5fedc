"""DCGAN: Radford, Metz & Chintala 2016, https://arxiv.org/abs/1511.06434, figure 1 and section 3.

A fully convolutional network. A linear layer maps the vector to a small map, and each stage doubles height and width up to
the image; the encoder halves the image down to it. Norm in every layer except at the image.
"""

from functools import partial
from itertools import pairwise
from typing import Literal

from pydantic import PositiveInt
from torch import nn

from ganzoo.networks.attention import Attention, add_attention
from ganzoo.networks.backbone import BACKBONES, Backbone, Shape, base_grid, stage_widths
from ganzoo.networks.layers import ACTIVATIONS, OUTPUTS, Chain, keeps_bias, make_norm, project_labels
from ganzoo.networks.noise_layers import DropoutProbability, NoiseStd, add_noise_and_dropout
from ganzoo.networks.resample import DOWNSAMPLERS, UPSAMPLERS, Pooling, features_of


class Decoder(Chain):
    """(N, inputs) -> (N, *shape), from a map of `width * min(2^(stages - 1), max_width_multiple)` channels.

    `kernel` None is the upsampler's default: 4 for transposed convolutions (5 in the paper), else 3.
    """

    def __init__(
        self,
        inputs: int,
        shape: Shape,
        classes: int = 0,
        *,
        width: PositiveInt = 64,  # channels of the map nearest to the image
        max_width_multiple: PositiveInt = 8,  # limit on the channels of a map, as a multiple of `width`
        kernel: PositiveInt | None = None,  # kernel size; none = 4 where the layer is strided, else 3
        norm: str = "batch",  # normalization layer
        activation: str = "relu",  # activation function
        upsample: str = "convtranspose",  # layer that doubles height and width
        noise: NoiseStd = 0.0,  # standard deviation of Gaussian noise after every layer but the last
        dropout: DropoutProbability = 0.0,  # probability of dropout after every layer but the last
        attention: Attention = "none",  # side of the map, in pixels, that a self-attention layer follows
        output: Literal["tanh", "linear"] = "tanh",  # tanh for images in [-1, 1], linear for other data
    ) -> None:
        start, stages = base_grid(shape)
        widths = stage_widths(width, max_width_multiple, stages)[::-1]
        act, up = ACTIVATIONS[activation], partial(UPSAMPLERS[upsample], kernel=kernel)
        stem = project_labels(inputs, widths[0], start)
        layers: dict[str, nn.Module] = {
            "stem": Chain(project=stem, norm=make_norm(norm, widths[0], classes), act=act())
        }
        for i, (wide, narrow) in enumerate(pairwise(widths), 1):
            resample = up(wide, narrow, bias=keeps_bias(norm))
            layers[f"stage{i}"] = Chain(up=resample, norm=make_norm(norm, narrow, classes), act=act())
        layers = add_attention(layers, attention, widths, (start << i for i in range(stages)))
        image = Chain(up=up(widths[-1], shape[0]), output=OUTPUTS[output]())
        super().__init__(**add_noise_and_dropout(layers, noise, dropout), image=image)


class Encoder(Chain):
    """Images (N, *shape) -> the last map, flattened or pooled: (N, features); no norm after the first convolution.

    `kernel` None is the downsampler's default: 4 for strided convolutions (5 in the paper), else 3.
    """

    def __init__(
        self,
        shape: Shape,
        *,
        width: PositiveInt = 64,  # channels of the map nearest to the image
        max_width_multiple: PositiveInt = 8,  # limit on the channels of a map, as a multiple of `width`
        kernel: PositiveInt | None = None,  # kernel size; none = 4 where the layer is strided, else 3
        norm: str = "batch",  # normalization layer
        activation: str = "leaky-relu",  # activation function
        downsample: str = "stride",  # layer that halves height and width
        pooling: Pooling = "none",  # reduction of the last map: flatten (none), mean or sum over its pixels
        attention: Attention = "none",  # side of the map, in pixels, that a self-attention layer follows
    ) -> None:
        start, stages = base_grid(shape)
        widths = stage_widths(width, max_width_multiple, stages)
        act, down = ACTIVATIONS[activation], partial(DOWNSAMPLERS[downsample], kernel=kernel)
        layers: dict[str, nn.Module] = {"stage1": Chain(down=down(shape[0], width), act=act())}
        for i, (narrow, wide) in enumerate(pairwise(widths), 2):
            resample = down(narrow, wide, bias=keeps_bias(norm))
            layers[f"stage{i}"] = Chain(down=resample, norm=make_norm(norm, wide), act=act())
        layers = add_attention(layers, attention, widths, (shape[1] >> i for i in range(1, stages + 1)))
        last, features = features_of(widths[-1], start, pooling)
        super().__init__(**layers, flat=last)
        self.features = features


BACKBONES.add("dcgan", Backbone(Decoder, Encoder, init="normal", data="images"))
