"""The stability techniques of the field's folklore as keys of the config, in the order of its collected advice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

DCGAN = "Radford et al. 2016, arXiv:1511.06434"
IMPROVED = "Salimans et al. 2016, arXiv:1606.03498"
HACKS = "Chintala et al. 2016, github.com/soumith/ganhacks"


@dataclass(frozen=True)
class Technique:
    """One row: what it is called, which keys switch it, and where it is from."""

    number: int
    name: str
    keys: tuple[str, ...]
    """Dotted; `tricks.NAME` is the whole table of a trick."""
    source: str
    neutral: dict[str, Any] = field(default_factory=dict)
    """The settings under which training is as without it; empty where there is no such thing (a choice among equals)."""


def of_trick(number: int, name: str, trick: str, source: str, **neutral: Any) -> Technique:
    """A technique that is a trick, neutral at `neutral`."""
    return Technique(number, name, (f"tricks.{trick}",), source, {f"tricks.{trick}.{k}": v for k, v in neutral.items()})


TECHNIQUES = (
    Technique(1, "bounded images", ("networks.generator.output",), DCGAN),
    Technique(2, "non-saturating G", ("loss.name",), "Goodfellow et al. 2014, arXiv:1406.2661, sec. 3"),
    Technique(3, "latent", ("latent.distribution", "latent.dim"), "White 2016, arXiv:1609.04468"),
    Technique(4, "norms", ("networks.generator.norm", "networks.discriminator.norm"), DCGAN),
    Technique(
        4,
        "spectral norm",
        ("networks.discriminator.spectral",),
        "Miyato et al. 2018, arXiv:1802.05957",
        {"networks.discriminator.spectral": False},
    ),
    Technique(
        5,
        "no sparse gradients",
        (
            "networks.generator.activation",
            "networks.discriminator.activation",
            "networks.generator.upsample",
            "networks.discriminator.downsample",
            "networks.strict_kernel",
        ),
        DCGAN,
    ),
    Technique(6, "no fully connected layers", ("networks.name",), DCGAN),
    Technique(
        7,
        "kernel size, filters",
        (
            "networks.generator.kernel",
            "networks.discriminator.kernel",
            "networks.generator.width",
            "networks.discriminator.width",
        ),
        DCGAN,
    ),
    Technique(
        8,
        "soft labels",
        ("loss.real_target", "loss.fake_target"),
        IMPROVED,
        {"loss.real_target": [1.0, 1.0], "loss.fake_target": [0.0, 0.0]},
    ),
    of_trick(9, "noisy labels", "label_noise", HACKS, p=0.0),
    of_trick(10, "experience replay", "replay", "Shrivastava et al. 2017, arXiv:1612.07828", share=0.0),
    Technique(
        11,
        "D:G ratio",
        ("train.ratio", "train.warmup"),
        "Arjovsky et al. 2017, arXiv:1701.07875",
        {"train.ratio": "1:1"},
    ),
    Technique(
        12,
        "optimisers",
        ("train.discriminator", "train.generator", "train.decay_steps"),
        "Heusel et al. 2017, arXiv:1706.08500",
        {"train.decay_steps": 0},
    ),
    Technique(13, "init", ("networks.init",), DCGAN),
    of_trick(14, "WGAN-GP's penalty", "gp", "Gulrajani et al. 2017, arXiv:1704.00028", weight=0.0),
    of_trick(14, "DRAGAN's penalty", "dragan_gp", "Kodali et al. 2017, arXiv:1705.07215", weight=0.0),
    of_trick(14, "R1", "r1", "Mescheder et al. 2018, arXiv:1801.04406", gamma=0.0),
    of_trick(14, "R2", "r2", "Mescheder et al. 2018, arXiv:1801.04406", gamma=0.0),
    Technique(
        15,
        "labels",
        ("networks.generator.condition", "networks.discriminator.condition"),
        "Mirza & Osindero 2014, arXiv:1411.1784; Miyato & Koyama 2018, arXiv:1802.05637",
        {"networks.generator.condition": "none", "networks.discriminator.condition": "none"},
    ),
    of_trick(16, "instance noise", "instance_noise", "Sonderby et al. 2017, arXiv:1610.04490", std=0.0),
    Technique(17, "noise in G", ("networks.generator.noise",), HACKS, {"networks.generator.noise": 0.0}),
    Technique(
        18,
        "dropout in G",
        ("networks.generator.dropout",),
        "Isola et al. 2017, arXiv:1611.07004",
        {"networks.generator.dropout": 0.0},
    ),
    Technique(
        19,
        "minibatch features",
        ("networks.discriminator.minibatch",),
        IMPROVED,
        {"networks.discriminator.minibatch": "none"},
    ),
    of_trick(20, "feature matching", "feature_matching", IMPROVED, weight=0.0),
    of_trick(21, "historical averaging", "historical_averaging", IMPROVED, weight=0.0),
    of_trick(22, "packing", "packing", "Lin et al. 2018, arXiv:1712.04086", m=1),
    Technique(24, "average of G", ("train.ema",), "Yazici et al. 2019, arXiv:1806.04498"),
    Technique(25, "one class at a time", ("data.classes",), HACKS),
    of_trick(28, "differentiable augmentation", "augment", "Zhao et al. 2020, arXiv:2006.10738", kinds=[]),
    Technique(28, "flip", ("data.flip",), "horizontal mirroring of the data", {"data.flip": False}),
)
