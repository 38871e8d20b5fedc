"""Layers shared by all backbones: norms, activations, convolutions, and sequential modules that pass labels."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Literal

import torch
from einops.layers.torch import Rearrange
from torch import Tensor, nn

from ganzoo.errors import InputError
from ganzoo.kernels import dispatch
from ganzoo.kernels.matmul import Activation, linear_then
from ganzoo.networks.virtual_batch_norm import VirtualBatchNorm
from ganzoo.registry import Registry


class LabelConditioned(nn.Module):
    """Base class of layers whose forward takes labels (N,) in addition to the input."""


class Chain(LabelConditioned, nn.Sequential):
    """Named layers in sequence; labels are passed to the layers that take them."""

    def __init__(self, **layers: nn.Module) -> None:
        super().__init__(OrderedDict(layers))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """The output of the last layer for `x`."""
        for layer in self:
            x = layer(x, labels) if isinstance(layer, LabelConditioned) else layer(x)
        return x


class SameConv(nn.Conv2d):
    """A convolution with stride 1 that keeps height and width, also for even kernels."""

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs, kernel, padding=kernel // 2, bias=bias)

    def forward(self, x: Tensor, resample: dispatch.Resample = "none") -> Tensor:
        """(N, inputs, H, W) -> (N, outputs, H, W); "nearest" doubles the map before, "mean" halves it after."""
        return dispatch.same_conv(x, self.weight, self.bias, resample)


class Linear(nn.Linear):
    """x w^T + b."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        return dispatch.linear(x, self.weight, self.bias)


class ReLU(nn.ReLU):
    """max(x, 0)."""

    def forward(self, x: Tensor) -> Tensor:
        """max(x, 0) for any shape."""
        return dispatch.leaky_relu(x, 0.0)


class LeakyReLU(nn.LeakyReLU):
    """max(x, slope x); the default slope is that of Radford et al. 2016."""

    def __init__(self, slope: float = 0.2) -> None:
        super().__init__(slope)

    def forward(self, x: Tensor) -> Tensor:
        """max(x, slope x) for any shape."""
        return dispatch.leaky_relu(x, self.negative_slope)


class Tanh(nn.Tanh):
    """The hyperbolic tangent."""

    def forward(self, x: Tensor) -> Tensor:
        """tanh(x) for any shape."""
        return dispatch.tanh(x)


