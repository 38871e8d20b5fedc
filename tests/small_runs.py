"""Small, quick runs of any variant, and data for them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from ganzoo.config.recipes import make_config, variants
from ganzoo.config.schema import Config
from ganzoo.config.tables import Table, merge, unflatten
from ganzoo.config.techniques import technique_settings
from ganzoo.data import Dataset
from ganzoo.losses import LOSSES, Loss
from ganzoo.tricks import TRICKS

SMALL: Table = {
    "data": {"labelled": None, "labelled_share": None},  # of which `toy_data` have too few
    "latent": {"dim": 8},
    "networks": {"generator": {"width": 4}, "discriminator": {"width": 4}},
    "train": {
        **{"batch_size": 4, "log_every": 1, "sample_every": 100, "save_every": 100, "device": "cpu", "threads": 1},
        # "auto" would depend on the machine; with falling rates a longer run differs from the first step on.
        **{"precision": "float32", "penalty_precision": "float32", "lr_decay_steps": 0},
    },
}
"""Laid upon any variant, it makes a step take milliseconds."""


def toy_data(n: int = 40, size: int = 28, channels: int = 1, classes: int = 3) -> Dataset:
    """Random pictures; `classes` 0 = without labels."""
    g = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (n, channels, size, size), generator=g, dtype=torch.uint8)
    labels = torch.arange(n) % classes if classes else None
    return Dataset.from_tensor(images, labels)


def small(variant: str, **tables: Table) -> Config:
    """The small form of a variant."""
    return make_config(variant, merge(SMALL, tables))


def recipe_of(loss: str) -> tuple[str, Table]:
    """The variant of a loss and tables over it: nsgan with another `loss.name` where it has no recipe."""
    return (loss, {}) if loss in variants() else ("nsgan", {"loss": {"name": loss}})


def losses_against(trick: str) -> set[str]:
    """The losses that refuse a trick, by the attributes of both."""
    kind = TRICKS[trick]
    return {
        name
        for name, loss in LOSSES.items()
        if trick in loss.penalties
        or {*kind.excludes} & {*loss.heads}
        or {*kind.heads} - {*loss.heads}
        or (kind.replaces_d and loss.after_g_step is not Loss.after_g_step)
    }


TIMES = ("seconds", "images_per_second", "memory_mib")


def results(folder: Path) -> dict[str, object]:
    """All that two equal runs or comparisons have in common: every file but the locks, without times."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock" and path.name != "lock"]
    return {str(path.relative_to(folder)): without_times(path) for path in files}


def without_times(path: Path) -> object:
    """The content of a file of a run; of JSON, what has no times in it."""
    content = path.read_bytes()
    if path.suffix not in (".json", ".jsonl"):
        return content
    values = [json.loads(line) for line in content.splitlines()] if path.suffix == ".jsonl" else json.loads(content)
    if path.name == "state.json":
        del values["digest"], values["config"]["train"]["steps"]  # which covers the seconds; which a resume may raise
    return _timeless(values)


def _timeless(value: Any) -> Any:
    if isinstance(value, list):
        return [_timeless(each) for each in value]
    return {k: _timeless(v) for k, v in value.items() if k not in TIMES} if isinstance(value, dict) else value


QUICK: dict[str, Table] = {
    "past-players": {"tricks.past_players.every": 2, "tricks.past_players.steps": 1},
    "target-networks": {"tricks.target_networks.tau": 0.5},
    "replay": {"tricks.replay.capacity": 6},
    "label-noise": {"tricks.label_noise.p": 0.5},
    "instance-noise": {"tricks.instance_noise.steps": 4},
    "r1": {"tricks.r1.every": 2},
    "two-d-steps": {"train.ratio": "3:2"},
    "warmup": {"train.critic_warmup": {"d_steps": 2, "first": 1}},
    "thresholds": {"train.loss_thresholds.most": 1},
    "decay": {"train.lr_decay_steps": 9},
}
"""What makes a switch show within a few steps of a few images."""


def switched(names: Iterable[str]) -> Table:
    """The tables that turn these switches on, in a form for short runs."""
    return unflatten(
        {key: value for name in names for key, value in (technique_settings()[name] | QUICK.get(name, {})).items()}
    )
