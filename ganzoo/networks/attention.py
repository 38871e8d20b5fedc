"""Self-attention: Zhang et al. 2019, https://arxiv.org/abs/1805.08318, section 3."""

from collections.abc import Iterable
from typing import Literal

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from ganzoo.errors import InputError
from ganzoo.networks.layers import SameConv

Attention = PositiveInt | Literal["none"]
"""Side of the map, in pixels, that a self-attention layer follows."""

REDUCTION = 8
"""The paper's k: queries, keys and values have 1/k of the channels."""


class SelfAttention(nn.Module):
    """x + gamma W_v o, where o_j = sum_i softmax_i(<W_f x_i, W_g x_j>) W_h x_i over all pixels i; gamma starts at 0.

    As in the paper; the authors' code pools keys and values by two, and gives values half of the channels.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = max(1, channels // REDUCTION)
        self.key, self.query, self.value = (SameConv(channels, inner, 1, bias=False) for _ in range(3))
        self.last = SameConv(inner, channels, 1, bias=False)
        self.gamma = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same shape."""
        keys, queries, values = (layer(x).flatten(2) for layer in (self.key, self.query, self.value))
        shares = (keys.transpose(1, 2) @ queries).softmax(1)  # (N, pixels i, pixels j)
        attended: Tensor = self.last((values @ shares).unflatten(2, x.shape[2:]))
        return x + self.gamma * attended


def add_attention(
    layers: dict[str, nn.Module], attention: Attention, widths: Iterable[int], sides: Iterable[int]
) -> dict[str, nn.Module]:
    """`layers` with self-attention after the one whose map has this side; `widths` and `sides` are those of the layers' maps.

    Raises `InputError` if there is no such map.
    """
    if attention == "none":
        return layers
    places = {side: (name, width) for side, name, width in zip(sides, layers, widths, strict=True)}
    if attention not in places:
        raise InputError(f"attention = {attention}: no map has this size; choose from {', '.join(map(str, places))}")
    after, width = places[attention]
    added: dict[str, nn.Module] = {}
    for name, layer in layers.items():
        added[name] = layer
        if name == after:
            added["attention"] = SelfAttention(width)
    return added
