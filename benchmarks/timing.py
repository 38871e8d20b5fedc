"""What is compared is timed in turn, so that a machine which slows down does so for all."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import TypeVar

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}

Name = TypeVar("Name", bound=Hashable)
Work = Callable[[], object]


def idle() -> None:
    """What is done while others work."""


def in_turn(
    works: Mapping[Name, Work], rounds: int, clock: str, ready: Work = idle, unmeasured: int = 1
) -> dict[Name, list[float]]:
    """Seconds of each work in each round, after some that do not count; `ready` comes before each, and is not timed."""
    now, taken = CLOCKS[clock], {name: list[float]() for name in works}
    for _ in range(rounds + unmeasured):
        for name, work in works.items():
            ready()
            began = now()
            work()
            taken[name].append(now() - began)
    return {name: times[unmeasured:] for name, times in taken.items()}
