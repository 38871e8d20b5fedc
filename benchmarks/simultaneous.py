"""Simultaneous updates of D and G from orthogonal weights, as in the demo of Unrolled GAN's authors; prints a table.

    python benchmarks/simultaneous.py [--seeds 3] [--like-ours turns|fakes|weights|first ...] [--data ring grid]

The demo (github.com/poolio/unrolled_gan) without unrolling: networks and learning rates of mixtures/minimax, but one batch of
fakes for both networks, and neither sees the other's step. ganzoo's trainer updates D first, draws new fakes for G, and
initializes weights as in He et al. 2015. `--like-ours` restores one or more of these; "first" restores the initialization
only in the first layer of D. This isolates the difference (docs/reports/mixtures.md). One thread; two to three minutes per
seed and data set.
"""

from __future__ import annotations

import argparse
import copy
from collections.abc import Sequence
from statistics import mean

import torch
from torch import nn

from ganzoo.batch import Batch
from ganzoo.builder import GanModules, build_modules, resolve_config
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import ResolvedConfig
from ganzoo.data import BatchLoader
from ganzoo.evaluation import modes
from ganzoo.rng import RngScope
from ganzoo.run_data import load_dataset
from ganzoo.training.trainer import Trainer

SAMPLES, GAIN = 2500, 1.4
OURS = ("turns", "fakes", "weights", "first")
FIRST_LAYER = "encoder.layer1.linear.weight"
FACTORS = {"modes": 1, "high_quality": 100, "reverse_kl": 1}


class Simultaneous(Trainer):
    """Trainer in which both networks step from the same weights on one batch of fakes; `ours` lists the exceptions."""

    ours: Sequence[str] = ()

    def update_order(self) -> None:
        self.d_of_g = self.D if "turns" in self.ours else copy.deepcopy(self.D).requires_grad_(False)
        self.d_step()
        self.g_step()

    def opponent(self, player: nn.Module) -> nn.Module:
        return self.d_of_g if player is self.D else super().opponent(player)

    def fakes(self, generator: nn.Module, n: int, real: Batch | None) -> Batch:
        if "fakes" in self.ours:
            return super().fakes(generator, n, real)
        with RngScope(self.seed, "fakes", self.step):
            return super().fakes(generator, n, real)


def play(data: str, seed: int, ours: Sequence[str], steps: int | None = None) -> dict[str, float]:
    """The scores of `SAMPLES` samples of the last weights, without moving average."""
    trainer = make_trainer(data, seed, ours)
    for _ in range(steps or trainer.config.train.steps):
        trainer.train_step()
    with torch.no_grad(), RngScope(seed, "scores"):
        return modes.count_modes(trainer.batches.dataset, trainer.fakes(trainer.G, SAMPLES, None).images)


def make_trainer(data: str, seed: int, ours: Sequence[str]) -> Simultaneous:
    """The trainer before its first step."""
    init = "he" if "weights" in ours else "orthogonal"
    over = {"data": {"spec": data}, "networks": {"init": init}, "train": {"device": "cpu", "threads": 1}, "seed": seed}
    config = make_config("mixtures/minimax", over)
    dataset = load_dataset(config)
    config = resolve_config(config, dataset)
    trainer = Simultaneous(first_weights(config, ours), BatchLoader(dataset, seed), config)
    trainer.ours = ours
    return trainer


@torch.no_grad()
def first_weights(config: ResolvedConfig, ours: Sequence[str]) -> GanModules:
    """Both networks with initial weights; orthogonal ones are `GAIN` times those of the config."""
    modules = build_modules(config)
    if "weights" not in ours:
        for weight in (*modules.generator.parameters(), *modules.discriminator.parameters()):
            weight.mul_(GAIN)  # biases are 0
    if "first" in ours:
        he = config.model_copy(update={"networks": config.networks.model_copy(update={"init": "he"})})
        modules.discriminator.get_parameter(FIRST_LAYER).copy_(
            build_modules(he).discriminator.get_parameter(FIRST_LAYER)
        )
    return modules


def main() -> None:
    """Train on both data sets and print mean and range of each score."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--like-ours", nargs="*", default=[], choices=OURS)
    parser.add_argument("--data", nargs="*", default=["ring", "grid"], choices=["ring", "grid"])
    given = parser.parse_args()
    torch.set_num_threads(1)
    print("| like ours | set | modes | HQ % | rKL |\n|---|---|---|---|---|")
    for data in given.data:
        found = [play(data, seed, given.like_ours) for seed in range(given.seeds)]
        columns = [[factor * score[key] for score in found] for key, factor in FACTORS.items()]
        cells = (f"{mean(c):.3g} ({min(c):.3g} to {max(c):.3g})" for c in columns)
        print("|", " | ".join([", ".join(given.like_ours), data, *cells]), "|", flush=True)


if __name__ == "__main__":
    main()
