"""The nine kinds of parts and their registries; a file in the kind's folder, or a `--plugin`, adds a part."""

import sys
from dataclasses import dataclass
from typing import Any

from ganzoo.data import SOURCES
from ganzoo.evaluation import EXTRACTORS, METRICS
from ganzoo.evaluation.metrics import Metric
from ganzoo.losses import LOSSES
from ganzoo.networks import BACKBONES, UPSAMPLERS, Backbone
from ganzoo.networks.layers import NORMS
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.registry import Registry, summary
from ganzoo.tricks import TRICKS


@dataclass(frozen=True)
class Kind:
    """One kind of part."""

    name: str
    registry: Registry[Any]
    folder: str
    """Folder of the part's file, relative to the package."""
    choice: str
    """The config key with its value, or the command-line option, that selects a part."""


KINDS = (
    Kind("loss", LOSSES, "losses/", "loss.name=NAME"),
    Kind("trick", TRICKS, "tricks/", "tricks.NAME=true"),
    Kind("backbone", BACKBONES, "networks/", "networks.name=NAME"),
    Kind("upsampler", UPSAMPLERS, "networks/", "networks.generator.upsample=NAME"),
    Kind("norm", NORMS, "networks/", "networks.generator.norm=NAME"),
    Kind("optimizer", OPTIMIZERS, "optimizers/", "train.generator.name=NAME"),
    Kind("metric", METRICS, "evaluation/", "--metrics NAME"),
    Kind("extractor", EXTRACTORS, "evaluation/extractors/", "--extractor NAME"),
    Kind("data source", SOURCES, "data/sources/", "--data NAME"),
)


def describe(part: object) -> str:
    """The first line of a part's docstring."""
    if isinstance(part, Metric):
        return summary(part.compute)
    if isinstance(part, Backbone):
        return summary(sys.modules[(part.decoder or part.encoder).__module__])
    return summary(part)
