"""Gradient accumulation over micro-batches."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from ganzoo import rng
from ganzoo.batch import Batch, Terms

AnyBatch = TypeVar("AnyBatch", bound=Batch)


class GradientAccumulation:
    """Splits the batches of a trainer into `count` micro-batches of one size.

    The gradients of the micro-batches add up to those of the batch, for terms that are means over samples. Each one starts
    from the same buffers, so spectral norm moves once per update. Batch norm normalizes each one separately, and its running
    statistics become the mean over them.
    """

    def __init__(self, count: int, *players: nn.Module) -> None:
        self.count = count
        self.buffers = [buffer for player in players for buffer in player.buffers()]
        self.running = [statistic for player in players for statistic in running_statistics(player)]


class MicroBatches:
    """Iterates over the micro-batches of one update; `backward` adds up the gradients, `terms` averages the logged terms."""

    def __init__(self, accumulation: GradientAccumulation, *batch: Batch | None) -> None:
        self.accumulation, self.batch = accumulation, batch
        self.found: list[Terms] = []

    def __iter__(self) -> Iterator[Sequence[Any]]:
        own, statistics = self.accumulation, []
        if own.count == 1:
            yield self.batch
            return
        before = clone_all(own.buffers)
        for part, scope in zip(split_batch(self.batch, own.count), rng.split_batch(own.count), strict=True):
            copy_all(own.buffers, before)
            with scope:
                yield part
            statistics.append(clone_all(own.running))
        copy_all(own.running, [torch.stack(values).mean(0) for values in zip(*statistics, strict=True)])

    def backward(self, terms: Terms) -> None:
        """Add the gradients of the sum of `terms`, divided by the number of micro-batches."""
        loss, count = total_loss(terms), self.accumulation.count
        (loss if count == 1 else loss * (1 / count)).backward()
        self.found.append({name: term.detach() for name, term in terms.items()})

    def terms(self) -> Terms:
        """Return the mean of each term over the micro-batches, cut out of the graph."""
        if len(self.found) == 1:
            return self.found[0]
        return {name: torch.stack([terms[name] for terms in self.found]).mean() for name in self.found[0]}


def total_loss(terms: Terms) -> Tensor:
    """The objective of a player: the sum of its terms."""
    return torch.stack(list(terms.values())).sum()


def split_batch(batch: Sequence[Batch | None], count: int) -> Iterator[list[Batch | None]]:
    """`batch`, records of any numbers of rows, in `count` parts of one size each."""
    for part in range(count):
        yield [None if s is None else s.apply(lambda rows: rows.chunk(count)[part]) for s in batch]  # noqa: B023


def concatenate(parts: Sequence[AnyBatch]) -> AnyBatch:
    """The parts of a record as one; one alone, or none (None), stays what it is."""
    first = parts[0]
    if first is None or len(parts) == 1:
        return first
    names = [name for name, value in vars(first).items() if value is not None]
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
