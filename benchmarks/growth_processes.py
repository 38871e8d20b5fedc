"""Multi-process measurements of benchmarks/growth.py with gloo; torchrun starts this file.

torchrun --standalone --nproc-per-node 2 benchmarks/growth_processes.py OUT THREADS ROUNDS
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from growth_parts import REPEATS, Conditions, Point, trainer
from timing import Work, idle, in_turn, repeated
from torch import distributed as dist

from ganzoo.training.distributed import SINGLE_PROCESS, ProcessGroup, process_group
from ganzoo.training.trainer import Trainer

PROCESSES = 2
IMAGES = {("alone", 1): 64, ("one joint batch", PROCESSES): 64, ("a batch each", PROCESSES): 64 * PROCESSES}
"""Series and number of processes -> joint batch size."""
MESSAGES = (4, 1 << 20, 1 << 22, 1 << 24, 1 << 26)
"""Sizes of an all_reduce in bytes."""


def of_processes(c: Conditions) -> list[Point]:
    """One process, two on one joint batch, two on one batch each; and the all_reduce alone."""
    with TemporaryDirectory(dir=c.folder) as folder:
        out = Path(folder) / "points.json"
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={PROCESSES}"]
        words = [*torchrun, __file__, str(out), str(c.threads), str(c.rounds)]
        subprocess.run(words, check=True, env=os.environ | {"OMP_NUM_THREADS": str(c.threads)})
        return list(json.loads(out.read_text()))


def rank(c: Conditions, out: Path) -> None:
    """Measure in each process; the first one writes the points."""
    with process_group() as group:
        works = of_group(c, group) | {
            ("all_reduce", size): partial(repeated, message(size), REPEATS) for size in MESSAGES
        }
        taken = in_turn(works, c.rounds, "wall", ready=dist.barrier)
        points: list[Point] = []
        for (series, x), times in taken.items():
            sent = series == "all_reduce"
            seconds = [t / REPEATS for t in times] if sent else times
            points.append({"series": series, "x": x, "images": 0 if sent else IMAGES[series, x], "seconds": seconds})
        if group.is_first:
            out.write_text(json.dumps(points))


def of_group(c: Conditions, group: ProcessGroup) -> dict[tuple[str, int], Work]:
    """A cycle of each series, including the vote of `ganzoo train`; in the series "alone" the other process waits."""
    works: dict[tuple[str, int], Work] = {}
    for (series, x), images in IMAGES.items():
        of_this = group if x > 1 else SINGLE_PROCESS
        made = trainer(c, network=("dcgan", 64, 64), batch=images, group=of_this)
        works[series, x] = partial(voted, made) if x > 1 or group.is_first else idle
    return works


def voted(made: Trainer) -> None:
    """A vote and a cycle, as in `ganzoo train`."""
    made.group.all_agree(True)
    made.train_step()


def message(size: int) -> Work:
    """An all_reduce of `size` bytes."""
    return partial(dist.all_reduce, torch.zeros(size // 4))


if __name__ == "__main__":
    file, threads, rounds = sys.argv[1:]
    rank(Conditions(int(threads), int(rounds), "wall", Path(file).parent), Path(file))
    # Threads of torch's process groups may outlive them and abort an interpreter that shuts down normally.
    os._exit(0)
