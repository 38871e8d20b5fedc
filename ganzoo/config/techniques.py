"""Table of stability techniques: config keys, switches and sources, numbered as in docs/guide/techniques.md."""

import math
from dataclasses import dataclass, field
from typing import Any

from ganzoo.registry import citation
from ganzoo.tricks import TRICKS, Trick

Settings = dict[str, Any]
"""Dotted config keys and their values."""

DCGAN = "Radford et al. 2016, arXiv:1511.06434"
IMPROVED = "Salimans et al. 2016, arXiv:1606.03498"
HACKS = "Chintala et al. 2016, github.com/soumith/ganhacks"
G, D = "networks.generator", "networks.discriminator"


@dataclass(frozen=True)
class Technique:
    """One row of the table: name, config keys, switches and source."""

    number: int | None
    """Number in the list of known techniques (docs/guide/techniques.md)."""
    name: str
    keys: tuple[str, ...]
    """Dotted config keys; `tricks.NAME` is the whole table of a trick."""
    source: str
    neutral: Settings = field(default_factory=dict)
    """Settings with which training is the same as without the technique; empty if it is a choice among alternatives."""
    on: dict[str, Settings] = field(default_factory=dict)
    """Switches: the settings of `ganzoo ablate --switch NAME`, one for each form of the technique, the usual form first."""
    without: dict[str, Settings] = field(default_factory=dict)
    """Switches that turn off a default."""


def techniques() -> list[Technique]:
    """Every technique, by number; tricks without a number come last. The row of a trick is generated from its class."""
    rows = [*OTHERS, *map(trick_technique, TRICKS.values())]
    return sorted(rows, key=lambda row: (row.number or math.inf, row.name))


def trick_technique(trick: type[Trick]) -> Technique:
    """The row of a trick: the neutral settings of its class, and a switch with its defaults."""
    key = f"tricks.{trick.name}"
    off = {f"{key}.{option}": value for option, value in trick.neutral.items()}
    title = trick.title or trick.name.replace("_", " ")
    return Technique(trick.number, title, (key,), citation(trick), off, {trick_switch(trick.name): {key: True}})


def trick_switch(name: str) -> str:
    """Name of the switch for the trick `name`."""
    return name.replace("_", "-")


def technique_settings() -> dict[str, Settings]:
    """Switch name -> settings, in the order of the table."""
    return {name: settings for row in techniques() for name, settings in (row.on | row.without).items()}


