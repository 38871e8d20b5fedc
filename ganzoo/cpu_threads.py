"""How many threads to take: one for each core that is free.

Threads of OpenMP wait for each other after every operation, spinning. Where one of them has to share its core with another
process, of whatever priority, all wait until it has its turn again, and two threads are far slower than one.
"""

import math
import os
from pathlib import Path

LOAD, QUOTA = Path("/proc/loadavg"), Path("/sys/fs/cgroup/cpu.max")


def auto_threads(most: int, processes: int = 1) -> tuple[int, str]:
    """How many threads each of `processes` takes here, 1 to `most`, and a line to say if busy cores make them fewer.

    If the system does not report load, all cores count as free.
    """
    if most == 1:
        return 1, ""
    usable = int(min(len(allowed_cpus()), cgroup_quota()))
    free = min(usable, (os.cpu_count() or usable) - busy_cores())
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


def busy_cores() -> int:
    """Cores of the machine that other processes keep busy (proc_loadavg(5)); 0 if the system has no such file.

    The load average of the last minute, or the tasks that run now if they are fewer: a run that has just ended, and what this
    process did so far, count in the first alone.
    """
    try:
        minute, _, _, tasks, _ = LOAD.read_text().split()
    except OSError:
        return 0
    others = int(tasks.partition("/")[0]) - 1
    return max(0, min(round(float(minute)), others))
