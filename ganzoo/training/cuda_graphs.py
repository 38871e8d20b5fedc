"""A player's step as one CUDA graph: captured once, then launched as a whole instead of kernel by kernel.

A graph repeats what Python did while it was captured, on the same memory. So what changes from step to step lies in tensors
that stay: the random numbers, the reals, the learning rate and the number of the step are written there before each launch.
See https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, optim

from ganzoo import rng
from ganzoo.batch import Batch, Terms
from ganzoo.config.schema import Train
from ganzoo.losses import Loss
from ganzoo.optimizers import keep_lr_on_device
from ganzoo.rng import Fill, RngScope
from ganzoo.training.accumulation import copy_all
from ganzoo.tricks import Trick

WARMUP_STEPS = 3
"""Steps before the capture, in which libraries choose their kernels and optimisers make their state."""

Result = TypeVar("Result")
Step = Callable[[Any], Terms]
"""Of a player; takes the reals that it reads, or None."""


class Graph(Protocol):
    """What a function does on a device, to be done again; its results then change in place."""

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Just call `function`, as `capture` will."""

    def capture(self, function: Callable[[], Result]) -> Result:
        """Note what `function` does, without doing it; raises `RuntimeError` for what cannot be done again so."""

    def replay(self) -> None:
        """Do it."""


class CudaGraph:
    """`Graph` on a CUDA device: warm-up and capture on one side stream, launches on the stream that is current."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.graph, self.stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(device)

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Call `function` between what is queued on the current stream and what will be."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            result = function()
        current.wait_stream(self.stream)
        return result

    def capture(self, function: Callable[[], Result]) -> Result:
        """What `function` makes lies in memory of the graph's own."""
        with torch.cuda.device(self.device), torch.cuda.graph(self.graph, stream=self.stream):
            return function()

    def replay(self) -> None:
        """Launch; waits for nothing."""
        self.graph.replay()


class StaticRandom(RngScope):
    """Answers each draw of a step with a tensor that stays, into which `refill` puts the numbers of the next step.

    They come to lie outside the graph's memory, which it uses again for other things while it runs.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, int], tuple[Tensor, Fill]] = {}

    def refill(self, step: RngScope) -> None:
        """Begin anew with the numbers that `step` would give."""
        self.key, self.asked = step.key, Counter()
        for (name, count), (out, fill) in self.kept.items():
            fill(out, rng.generator(*self.key, name, count, device=out.device))

    def filled(self, name: str, out: Tensor, fill: Fill) -> Tensor:
        """What `refill` has filled; a first draw is filled here."""
        place = name, self.asked[name]
        if place not in self.kept:
            self.kept[place] = super().filled(name, out, fill), fill
        return self.kept[place][0]


class GraphedStep:
    """One player's steps, of which the first `WARMUP_STEPS` only prepare the graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.draws = graph, StaticRandom()
        self.calls = 0
        self.real: Batch | None = None
        self.terms: Terms = {}

    @property
    def capturing(self) -> bool:
        """Whether the step that runs is the one to be captured."""
        return self.calls > WARMUP_STEPS and not self.terms

    def run(self, step: Step, stream: RngScope, real: Batch | None) -> Terms:
        """The terms of `step`, which draws from `stream`; `RuntimeError` where it cannot be captured: nothing is done then."""
        self.draws.refill(stream)
        self.calls += 1
        if self.calls <= WARMUP_STEPS:
            with self.draws:
                return self.graph.warm_up(lambda: step(real))
        if self.capturing:
            self.real = real and real.apply(torch.clone)
            with self.draws:
                self.terms = self.graph.capture(lambda: step(self.real))
        copy_all(batch_tensors(self.real), batch_tensors(real))
        self.graph.replay()
        return self.terms


class GraphRunner:
    """Runs the steps of both players, by a graph each of which `make` makes one; without it as they are.

    `news` are lines to be said once: why there are no graphs.
    """

    def __init__(self, make: Callable[[], Graph] | None = None) -> None:
        self.make = make
        self.graphed: dict[str, GraphedStep] = {}
        self.messages: list[str] = []

    @classmethod
    def made(
        cls, train: Train, parts: Iterable[Loss | Trick], processes: int, optimisers: Iterable[optim.Optimizer]
    ) -> "GraphRunner":
        """CUDA graphs where they are asked for and possible; the optimisers are then ready for them."""
        graphs = cls()
        if not train.cuda_graphs:
            return graphs
        if reason := next(graph_obstacles(train, parts, processes), None):
            graphs.disable(reason)
            return graphs
        for optimiser in optimisers:
            keep_lr_on_device(optimiser)
        graphs.make = partial(CudaGraph, torch.device(train.device))
        return graphs

    def run(self, step: Step, real: Batch | None) -> Terms:
        """The terms of `step` on `real`; those of a graph hold until it runs again."""
        stream = rng.active_scope()
        if self.make is None or stream is None:
            return step(real)
        if step.__name__ not in self.graphed:
            self.graphed[step.__name__] = GraphedStep(self.make())
        graphed = self.graphed[step.__name__]
        try:
            return graphed.run(step, stream, real)
        except RuntimeError as error:
            if not graphed.capturing:
                raise
            first = error.__context__ or error  # leaving a capture that has failed is an error too
            self.disable(f"a step could not be captured ({str(first).partition(chr(10))[0]})")
            return step(real)

    def disable(self, reason: str) -> None:
        """Go on without."""
        self.forget()
        self.make = None
        self.messages.append(f"train.cuda_graphs is left out: {reason}")

    def forget(self) -> None:
        """Capture anew: tensors that the graphs use have been replaced."""
        self.graphed.clear()


def graph_obstacles(train: Train, parts: Iterable[Loss | Trick], processes: int) -> Iterator[str]:
    """Each reason for which the steps of a run cannot be graphs."""
    if not train.device.startswith("cuda"):
        yield f"the device is {train.device}"
    if processes > 1:
        yield f"{processes} processes train, which wait for each other within a step"
    for part in parts:
        if not part.capturable:
            yield f"{part.name} does not compute the same in each step"


def batch_tensors(samples: Batch | None) -> list[Tensor]:
    """The tensors of a batch, in a fixed order."""
    return [value for value in vars(samples).values() if value is not None] if samples else []
