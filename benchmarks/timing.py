"""Interleaved timing: compared functions are timed in turn, so that a slowdown of the machine affects all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}

Name = TypeVar("Name", bound=Hashable)
Work = Callable[[], object]


def idle() -> None:
    """Do nothing, while another process works."""


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
