"""Speed of ganzoo's training step compared with a textbook loop in eager PyTorch on the same networks.

    python benchmarks/steps.py [--networks resnet dcgan dcgan-large] [--losses nsgan wgan-gp dragan began] [--sizes 32 64]
                               [--threads 1] [--rounds 7] [--clock wall|cpu] [--device cpu|cuda]

A cycle is one G step and the D steps before it (5 in wgan-gp, else 1), batch 64, three channels. The plain loop is in
textbook.py; ganzoo's is `Trainer.train_step` with the moving average of G, in float32, in bf16 with float32 penalties and in
bf16 throughout, on CUDA also as CUDA graphs. All read batches from memory. Each side is a process, because some settings
hold for a process; they take turns (A B C A B C), each of one cycle, or of several short ones. Prints medians over the rounds
and, in brackets, the lowest and highest ratio. Compare only ratios within one run, and on a busy machine only with
`--clock cpu`. `of peak`: floating-point operations per second of a cycle, relative to those of a large product in the same
precision. Peak memory is that of the side's process (on CUDA the memory reserved by PyTorch after the graphs are captured).
The mixtures have points instead of images and batches of 512; run them with `--losses nsgan wgan-gp`.

Networks with a peer: `resnet` is that of mimicry and StudioGAN, `dcgan` that of the paper, as in torchgan, `dcgan-large` has
the weights of pytorch-gan-collections' DCGAN (G 11.4 M, D 4.3 M, four stages from 2x2 pixels).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from operations import Operations
from textbook import CRITIC_STEPS, LOSSES, Textbook
from timing import CLOCKS, Work, in_turn
from torch.nn import functional as F

from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import Config
from ganzoo.config.tables import Table
from ganzoo.data import Dataset
from ganzoo.networks import backbone
from ganzoo.run_data import load_dataset
from ganzoo.training import loop
from ganzoo.training.trainer import Trainer

BATCH = {"mixtures": 512}
"""Batch size where it is not 64."""
NETWORKS = {
    "resnet": ("resnet", 256, 128),  # at 32 pixels G has 4.3 M weights and D 1.05 M, as in mimicry
    "dcgan": ("dcgan", 64, 64),  # as in the paper
    "dcgan-large": ("dcgan", 128, 80),
    "mixtures": ("mlp", 128, 128),
}
"""Name -> backbone, width of G, width of D."""
TURN = 0.3
"""Seconds of a turn at least, in cycles."""
SMALLEST_MAP = {"dcgan-large": 2}
"""Pixels along a side of the smallest map, where that is not the backbone's own limit."""
NORM = {"wgan-gp": {"norm": "none"}}
"""Loss -> setting of D that its peers have, where the recipe has another."""
PENALIZED = ("wgan-gp", "dragan")
FLOAT32 = {"precision": "float32", "penalty_precision": "float32"}
LATENT = {"resnet": 128, "dcgan": 100, "dcgan-large": 100}
OURS = {
    "cpu": {
        "float32": {},
        "bf16": {"precision": "bf16"},
        "bf16, penalties too": {"precision": "bf16", "penalty_precision": "bf16"},
    },
    "cuda": {
        "float32": {},
        "bf16": {"precision": "bf16"},
        "float32, graphs": {"cuda_graphs": True},
        "bf16, graphs": {"precision": "bf16", "cuda_graphs": True},
    },
}
"""Device type -> ganzoo's modes, each with its settings in [train]."""


@contextmanager
def smallest_map(network: str) -> Iterator[None]:
    """Context in which networks are built with the smallest map of `network`."""
    usual = backbone.SMALLEST
    backbone.SMALLEST = SMALLEST_MAP.get(network, usual)
    try:
        yield
    finally:
        backbone.SMALLEST = usual


