"""Interleaved timing: compared functions are timed in turn, so that a slowdown of the machine affects all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config
from ganzoo.config.tables import Table
from ganzoo.run_data import load_dataset
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}

Name = TypeVar("Name", bound=Hashable)
Work = Callable[[], object]


def idle() -> None:
    """Do nothing, while another process works."""


def trainer(recipe: str, tables: Table) -> Trainer:
    """The trainer of a recipe with `tables` over it, at step 0."""
    config = make_config(recipe, tables)
    data = load_dataset(config)
    return make_trainer(resolve_config(config, data), data)


def repeated(work: Work, times: int) -> None:
    """Do `work` a few times."""
    for _ in range(times):
        work()


def in_turn(
    works: Mapping[Name, Work], rounds: int, clock: str, ready: Work = idle, unmeasured: int = 1
) -> dict[Name, list[float]]:
    """Seconds of each work in each round, after `unmeasured` rounds; `ready` is called before each and not timed."""
    now, taken = CLOCKS[clock], {name: list[float]() for name in works}
    for _ in range(rounds + unmeasured):
        for name, work in works.items():
            ready()
            began = now()
            work()
            taken[name].append(now() - began)
    return {name: times[unmeasured:] for name, times in taken.items()}
