"""The nine kinds of parts: a file in the folder of its kind, or a `--plugin`, adds one to the registry."""

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
    """Where the file goes, within the package."""
    choice: str
    """What selects a part: a config key with its value, or an option of the command line."""


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
    """First line of the documentation of a part."""
    if isinstance(part, Metric):
        return summary(part.compute)
    if isinstance(part, Backbone):
        return summary(sys.modules[(part.decoder or part.encoder).__module__])
    return summary(part)