@dataclass(frozen=True)
class Cell:
    """One network and loss, trained by every side."""

    network: str
    loss: str
    size: int
    threads: int
    device: str

    def trainer(self, **train: str | bool) -> Trainer:
        """Ganzoo's trainer at step 0, on random images or on the points of a mixture."""
        fixed: Table = {"device": self.device, "threads": self.threads, "batch_size": BATCH.get(self.network, 64)}
        config, data = (self.on_points if self.network == "mixtures" else self.on_images)(fixed | FLOAT32 | train)
        with smallest_map(self.network):
            return loop.make_trainer(resolve_config(config, data), data)

    def on_points(self, train: Table) -> tuple[Config, Dataset]:
        """A recipe of the mixtures with its data."""
        config = make_config(f"mixtures/{self.loss}", {"train": train})
        return config, load_dataset(config)

    def on_images(self, train: Table) -> tuple[Config, Dataset]:
        """A recipe with the network of this cell, and random images."""
        name, g, d = NETWORKS[self.network]
        tables: Table = {
            "networks": {
                "name": name,
                "generator": {"width": g},
                "discriminator": {"width": d} | NORM.get(self.loss, {}),
            },
            "latent": {"dim": LATENT[self.network]},
            "train": {"ratio": f"{CRITIC_STEPS.get(self.loss, 1)}:1"} | train,
        }
        pixels = torch.randint(0, 256, (1024, 3, self.size, self.size), dtype=torch.uint8)
        return make_config(self.loss, tables), Dataset.from_tensor(pixels, torch.arange(1024) % 10)

    def sides(self) -> list[str]:
        """Names of the measured sides."""
        modes = [name for name in OURS[self.device] if self.loss in PENALIZED or "penalties" not in name]
        return ["plain", *modes]

    def cycle(self, side: str) -> Callable[[], object]:
        """A function that runs one cycle of a side and waits for the device."""
        step = Textbook(self.trainer(), self.loss).cycle if side == "plain" else self.ours(side)
        if self.device == "cpu":
            return step
        # A setting of the process, changed by ganzoo's trainers; "highest" is PyTorch's default.
        products = "highest" if side == "plain" else "high"
        return lambda: (torch.set_float32_matmul_precision(products), step(), torch.cuda.synchronize())

    def ours(self, side: str, **train: bool) -> Callable[[], object]:
        """The cycle of one of ganzoo's modes."""
        return self.trainer(**OURS[self.device][side] | train).train_step

    def measure(self, rounds: int, clock: str) -> dict[str, Measured]:
        """Each side's measurements, in turn, after warm-up rounds."""
        sides = {side: Side(self, side, clock) for side in self.sides()}
        for _ in range(rounds):
            for each in sides.values():
                each.cycle()
        return {side: each.end() for side, each in sides.items()}

    def operations(self, side: str) -> int:
        """Floating-point operations of a cycle in convolutions and products, counted without CUDA graphs."""
        cycle = self.cycle(side) if side == "plain" else self.ours(side, cuda_graphs=False)
        with Operations() as counted:
            cycle()
        return counted.total


class Measured(NamedTuple):
    """Seconds of each cycle, floating-point operations of one, and peak memory in MiB."""

    seconds: list[float]
    operations: int
    peak: str


