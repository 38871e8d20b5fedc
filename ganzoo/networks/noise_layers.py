"""Noise and dropout layers, active in training and in sampling, with random numbers from `ganzoo.rng`."""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from ganzoo import rng

NoiseStd = Annotated[float, Field(ge=0)]
DropoutProbability = Annotated[float, Field(ge=0, lt=1)]


class Noise(nn.Module):
    """x + std N(0, I), independent for every value (Zhao et al. 2017, EBGAN's appendix; ganhacks, tip 13)."""

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> the same shape."""
        return x + self.std * rng.normal("layer.noise", *x.shape, device=x.device).to(x.dtype)


class Dropout(nn.Module):
    """Dropout that is always active, with scale 1 / (1 - p) (Isola et al. 2017, https://arxiv.org/abs/1611.07004)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) -> the same shape."""
        kept = rng.uniform("layer.dropout", *x.shape, device=x.device) >= self.p
        return x * kept / (1 - self.p)


def add_noise_and_dropout(layers: dict[str, nn.Module], noise: float, dropout: float) -> dict[str, nn.Module]:
    """`layers` with noise, then dropout, after each; a strength of 0 adds no layer and changes no random numbers."""
    mixed: dict[str, nn.Module] = {}
    for name, layer in layers.items():
        mixed[name] = layer
        if noise:
            mixed[f"{name}_noise"] = Noise(noise)
        if dropout:
            mixed[f"{name}_dropout"] = Dropout(dropout)
    return mixed
