"""Weight initialization, with one random stream per parameter, so that a new layer does not change other weights."""

from functools import singledispatch
from typing import get_args

import torch
from einops import repeat
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from ganzoo import rng
from ganzoo.errors import unknown_name
from ganzoo.networks.backbone import InitKind
from ganzoo.networks.layers import ConditionalBatchNorm
from ganzoo.networks.resample import SubPixelConv

POWER_ITERATIONS = 15
"""Power iterations before the first step, as in torch."""


@torch.no_grad()
def initialize(network: nn.Module, kind: InitKind, seed: int, name: str) -> None:
    """Initialize every parameter of `network` from `seed`, identically on every device; `name` names its random streams.

    Weights: "normal" is N(0, 0.02^2) (Radford et al. 2016, sec. 4), "orthogonal" Saxe et al. 2014, "he"
    N(0, 2 / fan-in) (He et al. 2015, eq. 10), "fixup" N(0, gain^2 / fan-in) with the layer's `gain` or 1 (R3GAN's code, after
    Zhang et al. 2019). Biases are 0, scales of norms 1. Does not use torch's global generator.
    """
    if kind not in get_args(InitKind):
        raise unknown_name("initialization", kind, get_args(InitKind))
    for path, parameter in network.named_parameters():
        path = path.replace("parametrizations.weight.original", "weight")
        owner, _, leaf = path.rpartition(".")
        value = torch.empty(parameter.shape, dtype=torch.float32)
        draw_weights(network.get_submodule(owner), leaf, value, kind, rng.generator(seed, "weights", name, path))
        parameter.copy_(value)
    _settle_spectral_norms(network, seed, name)


@singledispatch
def draw_weights(owner: nn.Module, leaf: str, out: Tensor, kind: InitKind, g: Generator) -> None:
    """Fill `out`, the parameter `leaf` of `owner`; layers with another initialization register a variant."""
    if out.ndim < 2:
        out.fill_(1.0 if leaf == "weight" else 0.0)
    elif kind == "normal":
        out.normal_(0, 0.02, generator=g)
    elif kind == "orthogonal":
        nn.init.orthogonal_(out, generator=g)
    else:
        variance = 2 if kind == "he" else _gain(owner) ** 2
        out.normal_(0, (variance / _fan_in(owner, out)) ** 0.5, generator=g)


@draw_weights.register
def _(owner: nn.Embedding, leaf: str, out: Tensor, kind: InitKind, g: Generator) -> None:
    # An embedding is an input like z or pixels: standard deviation 1. R3GAN's is a linear layer on one value per class.
    out.normal_(0, _gain(owner) / len(out) ** 0.5 if kind == "fixup" else 1, generator=g)


@draw_weights.register
def _(owner: ConditionalBatchNorm, leaf: str, out: Tensor, kind: InitKind, g: Generator) -> None:
    # DCGAN's standard deviation of batch norm scales, so that classes differ from the first step.
    out.normal_(1, 0.02, generator=g) if leaf == "scale" else out.zero_()


@draw_weights.register
def _(owner: SubPixelConv, leaf: str, out: Tensor, kind: InitKind, g: Generator) -> None:
    # ICNR (Aitken et al. 2017): the four filters of a pixel start equal.
    one = out[::4].clone()
    draw_weights.dispatch(nn.Module)(owner, leaf, one, kind, g)
    out.copy_(repeat(one, "o ... -> (o four) ...", four=4))


def _gain(owner: nn.Module) -> float:
    gain: float = getattr(owner, "gain", 1.0)
    return gain


def _fan_in(owner: nn.Module, weight: Tensor) -> float:
    if isinstance(owner, nn.ConvTranspose2d):
        # With stride s, an output pixel receives 1 / s^2 of the kernel's taps.
        return weight[:, 0].numel() / (owner.stride[0] * owner.stride[1])
    return weight[0].numel()


def _settle_spectral_norms(network: nn.Module, seed: int, name: str) -> None:
    """Initialize spectral norm's v from its random stream, then move u and v close to the singular vectors."""
    for path, layer in network.named_modules():
        v = dict(layer.named_buffers()).get("parametrizations.weight.0._v")
        if v is not None:
            g = rng.generator(seed, "weights", name, f"{path}.v")
            v.copy_(F.normalize(torch.empty(v.shape, dtype=torch.float32).normal_(generator=g), dim=0))
            _iterate(layer)


def _iterate(layer: nn.Module) -> None:
    spectral = layer.parametrizations.train()  # type: ignore[union-attr]
    for _ in range(POWER_ITERATIONS):
        _ = layer.weight  # In training mode each access is one power iteration.
    spectral.train(layer.training)
