"""Single-process measurements of benchmarks/growth.py; each part returns points with the seconds of every round."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from growth_page import FIRST_TIME, TO_FIRST_STEP
from operations import Operations
from steps import LATENT, NETWORKS, smallest_map
from timing import CLOCKS, Work, in_turn, repeated

from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config
from ganzoo.config.tables import Table
from ganzoo.data import Dataset, cache
from ganzoo.data.transform import Pictures, Transform
from ganzoo.kernels.dispatch import plain_operators
from ganzoo.training.distributed import SINGLE_PROCESS, ProcessGroup
from ganzoo.training.loop import count_parameters, make_trainer
from ganzoo.training.release import cpu_name
from ganzoo.training.trainer import Trainer

SIZES, WIDTHS, BATCHES = (32, 48, 64, 96, 128), (32, 64, 128, 256), (16, 32, 64, 128, 256)
COUNTS = (1_000, 10_000, 100_000, 1_000_000)
NARROW = 16
"""Batch size for the growth in width."""
REPEATS = 20
"""Repetitions per round of work that takes about a millisecond."""

Point = dict[str, Any]


@dataclass(frozen=True)
class Conditions:
    """Conditions of the measurements, and the folder for temporary files."""

    threads: int
    rounds: int
    clock: str
    folder: Path

    def facts(self) -> dict[str, Any]:
        """Facts stored with the measurements."""
        machine = f"{cpu_name()}, {os.cpu_count()} cores"
        return {"machine": machine, "torch": torch.__version__} | {
            name: getattr(self, name) for name in ("threads", "rounds", "clock")
        }


def trainer(
    c: Conditions,
    *,
    network: tuple[str, int, int] = ("dcgan", 32, 32),
    latent: int = 100,
    size: int = 32,
    batch: int = 64,
    data: Dataset | None = None,
    group: ProcessGroup = SINGLE_PROCESS,
) -> Trainer:
    """A trainer at step 0; `network` is a backbone with the widths of G and D, and data default to random images."""
    backbone, g, d = network
    if data is None:
        pixels = np.random.default_rng(0).integers(0, 256, (512, 3, size, size), np.uint8)
        data = Dataset.from_tensor(pixels)
    tables: Table = {
        "networks": {"name": backbone, "generator": {"width": g}, "discriminator": {"width": d}},
        "latent": {"dim": latent},
        "train": {"batch_size": batch, "device": "cpu", "threads": c.threads, "precision": "float32"},
    }
    return make_trainer(resolve_config(make_config("nsgan", tables), data), data, group)


def cycles(c: Conditions, trainers: Mapping[int, Trainer]) -> list[Point]:
    """One point for each trainer, at its key."""
    taken = in_turn({x: made.train_step for x, made in trainers.items()}, c.rounds, c.clock)
    return [{"x": x, "images": trainers[x].config.train.batch_size, "seconds": times} for x, times in taken.items()]


def of_size(c: Conditions) -> list[Point]:
    """Growth with pixels per side; each doubling adds a stage to both networks."""
    return cycles(c, {size: trainer(c, size=size) for size in SIZES})


def of_width(c: Conditions) -> list[Point]:
    """Growth with the channels of the largest map in both networks; all other widths are multiples of it."""
    return cycles(c, {width: trainer(c, network=("dcgan", width, width), batch=NARROW) for width in WIDTHS})


def of_batch(c: Conditions) -> list[Point]:
    """Growth with the batch size: reals in a D step, and fakes in both steps."""
    return cycles(c, {batch: trainer(c, batch=batch) for batch in BATCHES})


def of_data(c: Conditions) -> list[Point]:
    """Growth with the images in the memory map: preparation, one batch, an epoch's first batch (shuffles), a whole cycle."""
    with TemporaryDirectory(dir=c.folder) as home, patch.dict(os.environ, GANZOO_HOME=home):
        points, trainers = [], {}
        for count in fitting(c.folder):
            began = CLOCKS[c.clock]()
            data = random_pictures(count)
            seconds = CLOCKS[c.clock]() - began
            points.append({"series": "prepare", "x": count, "images": count, "seconds": [seconds]})
            trainers[count] = trainer(c, data=data)
        works = {key: work for count, made in trainers.items() for key, work in of_reading(count, made)}
        for (series, x), times in in_turn(works, c.rounds, c.clock).items():
            many = REPEATS if series == "batch" else 1
            points.append({"series": series, "x": x, "images": 64, "seconds": [t / many for t in times]})
    return points