OTHERS = (
    Technique(1, "bounded images", (f"{G}.output",), DCGAN, without={"linear-output": {f"{G}.output": "linear"}}),
    Technique(
        2,
        "non-saturating G",
        ("loss.name", "loss.real_label"),
        "Goodfellow et al. 2014, arXiv:1406.2661, sec. 3",
        {"loss.real_label": 1},
        {"real-label-0": {"loss.real_label": 0}},
    ),
    Technique(
        3,
        "latent",
        ("latent.distribution", "latent.dim"),
        "White 2016, arXiv:1609.04468",
        {},
        {
            "sphere-latent": {"latent.distribution": "sphere"},
            "uniform-latent": {"latent.distribution": "uniform"},
        },
    ),
    Technique(
        4,
        "norms",
        (f"{G}.norm", f"{D}.norm"),
        f"{DCGAN}; virtual: {IMPROVED}, sec. 3.5",
        {},
        {
            "layer-norm": {f"{D}.norm": "layer"},
            "batch-norm": {f"{G}.norm": "batch", f"{D}.norm": "batch"},
            "instance-norm": {f"{G}.norm": "instance", f"{D}.norm": "instance"},
            "virtual-norm": {f"{G}.norm": "virtual", f"{D}.norm": "virtual"},
        },
        {"no-norm": {f"{D}.norm": "none"}},
    ),
    Technique(
        4,
        "spectral norm",
        (f"{D}.spectral_norm", f"{D}.norm"),
        "Miyato et al. 2018, arXiv:1802.05957",
        {f"{D}.spectral_norm": False},
        {"spectral-norm": {f"{D}.spectral_norm": True, f"{D}.norm": "none"}},
    ),
    Technique(
        5,
        "no sparse gradients",
        (f"{G}.activation", f"{D}.activation", f"{G}.upsample", f"{D}.downsample", "networks.strict_kernel"),
        DCGAN,
        {},
        {
            "leaky-relu": {f"{G}.activation": "leaky-relu", f"{D}.activation": "leaky-relu"},
            "pixelshuffle": {f"{G}.upsample": "pixelshuffle"},
            "nearest": {f"{G}.upsample": "nearest"},
            "pool": {f"{D}.downsample": "pool"},
        },
    ),
    Technique(6, "no fully connected layers", ("networks.name",), DCGAN, {}, {"resnet": {"networks.name": "resnet"}}),
    Technique(
        7,
        "kernel size, filters",
        tuple(f"{player}.{key}" for player in (G, D) for key in ("kernel", "width", "max_width_multiple")),
        DCGAN,
        {},
        {"kernel-5": {f"{D}.kernel": 5}},
    ),
    Technique(
        8,
        "soft labels",
        ("loss.real_target", "loss.fake_target"),
        IMPROVED,
        {"loss.real_target": [1.0, 1.0], "loss.fake_target": [0.0, 0.0]},
        {
            "one-sided-smoothing": {"loss.real_target": [0.9, 0.9]},
            "soft-labels": {"loss.real_target": [0.7, 1.2], "loss.fake_target": [0.0, 0.3]},
        },
    ),
    Technique(
        11,
        "D:G ratio",
        ("train.ratio", "train.critic_warmup"),
        "Arjovsky et al. 2017, arXiv:1701.07875",
        {"train.ratio": "1:1"},
        {
            "two-d-steps": {"train.ratio": "2:1"},
            "warmup": {"train.critic_warmup": {}},
        },
    ),
    Technique(
        11,
        "loss thresholds",
        ("train.loss_thresholds",),
        f"{HACKS}, tip 11, which advises against them",
        {},
        {"thresholds": {"train.loss_thresholds.d": 1.0, "train.loss_thresholds.g": 1.0}},
    ),
    Technique(
        12,
        "optimizers",
        ("train.discriminator", "train.generator", "train.lr_decay_steps"),
        "Heusel et al. 2017, arXiv:1706.08500",
        {"train.lr_decay_steps": 0},
        {
            "ttur": {"train.discriminator.lr": 4e-4, "train.generator.lr": 1e-4},
            "sgd-d": {"train.discriminator.name": "sgd"},
            "decay": {"train.lr_decay_steps": "all"},
            "constant-lr": {"train.lr_decay_steps": 0},
        },
    ),
    Technique(
        13,
        "init",
        ("networks.init",),
        DCGAN,
        {},
        {"orthogonal-init": {"networks.init": "orthogonal"}, "he-init": {"networks.init": "he"}},
    ),
    Technique(
        15,
        "labels",
        (f"{G}.condition", f"{D}.condition"),
        "Mirza & Osindero 2014, arXiv:1411.1784; Miyato & Koyama 2018, arXiv:1802.05637",
        {f"{G}.condition": "none", f"{D}.condition": "none"},
        {
            "labels": {f"{G}.condition": "concat", f"{D}.condition": "channels"},
            "projection": {f"{G}.condition": "batch-norm", f"{D}.condition": "projection"},
        },
    ),
    Technique(17, "noise in G", (f"{G}.noise",), HACKS, {f"{G}.noise": 0.0}, {"noise-in-g": {f"{G}.noise": 0.1}}),
    Technique(
        18,
        "dropout in G",
        (f"{G}.dropout",),
        "Isola et al. 2017, arXiv:1611.07004",
        {f"{G}.dropout": 0.0},
        {"dropout-in-g": {f"{G}.dropout": 0.5}},
    ),
    Technique(
        19,
        "minibatch features",
        (f"{D}.minibatch_features",),
        IMPROVED,
        {f"{D}.minibatch_features": "none"},
        {
            "minibatch-stddev": {f"{D}.minibatch_features": "stddev"},
            "minibatch-discrimination": {f"{D}.minibatch_features": "discrimination"},
        },
    ),
    Technique(23, "semi-supervised", ("loss.name", "data.labelled", "data.labelled_share"), IMPROVED),
    Technique(
        24,
        "average of G",
        ("train.ema_decay",),
        "Yazici et al. 2019, arXiv:1806.04498",
        without={"no-average": {"train.ema_decay": 0.0}},
    ),
    Technique(25, "one class at a time", ("data.classes",), HACKS),
    Technique(26, "track failures", ("train.log_every",), HACKS),
    Technique(
        27,
        "patience",
        ("train.on_failure", "train.rollbacks", "train.rollback_lr_factor"),
        HACKS,
        {"train.on_failure": "warn"},
    ),
    Technique(
        28,
        "flip",
        ("data.flip",),
        "horizontal mirroring of the data",
        {"data.flip": False},
        {"flip": {"data.flip": True}},
    ),
)
"""The techniques that are not tricks."""