class Dense(Chain):
    """A linear layer, its norm and its activation."""

    linear: Linear

    def __init__(self, linear: Linear, norm: nn.Module, act: nn.Module) -> None:
        super().__init__(linear=linear, norm=norm, act=act)

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, inputs) -> (N, outputs), without a norm in one call."""
        _, norm, act = self
        fused = FUSED.get(type(act)) if type(norm) is nn.Identity else None
        weight, bias = self.linear.weight, self.linear.bias
        if fused is None or not dispatch.fuses_activation(x, weight, bias):
            return super().forward(x, labels)
        return linear_then(fused, x, weight, bias, getattr(act, "negative_slope", 0.0))


FUSED: dict[type[nn.Module], Activation] = {ReLU: "relu", LeakyReLU: "leaky_relu", Tanh: "tanh"}


class BatchNorm(nn.BatchNorm2d):
    """Batch norm (Ioffe & Szegedy 2015) for maps (N, C, H, W) and vectors (N, C)."""

    subtracts_mean = mixes_samples = True

    def _check_input_dim(self, input: Tensor) -> None:
        pass


class InstanceNorm(nn.InstanceNorm2d):
    """Instance norm (Ulyanov et al. 2016) with a scale and a shift per channel."""

    subtracts_mean = maps_only = True

    def __init__(self, channels: int) -> None:
        super().__init__(channels, affine=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        return dispatch.to_memory_format(super().forward(x))


class LayerNorm(nn.GroupNorm):
    """Layer norm over a sample's whole map, with a scale and a shift per channel (Ba et al. 2016; Gulrajani et al. 2017)."""

    def __init__(self, channels: int) -> None:
        super().__init__(1, channels)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> the same shape."""
        return dispatch.to_memory_format(super().forward(x))


class ConditionalBatchNorm(LabelConditioned):
    """Batch norm with a scale and a shift per class (de Vries et al. 2017, https://arxiv.org/abs/1707.00683)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = BatchNorm(channels, affine=False)
        self.scale = nn.Parameter(torch.ones(classes, channels))
        self.shift = nn.Parameter(torch.zeros(classes, channels))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """(N, C, ...) -> (N, C, ...); requires `labels` (N,)."""
        if labels is None:
            raise ValueError("conditional batch norm needs labels")
        ones = [1] * (x.ndim - 2)
        scale, shift = (table[labels].reshape(*x.shape[:2], *ones) for table in (self.scale, self.shift))
        y: Tensor = self.norm(x)
        return y * scale + shift


def no_norm(channels: int) -> nn.Module:
    """The identity."""
    return nn.Identity()


NormTrait = Literal["subtracts_mean", "mixes_samples", "maps_only"]
"""Class attributes of a norm, False if absent: it subtracts each channel's mean, and with it the bias of a convolution;
the output for a sample depends on the other samples of the batch; it cannot normalize vectors (N, C)."""

NORMS: Registry[Callable[[int], nn.Module]] = Registry("norm")
NORMS.add("batch", BatchNorm)
NORMS.add("instance", InstanceNorm)
NORMS.add("layer", LayerNorm)
NORMS.add("virtual", VirtualBatchNorm)
NORMS.add("none", no_norm)

ACTIVATIONS: Registry[Callable[[], nn.Module]] = Registry("activation")
ACTIVATIONS.add("relu", ReLU)
ACTIVATIONS.add("leaky-relu", LeakyReLU)
ACTIVATIONS.add("elu", nn.ELU)
ACTIVATIONS.add("silu", nn.SiLU)
ACTIVATIONS.add("tanh", Tanh)

OUTPUTS: Registry[Callable[[], nn.Module]] = Registry("output")
OUTPUTS.add("tanh", Tanh)
OUTPUTS.add("linear", nn.Identity)


def make_norm(name: str, channels: int, classes: int = 0) -> nn.Module:
    """The norm `name`, conditional if `classes` is not 0; raises `InputError` for a conditional norm other than batch norm."""
    if not classes:
        return NORMS[name](channels)
    if name != "batch":
        raise InputError(f"condition = 'batch-norm' needs norm = 'batch' in the generator, not {name!r}")
    return ConditionalBatchNorm(channels, classes)


def norm_has(name: str, trait: NormTrait) -> bool:
    """True if the norm `name` has a trait; raises `InputError` for an unknown norm."""
    return getattr(NORMS[name], trait, False)


def keeps_bias(norm: str) -> bool:
    """True if a convolution's bias has an effect before `norm`; some norms subtract each channel's mean, bias included."""
    return not norm_has(norm, "subtracts_mean")


def project_labels(inputs: int, outputs: int, size: int) -> Chain:
    """A linear layer from a vector to a map (N, outputs, size, size) (Radford et al. 2016, sec. 3)."""
    linear = Linear(inputs, outputs * size * size)
    return Chain(linear=linear, map=Map("n (c h w) -> n c h w", h=size, w=size))


class Map(Rearrange):
    """Reshape of vectors to maps (N, C, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """The map, in the memory format of convolutions."""
        return dispatch.to_memory_format(super().forward(x))  # type: ignore[no-untyped-call]


class Maxout(Linear):
    """The maximum of five linear units. Goodfellow et al. 2013, https://arxiv.org/abs/1302.4389, section 2"""

    pieces = 5

    def __init__(self, inputs: int, outputs: int, bias: bool = True) -> None:
        super().__init__(inputs, outputs * self.pieces, bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, inputs) -> (N, outputs)."""
        # A unit's pieces are not adjacent in memory: so forward takes 1/6 of the time, backward 1/3.
        return dispatch.maxout_max(super().forward(x), self.pieces)