def of_reading(count: int, made: Trainer) -> Iterator[tuple[tuple[str, int], Work]]:
    """Timed work of a trainer on `count` images."""
    batches, batch = made.batches, partial(made.batches.next, 64)

    def next_epoch() -> None:
        batches.position += count - batches.position % count
        batch()

    yield ("cycle", count), made.train_step
    yield ("batch", count), partial(repeated, batch, REPEATS)
    yield ("shuffle", count), next_epoch


def fitting(folder: Path) -> list[int]:
    """Those of `COUNTS` whose files fit on the disk."""
    free, fit = shutil.disk_usage(folder).free, []
    for count in COUNTS:
        free -= count * 3 * 32 * 32
        if free > 1e9:
            fit.append(count)
        else:
            print(f"data: {count:,} images are left out, because they do not fit on the disk", file=sys.stderr)
    return fit


def random_pictures(count: int) -> Dataset:
    """`count` images (256 distinct ones), prepared like those of a data source."""
    pool = np.random.default_rng(0).integers(0, 256, (256, 32, 32, 3), np.uint8)
    each = ((picture, -1) for picture in islice(cycle(pool), count))
    return cache.load_or_prepare("random", str(count), lambda: Pictures(count, each, []), Transform(32, 3), quiet=True)


def of_networks(c: Conditions) -> list[Point]:
    """Published networks: seconds per cycle, weights, and floating-point operations of plain PyTorch per image."""
    trainers = {}
    for name in ("dcgan", "dcgan-large", "resnet"):
        with smallest_map(name):
            trainers[name] = trainer(c, network=NETWORKS[name], latent=LATENT[name])
    taken = in_turn({name: made.train_step for name, made in trainers.items()}, c.rounds, c.clock)
    return [{"series": name, "images": 64, "seconds": taken[name]} | counts(made) for name, made in trainers.items()]


def counts(made: Trainer) -> dict[str, int]:
    """Number of weights of G and D, and operations per image."""
    with plain_operators(), Operations() as counted:
        made.train_step()
    flops = counted.total // made.config.train.batch_size
    return {"g": count_parameters(made.G), "d": count_parameters(made.D), "flops": flops}


def of_start(c: Conditions) -> list[Point]:
    """Seconds from the command to the end of its first step, by stage; the first run also prepares the digits."""
    with TemporaryDirectory(dir=c.folder) as folder:
        first, *runs = [first_step(Path(folder), number) for number in range(c.rounds + 1)]
    points = [{"series": stage, "seconds": [run[stage] for run in runs]} for stage in first]
    return [*points, {"series": FIRST_TIME, "seconds": [first[TO_FIRST_STEP]]}]


def first_step(folder: Path, number: int) -> dict[str, float]:
    """Seconds of each stage of one start."""
    train = ["train", "nsgan", "--data", "digits", "--steps", "1", "--out", str(folder / str(number)), "--quiet"]
    began = time.time()
    words = [sys.executable, str(Path(__file__).with_name("first_step.py")), str(began), *train]
    home = {"GANZOO_HOME": str(folder / "home")}
    done = subprocess.run(words, check=True, env=os.environ | home, stdout=subprocess.PIPE, text=True)
    stages, whole = json.loads(done.stdout), time.time() - began
    until = sum(stages.values())
    return stages | {TO_FIRST_STEP: until, "saving and exit": whole - until}
