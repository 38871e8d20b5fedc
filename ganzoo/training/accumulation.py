"""A batch in parts that are gone through one after the other, so that one which does not fit into the memory can be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, replace
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganzoo import rng
from ganzoo.batch import Batch, Terms

AnyBatch = TypeVar("AnyBatch", bound=Batch)


class GradientAccumulation:
    """Adds up the gradients of `count` parts of a batch: those of the batch, for terms that are means over samples.

    Every part finds the buffers of the players as the first did (so spectral norm moves once a step, not once a part);
    batch norm normalises each part by itself, and its running statistics become their mean over the parts.
    """

    def __init__(self, count: int, *players: nn.Module) -> None:
        self.count = count
        self.buffers = [buffer for player in players for buffer in player.buffers()]
        self.running = [statistic for player in players for statistic in running_statistics(player)]

    def backward(self, terms_of: Callable[..., Terms], *batch: Batch | None) -> Terms:
        """Gradients of the mean over the parts of all that `terms_of` makes of one; returns the means of its terms."""
        if self.count == 1:
            return backward_terms(terms_of(*batch))
        found: list[Terms] = []
        statistics: list[list[Tensor]] = []
        before = clone_all(self.buffers)
        for part, stream in zip(split_batch(batch, self.count), rng.split_batch(self.count), strict=True):
            copy_all(self.buffers, before)
            with stream:
                found.append(backward_terms(terms_of(*part), 1 / self.count))
            statistics.append(clone_all(self.running))
        copy_all(self.running, [torch.stack(values).mean(0) for values in zip(*statistics, strict=True)])
        return {name: torch.stack([terms[name] for terms in found]).mean() for name in found[0]}


def total_loss(terms: Terms) -> Tensor:
    """What a player goes down: the sum of its terms."""
    return torch.stack(list(terms.values())).sum()


def backward_terms(terms: Terms, weight: float = 1.0) -> Terms:
    """`terms` cut out of their graph, after the gradient of `weight` times their sum was added to those of the weights."""
    loss = total_loss(terms)
    (loss if weight == 1 else loss * weight).backward()
    return {name: term.detach() for name, term in terms.items()}


def split_batch(batch: Sequence[Batch | None], count: int) -> Iterator[list[Batch | None]]:
    """`batch`, records of any numbers of rows, in `count` parts of one size each."""
    for part in range(count):
        yield [None if s is None else s.map(lambda rows: rows.chunk(count)[part]) for s in batch]  # noqa: B023


def concatenate(parts: Sequence[AnyBatch]) -> AnyBatch:
    """The parts of a record as one; one alone, or none (None), stays what it is."""
    first = parts[0]
    if first is None or len(parts) == 1:
        return first
    names = [field.name for field in fields(first) if getattr(first, field.name) is not None]
    return replace(first, **{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def running_statistics(player: nn.Module) -> list[Tensor]:
    """The running means and variances of the batch norms of a player."""
    norms = [layer for layer in player.modules() if isinstance(layer, _BatchNorm)]
    return [value for norm in norms for value in (norm.running_mean, norm.running_var) if value is not None]


def clone_all(tensors: Sequence[Tensor]) -> list[Tensor]:
    """As they are now."""
    return [tensor.clone() for tensor in tensors]


def copy_all(tensors: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    """Each of `tensors` becomes its value."""
    for tensor, value in zip(tensors, values, strict=True):
        tensor.copy_(value)
