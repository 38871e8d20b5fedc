"""Adam with decoupled weight decay."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import NonNegativeFloat, PositiveFloat
from torch import nn, optim

from ganzoo.optimizers import OPTIMIZERS, Decay


def adamw(
    params: Iterable[nn.Parameter],
    *,
    lr: PositiveFloat = 2e-4,
    betas: tuple[Decay, Decay] = (0.5, 0.999),
    weight_decay: NonNegativeFloat = 1e-2,
) -> optim.Optimizer:
    """Adam with decoupled weight decay (Loshchilov & Hutter 2019)."""
    return optim.AdamW(params, lr, betas, weight_decay=weight_decay, fused=True)


OPTIMIZERS.add("adamw", adamw)
