"""How many threads to take: one for each core that is free.

Threads of OpenMP wait for each other after every operation, spinning. Where one of them has to share its core with another
process, of whatever priority, all wait until it has its turn again, and two threads are far slower than one.
"""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

STAT, QUOTA = Path("/proc/stat"), Path("/sys/fs/cgroup/cpu.max")
SAMPLE_SECONDS = 0.3  # seconds


def auto_threads(most: int, processes: int = 1) -> tuple[int, str]:
    """How many threads each of `processes` takes here, 1 to `most`, and a line to say if busy cores make them fewer.

    Measures for `SAMPLE_SECONDS` seconds, unless `most` is 1. If the system does not report load, all cores count as free.
    """
    if most == 1:
        return 1, ""
    cores = allowed_cpus()
    usable = int(min(len(cores), cgroup_quota()))
    free = min(usable, len(cores) - round(busy_cores(cores)))
    threads, best = (max(1, min(most, count // processes)) for count in (free, usable))
    return threads, thread_note(threads, best, usable - free, usable) if threads < best else ""


def thread_note(threads: int, best: int, busy: int, usable: int) -> str:
    """Why there are no more threads, and how to have them all the same."""
    taken, are = "1 thread" if threads == 1 else f"{threads} threads", "is" if busy == 1 else "are"
    return f"{taken}: {busy} of {usable} cores {are} busy; --threads {best} in a new run takes them all the same"


def allowed_cpus() -> set[int]:
    """The cores that this process may run on."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def cgroup_quota() -> float:
    """The cores whose time a container may use (cgroup v2, cpu.max); infinite without a limit."""
    try:
        share, period = QUOTA.read_text().split()
    except OSError:
        return math.inf
    return math.inf if share == "max" else int(share) / int(period)


def busy_cores(cores: set[int]) -> float:
    """How many of `cores` other processes keep busy, as a mean over `SAMPLE_SECONDS` seconds."""
    began, own, before = time.perf_counter(), time.process_time(), ticks()
    time.sleep(SAMPLE_SECONDS)
    after, own = ticks(), time.process_time() - own
    taken = sum(split_among_processes(before[core], after[core]) for core in cores & before.keys() & after.keys())
    return max(0.0, taken - own / (time.perf_counter() - began))


def split_among_processes(before: tuple[int, int], after: tuple[int, int]) -> float:
    """The share of its time that a core was not idle."""
    idle, whole = (now - then for now, then in zip(after, before, strict=True))
    return 1 - idle / whole if whole else 0.0


def ticks() -> dict[int, tuple[int, int]]:
    """Of each core its idle and its whole time so far, in ticks (proc_stat(5)); empty where the system has no such file."""
    try:
        lines = [line.split() for line in STAT.read_text().splitlines()]
    except OSError:
        return {}
    times = {name[3:]: [int(value) for value in values[:8]] for name, *values in lines if name.startswith("cpu")}
    return {int(core): (spent[3] + spent[4], sum(spent)) for core, spent in times.items() if core}
