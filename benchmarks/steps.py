"""Training steps of ganzoo against the textbook's loop in plain eager PyTorch, on the same networks and in turn.

    python benchmarks/steps.py [--networks resnet dcgan dcgan-large] [--losses nsgan wgan-gp dragan began] [--sizes 32 64]
                               [--threads 1] [--rounds 7] [--clock wall|cpu]

A cycle is one G step and the D steps before it (5 in wgan-gp, else 1), batch 64, three colours. The plain loop is written out
below as a paper's algorithm reads: networks as they are built, Adam as it comes. ganzoo's is `Trainer.train_step`, with the
running average of G. Both take batches from memory. Each round times one cycle of either (A B A B): printed are medians over
the rounds and, in brackets, the lowest and highest ratio. Only ratios of one run mean anything, and on a machine with other
work only those by `--clock cpu`. Peak memory is that of a process of its own with two cycles (Linux only).
"""

from __future__ import annotations

import argparse
import copy
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn, optim
from torch.nn import functional as F

from ganzoo.build import resolve
from ganzoo.config import Table
from ganzoo.data import Dataset
from ganzoo.networks.operators import plain
from ganzoo.recipes import make
from ganzoo.records import Samples
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer

BATCH = 64
NETWORKS = {
    "resnet": ("resnet", 256, 128),  # at 32 pixels G has 4.3 M weights, D 1.05 M: mimicry's
    "dcgan": ("dcgan", 64, 64),  # the paper's
    "dcgan-large": ("dcgan", 144, 264),  # 4.3 M and 11.2 M
}
"""Name -> backbone, width of G, width of D."""
LATENT = {"resnet": 128, "dcgan": 100, "dcgan-large": 100}
CRITIC_STEPS = {"wgan-gp": 5}
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}


def trainer(network: str, loss: str, size: int, threads: int) -> Trainer:
    """ganzoo's, at step 0, on random pictures."""
    backbone, g, d = NETWORKS[network]
    tables: Table = {
        "networks": {"name": backbone, "generator": {"width": g}, "discriminator": {"width": d}},
        "latent": {"dim": LATENT[network]},
        "train": {"batch": BATCH, "ratio": f"{CRITIC_STEPS.get(loss, 1)}:1", "device": "cpu", "threads": threads},
    }
    pixels = torch.randint(0, 256, (1024, 3, size, size), dtype=torch.uint8)
    data = Dataset.from_tensor(pixels, torch.arange(1024) % 10)
    return make_trainer(resolve(make(loss, tables), data), data)


class Plain:
    """The textbook's loop over copies of the networks."""

    def __init__(self, made: Trainer, loss: str) -> None:
        self.G, self.D = copy.deepcopy(made.G), copy.deepcopy(made.D)
        self.terms, self.critic_steps = LOSSES[loss](self.D), CRITIC_STEPS.get(loss, 1)
        self.z = made.game.latent.size
        self.opt_g, self.opt_d = (optim.Adam(net.parameters(), 2e-4, (0.5, 0.999)) for net in (self.G, self.D))
        self.images = batches(made)

    def cycle(self) -> None:
        """D's steps, then G's."""
        with plain():
            for _ in range(self.critic_steps):
                real, fake = next(self.images), self.G(torch.randn(BATCH, self.z)).detach()
                self.step(self.opt_d, self.terms.of_d(real, fake))
            self.step(self.opt_g, self.terms.of_g(self.G(torch.randn(BATCH, self.z))))

    def step(self, optimiser: optim.Optimizer, loss: Tensor) -> None:
        """One step down."""
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


def batches(made: Trainer) -> Iterator[Tensor]:
    """Real images, without end."""
    while True:
        yield made.batches.next(BATCH).images


class NSGAN:
    """Goodfellow et al. 2014, with G's logarithm turned round."""

    def __init__(self, discriminator: nn.Module) -> None:
        self.discriminator = discriminator

    def score(self, images: Tensor) -> Tensor:
        """D's logit."""
        return self.discriminator(Samples(images)).score

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """What D goes down."""
        return F.softplus(-self.score(real)).mean() + F.softplus(self.score(fake)).mean()

    def of_g(self, fake: Tensor) -> Tensor:
        """What G goes down."""
        return F.softplus(-self.score(fake)).mean()

    def penalty(self, at: Tensor) -> Tensor:
        """10 E (||grad D|| - 1)^2."""
        at = at.requires_grad_()
        (slope,) = torch.autograd.grad(self.score(at).sum(), at, create_graph=True)
        return 10 * (slope.flatten(1).norm(dim=1) - 1).square().mean()


