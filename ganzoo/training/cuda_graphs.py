"""CUDA graphs: a player's step captured once, then launched as a whole instead of kernel by kernel.

A graph repeats the captured kernels on the same memory. Everything that changes between steps is therefore kept in static
tensors: random numbers, reals, learning rate and step number are written there before each launch.
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
from ganzoo.optimizers import keep_lr_on_device, scheduled_options
from ganzoo.rng import Fill, RngScope
from ganzoo.training.accumulation import copy_all
from ganzoo.tricks import Trick

WARMUP_STEPS = 3
"""Steps before the capture, in which libraries choose their kernels and optimizers create their state."""

Result = TypeVar("Result")
Step = Callable[[Any], Terms]
"""A player's step; takes the reals, or None if it reads none."""


class Graph(Protocol):
    """A recorded function on a device; each replay updates its results in place."""

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Call `function` without recording it."""

    def capture(self, function: Callable[[], Result]) -> Result:
        """Record `function` without executing it; raises `RuntimeError` for an operation that cannot be captured."""

    def replay(self) -> None:
        """Execute the recorded operations."""


class CudaGraph:
    """`Graph` on a CUDA device: warm-up and capture on one side stream, launches on the current stream."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.graph, self.stream = torch.cuda.CUDAGraph(), torch.cuda.Stream(device)

    def warm_up(self, function: Callable[[], Result]) -> Result:
        """Call `function` on the side stream, in order with the current stream's work before and after."""
        current = torch.cuda.current_stream(self.device)
        self.stream.wait_stream(current)
        with torch.cuda.stream(self.stream):
            result = function()
        current.wait_stream(self.stream)
        return result

    def capture(self, function: Callable[[], Result]) -> Result:
        """Record `function`; its results are in the graph's private memory pool."""
        with torch.cuda.device(self.device), torch.cuda.graph(self.graph, stream=self.stream):
            return function()

    def replay(self) -> None:
        """Launch the graph without synchronizing."""
        self.graph.replay()


class StaticRandom(RngScope):
    """Returns a static tensor for each draw of a step; `refill` writes the next step's random numbers into it.

    The tensors are allocated outside the graph's memory pool, which the graph reuses during a launch.
    """

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, int], tuple[Tensor, Fill]] = {}

    def refill(self, step: RngScope) -> None:
        """Restart with the random numbers that `step` would draw."""
        self.key, self.asked = step.key, Counter()
        for (name, count), (out, fill) in self.kept.items():
            fill(out, rng.generator(*self.key, name, count, device=out.device))

    def filled(self, name: str, out: Tensor, fill: Fill) -> Tensor:
        """The static tensor of this draw; the first time, it is filled here."""
        place = name, self.asked[name]
        if place not in self.kept:
            self.kept[place] = super().filled(name, out, fill), fill
        return self.kept[place][0]


class GraphedStep:
    """One player's steps: `WARMUP_STEPS` normal ones, then launches of a graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.draws = graph, StaticRandom()
        self.calls = 0
        self.real: Batch | None = None
        self.terms: Terms = {}

    @property
    def capturing(self) -> bool:
        """True during the step to be captured."""
        return self.calls > WARMUP_STEPS and not self.terms

    def run(self, step: Step, stream: RngScope, real: Batch | None) -> Terms:
        """The terms of `step`, which draws from `stream`; raises `RuntimeError`, and does nothing, if the capture fails."""
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
    """Runs both players' steps, each as a graph created by `make`; without `make`, as normal steps.

    `messages` are lines to print once: the reason why graphs are off.
    """

    def __init__(self, make: Callable[[], Graph] | None = None) -> None:
        self.make = make
        self.graphed: dict[str, GraphedStep] = {}
        self.messages: list[str] = []

    @classmethod
    def made(
        cls, train: Train, parts: Iterable[Loss | Trick], processes: int, optimizers: Iterable[optim.Optimizer]
    ) -> "GraphRunner":
        """CUDA graphs if requested and possible; then also prepares the optimizers for capture."""
        graphs = cls()
        if not train.cuda_graphs:
            return graphs
        if reason := next(graph_obstacles(train, parts, processes), None):
            graphs.disable(reason)
            return graphs
        for optimizer in optimizers:
            keep_lr_on_device(optimizer)
        graphs.make = partial(CudaGraph, torch.device(train.device))
        return graphs

    def run(self, step: Step, real: Batch | None) -> Terms:
        """The terms of `step` on `real`; a graph overwrites them in its next run."""
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
            first = error.__context__ or error  # leaving a failed capture raises a second error
            self.disable(f"a step could not be captured ({str(first).partition(chr(10))[0]})")
            return step(real)

    def disable(self, reason: str) -> None:
        """Continue without graphs, and note the reason."""
        self.forget()
        self.make = None
        self.messages.append(f"train.cuda_graphs has no effect: {reason}")

    def forget(self) -> None:
        """Drop the graphs, so that they are captured again; for use after their tensors were replaced."""
        self.graphed.clear()


def graph_obstacles(train: Train, parts: Iterable[Loss | Trick], processes: int) -> Iterator[str]:
    """Each reason why the steps of a run cannot be captured."""
    if not train.device.startswith("cuda"):
        yield f"the device is {train.device}"
    if processes > 1:
        yield f"{processes} processes train together and synchronize within a step"
    for player in ("discriminator", "generator"):
        for key in scheduled_options(getattr(train, player), 0, 1).keys() - {"lr"}:
            yield f"train.{player}.{key} follows a schedule, but a graph keeps its value"
    for part in parts:
        if not part.capturable:
            yield f"{part.name} runs different operations from step to step"


def batch_tensors(samples: Batch | None) -> list[Tensor]:
    """The tensors of a batch, in a fixed order."""
    return [value for value in vars(samples).values() if value is not None] if samples else []
