"""The CPU for training: threads for `--threads auto`, one for each free core, and settings of the C library's allocator.

OpenMP threads busy-wait for each other after every operation. If one of them shares its core with another process, of any
priority, all wait until it is scheduled again, and two threads are far slower than one.
"""

import ctypes
import math
import os
import sys
from functools import cache
from pathlib import Path

LOAD, QUOTA = Path("/proc/loadavg"), Path("/sys/fs/cgroup/cpu.max")


def auto_threads(most: int, processes: int = 1) -> tuple[int, str]:
    """The number of threads, 1 to `most`, for each of `processes`, and a note if busy cores reduce it (else empty).

    If the system does not report its load, all cores count as free.
    """
    if most == 1:
        return 1, ""
    usable = int(min(len(allowed_cpus()), cgroup_quota()))
    free = min(usable, (os.cpu_count() or usable) - busy_cores())
    threads, best = (max(1, min(most, count // processes)) for count in (free, usable))
    return threads, thread_note(threads, best, usable - free, usable) if threads < best else ""


def thread_note(threads: int, best: int, busy: int, usable: int) -> str:
    """A note with the reason for the reduced number of threads and the option that overrides it."""
    taken, are = "1 thread" if threads == 1 else f"{threads} threads", "is" if busy == 1 else "are"
    return f"{taken}: {busy} of {usable} cores {are} busy; a new run with --threads {best} uses {best} regardless"


def allowed_cpus() -> set[int]:
    """The cores on which this process may run."""
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def cgroup_quota() -> float:
    """The CPU limit of a container in cores (cgroup v2, cpu.max); infinite without a limit."""
    try:
        share, period = QUOTA.read_text().split()
    except OSError:
        return math.inf
    return math.inf if share == "max" else int(share) / int(period)


def busy_cores() -> int:
    """The number of cores kept busy by other processes (proc_loadavg(5)); 0 if the system has no such file.

    The smaller of the load average of the last minute and the number of tasks running now: the load average alone would
    count a run that has just ended and the past work of this process.
    """
    try:
        minute, _, _, tasks, _ = LOAD.read_text().split()
    except OSError:
        return 0
    others = int(tasks.partition("/")[0]) - 1
    return max(0, min(round(float(minute)), others))


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from glibc's malloc.h
TRIM_THRESHOLD, MMAP_THRESHOLD = 2**31 - 1, 2**30  # bytes; the largest int, and more than any tensor of a training step
OWN_SETTINGS = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TOP_PAD_", "GLIBC_TUNABLES")
"""Environment variables with which a user sets the thresholds."""


@cache
def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next tensor; True if it does.

    By default it returns large blocks to the system and gets them back page by page in the next step. The setting holds for
    the whole process. Without glibc, or if the user has set the thresholds, nothing changes.
    """
    if not sys.platform.startswith("linux") or any(name in os.environ for name in OWN_SETTINGS):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # absent in musl
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD) and mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD))
