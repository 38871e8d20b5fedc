"""The running average of G's weights, which is what is sampled."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


@torch.no_grad()
def update(average: nn.Module, network: nn.Module, decay: float, step: int) -> None:
    """Move `average` towards `network`; `decay` 0 copies.

    The decay grows as (1 + step) / (10 + step) up to `decay`, so that a short run does not keep its first, random weights.
    Running statistics are averaged as the weights are (batch norm's would not fit averaged weights); counters are copied.
    """
    weight = 1 - min(decay, (1 + step) / (10 + step)) if decay else 1.0
    mine, theirs = average.state_dict(), network.state_dict()
    floats = [name for name, value in mine.items() if value.is_floating_point()]
    torch._foreach_lerp_([mine[name] for name in floats], [theirs[name] for name in floats], weight)
    for name in mine.keys() - set(floats):
        mine[name].copy_(theirs[name])


@contextmanager
def in_eval_mode(*networks: nn.Module) -> Iterator[None]:
    """The networks in eval mode, so that no running statistic moves; afterwards each module is in the mode in which it was."""
    modes = {module: module.training for network in networks for module in network.modules()}
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