class Side:
    """The process of one side, which runs a cycle when it is asked to."""

    def __init__(self, cell: Cell, side: str, clock: str) -> None:
        here = [cell.network, cell.loss, cell.size, cell.threads, cell.device, side, clock]
        command = [sys.executable, __file__, "--side", *map(str, here)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        self.taken: list[float] = []

    def ask(self, word: str) -> Any:
        """The process's answer to `word`."""
        assert self.process.stdin and self.process.stdout
        print(word, file=self.process.stdin, flush=True)
        return json.loads(self.process.stdout.readline())

    def cycle(self) -> None:
        """Run and time one cycle."""
        self.taken.append(self.ask("cycle"))

    def end(self) -> Measured:
        """End the process; returns its measurements."""
        operations, peak = self.ask("end")
        self.process.wait()
        return Measured(self.taken, operations, peak)


def serve(network: str, loss: str, size: str, threads: str, device: str, side: str, clock: str) -> None:
    """Run the cycles that `Side` asks for, after warm-up cycles."""
    torch.set_num_threads(int(threads))
    if side == "plain":
        loop.keep_freed_memory = lambda: False
    cell = Cell(network, loss, int(size), int(threads), device)
    cycle, now = cell.cycle(side), CLOCKS[clock]
    for _ in range(1 if device == "cpu" else 20):
        cycle()
    began = now()
    cycle()
    # Idle threads of the side before still spin for a moment, so a turn must be much longer.
    cycles = max(1, round(TURN / max(now() - began, 1e-6)))
    for _ in iter(lambda: sys.stdin.readline().strip() == "cycle", False):
        began = now()
        for _ in range(cycles):
            cycle()
        print((now() - began) / cycles, flush=True)
    peak = peak_memory(device)
    print(json.dumps([cell.operations(side), peak]), flush=True)


def peak_memory(device: str) -> str:
    """The peak memory of this process in MiB: on the device, or of the whole process (Linux)."""
    if device == "cuda":
        return str(torch.cuda.max_memory_reserved() // 2**20)  # memory held by graphs does not count as allocated
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((str(int(line.split()[1]) // 1024) for line in lines if line.startswith("VmHWM")), "-")


@cache
def peak_speed(device: str, precision: str, clock: str) -> float:
    """Floating-point operations per second of a large 1x1 convolution, the best of a hundred."""
    dtype = torch.bfloat16 if precision.startswith("bf16") else torch.float32
    x = torch.randn(16, 1024, 16, 16, device=device, dtype=dtype).contiguous(memory_format=torch.channels_last)
    w = torch.randn(1024, 1024, 1, 1, device=device, dtype=dtype)
    taken = in_turn({"product": done(lambda: F.conv2d(x, w), device)}, 100, clock)
    return 2 * x.numel() * 1024 / min(taken["product"])


def done(work: Work, device: str) -> Work:
    """`work`, followed by waiting for the device."""
    return work if device == "cpu" else lambda: (work(), torch.cuda.synchronize())


def rows(cell: Cell, rounds: int, clock: str) -> list[str]:
    """The rows of one cell."""
    found = cell.measure(rounds, clock)
    return [row(cell, side, found, clock) for side in found]


def row(cell: Cell, side: str, found: dict[str, Measured], clock: str) -> str:
    """The row of one side of one cell."""
    mine = median(found[side].seconds)
    ratios = [a / b for a, b in zip(found["plain"].seconds, found[side].seconds, strict=True)]
    ratio = "1" if side == "plain" else f"**{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
    speed = BATCH.get(cell.network, 64) * CRITIC_STEPS.get(cell.loss, 1) / mine
    share = found[side].operations / mine / peak_speed(cell.device, side, clock)
    place = f"| {cell.network} | `{cell.loss}` | {cell.size} | {side} "
    return f"{place}| {1000 * mine:.4g} | {ratio} | {speed:.3g} | {share:.0%} | {found[side].peak} |"


COLUMNS = ("network", "loss", "pixels", "loop", "ms a cycle", "ratio", "reals/s", "of peak", "peak MiB")
HEAD = f"| {' | '.join(COLUMNS)} |\n{'|---' * len(COLUMNS)}|"


def conditions(device: str, threads: int, clock: str) -> str:
    """The conditions of the measurements."""
    where = torch.cuda.get_device_name() if device == "cuda" else f"{threads} CPU threads"
    peaks = (f"{name} {peak_speed(device, name, clock) / 1e9:,.0f}" for name in ("float32", "bf16"))
    return f"torch {torch.__version__}, {where}, {clock} clock; peak in GFLOP/s: {', '.join(peaks)}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
    parser.add_argument("--sizes", nargs="+", type=int, default=[32])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--device", choices=OURS, default="cpu")
    parser.add_argument("--side", nargs=7, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.side:
        serve(*given.side)
        return
    torch.set_num_threads(given.threads)
    print(f"{conditions(given.device, given.threads, given.clock)}\n\n{HEAD}")
    for network in given.networks:
        for loss in given.losses:
            for size in given.sizes:
                cell = Cell(network, loss, size, given.threads, given.device)
                print(*rows(cell, given.rounds, given.clock), sep="\n", flush=True)


if __name__ == "__main__":
    main()
