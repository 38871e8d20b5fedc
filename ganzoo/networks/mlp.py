"""Fully connected networks for two-dimensional data, as in the toy experiments of Gulrajani et al. 2017.

The authors' gan_toy.py has three layers of 512 units. Any data shape works, so small images allow a comparison with
convolutions.
"""

from itertools import pairwise
from math import prod
from typing import Annotated, Literal

from pydantic import Field, PositiveInt
from torch import nn

from ganzoo.networks.backbone import BACKBONES, Backbone, Shape
from ganzoo.networks.layers import ACTIVATIONS, OUTPUTS, Chain, Dense, Linear, Maxout, keeps_bias, make_norm
from ganzoo.networks.noise_layers import DropoutProbability, NoiseStd, add_noise_and_dropout

Depth = Annotated[int, Field(ge=1, le=1000)]


class Decoder(Chain):
    """(N, inputs) -> (N, *shape) through `depth` layers of `width` units."""

    def __init__(
        self,
        inputs: int,
        shape: Shape,
        classes: int = 0,
        *,
        width: PositiveInt = 128,  # units per layer
        depth: Depth = 3,  # number of hidden layers
        norm: str = "none",  # normalization layer
        activation: str = "relu",  # activation function; also maxout
        noise: NoiseStd = 0.0,  # standard deviation of Gaussian noise after every layer but the last
        dropout: DropoutProbability = 0.0,  # probability of dropout after every layer but the last
        output: Literal["tanh", "linear"] = "linear",  # tanh for images in [-1, 1], linear for other data
    ) -> None:
        layers = _hidden([inputs] + [width] * depth, [norm] * depth, activation, classes)
        last = nn.Linear(width, prod(shape))
        super().__init__(
            **add_noise_and_dropout(layers, noise, dropout),
            last=last,
            map=nn.Unflatten(1, shape),
            output=OUTPUTS[output](),
        )


class Encoder(Chain):
    """(N, *shape) -> (N, features) through `depth` layers of `width` units; no norm in the first layer."""

    def __init__(
        self,
        shape: Shape,
        *,
        width: PositiveInt = 128,  # units per layer
        depth: Depth = 3,  # number of hidden layers
        norm: str = "none",  # normalization layer
        activation: str = "leaky-relu",  # activation function; also maxout
    ) -> None:
        norms = ["none"] + [norm] * (depth - 1)
        super().__init__(flat=nn.Flatten(), **_hidden([prod(shape)] + [width] * depth, norms, activation))
        self.features = width


def _hidden(widths: list[int], norms: list[str], activation: str, classes: int = 0) -> dict[str, nn.Module]:
    layers: dict[str, nn.Module] = {}
    for i, ((inputs, outputs), norm) in enumerate(zip(pairwise(widths), norms, strict=True), 1):
        maxout = activation == "maxout"  # needs a wider linear layer, so it is not in ACTIVATIONS
        linear = (Maxout if maxout else Linear)(inputs, outputs, bias=keeps_bias(norm))
        act = nn.Identity() if maxout else ACTIVATIONS[activation]()
        layers[f"layer{i}"] = Dense(linear=linear, norm=make_norm(norm, outputs, classes), act=act)
    return layers


BACKBONES.add("mlp", Backbone(Decoder, Encoder, init="he", data="points"))
