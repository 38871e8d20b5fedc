"""Failures that no setting can cause, planted by patches; and resumable runs that may fail."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo import api
from ganzoo.config import compatibility
from ganzoo.config.schema import Config
from ganzoo.data import BatchLoader, Dataset
from ganzoo.errors import TrainingFailed
from ganzoo.latent import GeneratorInputs, Latent
from ganzoo.losses import Loss
from ganzoo.networks import Generator

DEAD = -10.0  # bias of a norm below which no ReLU passes anything
NAN_AT = 150  # call of G's loss


def train(folder: Path, config: Config, spoil: str = "") -> None:
    """Train or resume a run, unless it is finished; its end is in `outcome.json`. Patches the process: one run a process."""
    if (folder / "outcome.json").exists():
        return
    if spoil:
        SPOIL[spoil]()
    try:
        api.resume(folder) if (folder / "config.json").exists() else api.train(config, out=folder)
        outcome = "done"
    except TrainingFailed as failure:
        outcome = str(failure)
    (folder / "outcome.json").write_text(json.dumps(outcome))


def no_noise() -> None:
    """G always gets the same z."""
    draw = Latent.draw

    def constant(self: Latent, *arguments: Any, **named: Any) -> GeneratorInputs:
        inputs = draw(self, *arguments, **named)
        return inputs._replace(z=torch.zeros_like(inputs.z))

    Latent.draw = constant  # type: ignore[method-assign]


def nan() -> None:
    """A term of G's loss becomes NaN once."""
    calls = count(1)
    change_g_loss(lambda term: term * (float("nan") if next(calls) == NAN_AT else 1))


def wrong_sign() -> None:
    """G's loss has the wrong sign: G helps D."""
    change_g_loss(lambda term: -term)


def change_g_loss(change: Callable[[Tensor], Tensor]) -> None:
    """Apply `change` to each term of the G loss of any loss."""
    build = Loss.__init__

    def changed(self: Loss, *given: Any, **named: Any) -> None:
        build(self, *given, **named)
        g_loss = self.g_loss
        self.g_loss = lambda *seen: {name: change(term) for name, term in g_loss(*seen).items()}  # type: ignore[method-assign]

    Loss.__init__ = changed  # type: ignore[method-assign]


def unit_range() -> None:
    """Reals in [0, 1], while G ends in tanh."""
    samples = Dataset.samples

    def halved(self: Dataset, *given: Any, **named: Any) -> Any:
        batch = samples(self, *given, **named)
        return batch.with_images(batch.images / 2 + 0.5)

    Dataset.samples = halved  # type: ignore[method-assign]


def wrong_labels() -> None:
    """Labels in random order; the digest stays, so that a resume finds the same data."""
    load = api.load_dataset

    def shuffled(*given: Any) -> Dataset:
        data = load(*given)
        return replace(data, labels=np.random.default_rng(0).permutation(data.labels))

    api.load_dataset = shuffled


def same_batch() -> None:
    """The loader returns its first batch again and again."""
    draw = BatchLoader.next

    def first(self: BatchLoader, n: int) -> Any:
        self.position = 0
        return draw(self, n)

    BatchLoader.next = first  # type: ignore[method-assign]


def dead_relu() -> None:
    """The norms of G have a bias below which every ReLU is 0."""
    build = Generator.__init__

    def dead(self: Generator, *given: Any, **named: Any) -> None:
        build(self, *given, **named)
        self.register_forward_pre_hook(lambda module, _: kill(module))

    def kill(module: nn.Module) -> None:
        with torch.no_grad():
            for each in module.modules():
                if isinstance(each, nn.BatchNorm1d | nn.BatchNorm2d):
                    each.bias.fill_(DEAD)

    Generator.__init__ = dead  # type: ignore[method-assign]


def unchecked() -> None:
    """Allow batch norm in a D with a gradient penalty."""
    compatibility._check_penalties = lambda *_: iter(())


SPOIL: dict[str, Callable[[], None]] = {
    patch.__name__.replace("_", "-"): patch
    for patch in (no_noise, nan, wrong_sign, unit_range, wrong_labels, same_batch, dead_relu, unchecked)
}