class WGANGP(NSGAN):
    """Gulrajani et al. 2017, algorithm 1."""

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """What D goes down."""
        a = torch.rand(BATCH, 1, 1, 1)
        return self.score(fake).mean() - self.score(real).mean() + self.penalty(a * real + (1 - a) * fake)

    def of_g(self, fake: Tensor) -> Tensor:
        """What G goes down."""
        return -self.score(fake).mean()


class DRAGAN(NSGAN):
    """Kodali et al. 2017, algorithm 1."""

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """What D goes down."""
        near = real + real.std() * (torch.rand_like(real) - 0.5)
        return super().of_d(real, fake) + self.penalty(near.clamp(-1, 1))


class BEGAN(NSGAN):
    """Berthelot et al. 2017, section 3.4."""

    k = 0.0

    def energy(self, images: Tensor) -> Tensor:
        """The mean absolute error of D's copy."""
        return (self.discriminator(Samples(images)).reconstruction - images).abs().mean()

    def of_d(self, real: Tensor, fake: Tensor) -> Tensor:
        """What D goes down; k moves by the same energies."""
        of_real, of_fake = self.energy(real), self.energy(fake)
        self.k = min(max(self.k + 0.001 * (0.5 * of_real.item() - of_fake.item()), 0), 1)
        return of_real - self.k * of_fake

    def of_g(self, fake: Tensor) -> Tensor:
        """What G goes down."""
        return self.energy(fake)


LOSSES = {"nsgan": NSGAN, "wgan-gp": WGANGP, "dragan": DRAGAN, "began": BEGAN}


@dataclass(frozen=True)
class Cell:
    """One row of the table."""

    network: str
    loss: str
    size: int
    threads: int

    def sides(self) -> dict[str, Callable[[], object]]:
        """What runs one cycle, plain and ours."""
        made = trainer(self.network, self.loss, self.size, self.threads)
        return {"plain": Plain(made, self.loss).cycle, "ganzoo": made.train_step}

    def seconds(self, rounds: int, clock: Callable[[], float]) -> dict[str, list[float]]:
        """Of each cycle in each round, after one that does not count."""
        sides = self.sides()
        taken: dict[str, list[float]] = {name: [] for name in sides}
        for _ in range(rounds + 1):
            for name, cycle in sides.items():
                began = clock()
                cycle()
                taken[name].append(clock() - began)
        return {name: times[1:] for name, times in taken.items()}

    def peak(self, side: str) -> str:
        """MiB of a process that runs two cycles."""
        here = [self.network, self.loss, str(self.size), str(self.threads), side]
        done = subprocess.run([sys.executable, __file__, "--peak", *here], capture_output=True, text=True, check=True)
        return done.stdout.strip()


def report_peak(network: str, loss: str, size: str, threads: str, side: str) -> None:
    """Print the largest memory that this process has had, in MiB."""
    cycle = Cell(network, loss, int(size), int(threads)).sides()[side]
    cycle()
    cycle()
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    print(next((str(int(line.split()[1]) // 1024) for line in lines if line.startswith("VmHWM")), "-"))


def row(cell: Cell, rounds: int, clock: Callable[[], float]) -> str:
    """Measured, as a line of the table."""
    taken = cell.seconds(rounds, clock)
    ratios = [a / b for a, b in zip(taken["plain"], taken["ganzoo"], strict=True)]
    mine, theirs = (median(taken[side]) for side in ("ganzoo", "plain"))
    images = BATCH * CRITIC_STEPS.get(cell.loss, 1)
    memory = f"{cell.peak('plain')} / {cell.peak('ganzoo')}"
    speed = f"{images / theirs:.0f} / {images / mine:.0f}"
    ratio = f"**{median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
    return (
        f"| {cell.network} | `{cell.loss}` | {cell.size} | {theirs:.3f} / {mine:.3f} | {ratio} | {speed} | {memory} |"
    )


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
    parser.add_argument("--sizes", nargs="+", type=int, default=[32])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clock", choices=CLOCKS, default="wall")
    parser.add_argument("--peak", nargs=5, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peak:
        report_peak(*given.peak)
        return
    print(f"torch {torch.__version__}, {given.threads} threads, {given.clock} clock; plain / ganzoo\n")
    print("| network | loss | pixels | s a cycle | ratio | images/s | peak MiB |\n|---|---|---|---|---|---|---|")
    for network in given.networks:
        for loss in given.losses:
            for size in given.sizes:
                print(row(Cell(network, loss, size, given.threads), given.rounds, CLOCKS[given.clock]), flush=True)


if __name__ == "__main__":
    main()
