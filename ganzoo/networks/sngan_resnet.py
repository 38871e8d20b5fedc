"""The ResNet of SNGAN: Miyato et al. 2018, https://arxiv.org/abs/1802.05957, table 4, with the details of its ports.

The blocks of `resnet` at constant width. pytorch-gan-collections' res32 has biases before batch norm too; so has mimicry,
which also interpolates bilinearly, in the shortcut as well. Its ReLUs overwrite their input, so D's shortcuts start from the
activated map.
"""

from typing import Literal

from pydantic import PositiveInt
from torch import nn

from ganzoo.networks.backbone import BACKBONES, Backbone, Shape, base_grid
from ganzoo.networks.layers import Chain, ReLU, SameConv, Tanh, make_norm, project_labels
from ganzoo.networks.resample import UPSAMPLERS, Pool, Pooling, features_of
from ganzoo.networks.resnet import Block, halvings


class Decoder(Chain):
    """(N, inputs) -> (N, *shape), with maps of `width` channels."""

    def __init__(
        self,
        inputs: int,
        shape: Shape,
        classes: int = 0,
        *,
        width: PositiveInt = 256,  # channels of every map
        interpolation: Literal["nearest", "bilinear"] = "nearest",  # doubles height and width, also in the shortcut
        bias_before_norm: bool = False,  # biases also where batch norm subtracts them again, as in the ports
    ) -> None:
        start, stages = base_grid(shape)
        up, bias = UPSAMPLERS[interpolation], bias_before_norm

        def normed() -> nn.Module:
            return make_norm("batch", width, classes)

        layers: dict[str, nn.Module] = {"stem": project_labels(inputs, width, start)}
        for i in range(1, stages + 1):
            first = {"norm1": normed(), "act1": ReLU(), "first": up(width, width, bias=bias)}
            residual = Chain(**first, norm2=normed(), act2=ReLU(), last=SameConv(width, width, 3, bias))
            layers[f"block{i}"] = Block(residual, up(width, width, 1, bias))
        image = Chain(norm=normed(), act=ReLU(), conv=SameConv(width, shape[0], 3), output=Tanh())
        super().__init__(**layers, image=image)


class Encoder(Chain):
    """Images (N, *shape) -> the last map, pooled or flattened: (N, features); no norm."""

    def __init__(
        self,
        shape: Shape,
        *,
        width: PositiveInt = 128,  # channels of every map
        pooling: Pooling = "sum",  # reduction of the last map: flatten (none), mean or sum over its pixels
        activated_shortcut: bool = False,  # the shortcut starts after the first activation of a block, not before it
    ) -> None:
        def block(last: nn.Module, shortcut: nn.Module) -> Block:
            residual = Chain(act1=ReLU(), first=SameConv(width, width, 3), act2=ReLU(), last=last)
            return Block(residual, Chain(act=ReLU(), resample=shortcut) if activated_shortcut else shortcut)

        optimized = Chain(first=SameConv(shape[0], width, 3), act=ReLU(), last=Pool(width, width))
        layers: dict[str, nn.Module] = {"block1": Block(optimized, Pool(shape[0], width, 1))}
        for i in range(2, halvings(shape) + 1):
            layers[f"block{i}"] = block(Pool(width, width), Pool(width, width, 1))
        for i in (1, 2):
            layers[f"plain{i}"] = block(SameConv(width, width, 3), nn.Identity())
        last, features = features_of(width, shape[1] >> halvings(shape), pooling)
        super().__init__(**layers, act=ReLU(), last=last)
        self.features = features


BACKBONES.add("sngan-resnet", Backbone(Decoder, Encoder, init="he", data="images"))
