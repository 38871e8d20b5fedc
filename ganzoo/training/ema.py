"""Exponential moving average (EMA) of G's weights, which is used for sampling."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@torch.no_grad()
def update(average: nn.Module, network: nn.Module, decay: float, step: int | None) -> None:
    """Move `average` toward `network`; `decay` 0 copies.

    The decay grows as (1 + step) / (10 + step) up to `decay`, so that the random initial weights fade in a short run; with
    `step` None it is `decay` from the start.
    Floating-point buffers are averaged too, so that batch norm statistics fit the averaged weights; others are copied.
    """
    limit = 1.0 if step is None else (1 + step) / (10 + step)
    weight = 1 - min(decay, limit) if decay else 1.0
    mine, theirs = average.state_dict(), network.state_dict()
    floats = [name for name, value in mine.items() if value.is_floating_point()]
    torch._foreach_lerp_([mine[name] for name in floats], [theirs[name] for name in floats], weight)
    for name in mine.keys() - set(floats):
        mine[name].copy_(theirs[name])


@contextmanager
def in_eval_mode(*networks: nn.Module) -> Iterator[None]:
    """Context with the networks in eval mode, so that no running statistic changes; restores each module's mode on exit."""
    modes = {module: module.training for network in networks for module in network.modules()}
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
