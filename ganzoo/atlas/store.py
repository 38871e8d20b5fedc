"""The file of the atlas: bands of healthy runs and curves of failed ones, compact enough to be part of the package."""

import json
import lzma
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from ganzoo.atlas.curves import POINTS, SIGNALS, Curves, Values
from ganzoo.atomic_io import write_bytes
from ganzoo.config.schema import ResolvedConfig
from ganzoo.json_io import Count, FileSchema, Number, read_record

FILE = Path(__file__).with_name("atlas.json.xz")
QUANTILES = (0.05, 0.5, 0.95)
WINDOW = 2  # cells on each side that count for the quantiles of a cell, because three seeds are too few
DIGITS = 3

Curve = Annotated[list[Number], Field(min_length=POINTS, max_length=POINTS)]
"""Values on the grid; null = not logged."""
Bands = dict[str, tuple[Curve, Curve, Curve]]
"""Signal -> its lowest, middle and highest quantile on the grid."""


class Healthy(FileSchema):
    """The healthy runs of a loss on a data set."""

    loss: str
    data: str
    runs: Count
    steps: Count
    """Steps of the longest run."""
    bands: Bands


class Sick(FileSchema):
    """A run that was made to fail."""

    name: str
    cause: str
    remedy: str
    loss: str
    data: str
    seed: Count
    steps: Count
    curves: dict[str, Curve]


class Atlas(FileSchema):
    """Bands of healthy runs and curves of failed ones."""

    format: Literal[1] = 1
    healthy: list[Healthy]
    pooled: Bands
    """The bands of all healthy runs together."""
    sick: list[Sick]

    def of(self, loss: str, data: str) -> Healthy | None:
        """The bands of a loss, on `data` if they exist, else on other data; None if the atlas lacks the loss."""
        found = [each for each in self.healthy if each.loss == loss]
        return next((each for each in found if each.data == data), found[0] if found else None)

    def bands(self, loss: str, data: str) -> Bands:
        """Those bands; a signal that they lack has the band of all healthy runs."""
        own = self.of(loss, data)
        return self.pooled | (own.bands if own else {})


class Run(NamedTuple):
    """A healthy run as input of the atlas."""

    loss: str
    data: str
    steps: int
    curves: Curves


def loss_of(config: ResolvedConfig) -> str:
    """The loss of a run as the atlas names it; that of a pyramid is apart, because its objective is a sum over levels."""
    return f"{config.loss['name']} pyramid" if config.networks.pyramid else str(config.loss["name"])


def build(healthy: Sequence[Run], sick: Iterable[Sick]) -> Atlas:
    """The atlas of these runs."""
    groups: dict[tuple[str, str], list[Run]] = defaultdict(list)
    for run in healthy:
        groups[run.loss, run.data].append(run)
    entries = [
        Healthy(loss=loss, data=data, runs=len(runs), steps=max(run.steps for run in runs), bands=make_bands(runs))
        for (loss, data), runs in sorted(groups.items())
    ]
    return Atlas(healthy=entries, pooled=make_bands(healthy), sick=list(sick))


def make_bands(runs: Sequence[Run]) -> Bands:
    """The quantiles over runs and neighboring cells, for each signal that a run has."""
    curves = {name: [run.curves[name] for run in runs if name in run.curves] for name in SIGNALS}
    return {name: _quantiles(np.stack(each)) for name, each in curves.items() if each}


def _quantiles(curves: Values) -> tuple[Curve, Curve, Curve]:
    found = np.full((len(QUANTILES), POINTS), np.nan)
    for cell in range(POINTS):
        near = curves[:, max(0, cell - WINDOW) : cell + WINDOW + 1]
        if (known := near[np.isfinite(near)]).size:
            found[:, cell] = np.quantile(known, QUANTILES)
    low, middle, high = map(rounded, found)
    return low, middle, high


def rounded(values: Values) -> Curve:
    """A curve as it is kept: `DIGITS` decimals, None for NaN."""
    return [round(value, DIGITS) if np.isfinite(value) else None for value in values.tolist()]


def write_atlas(atlas: Atlas, path: Path = FILE) -> None:
    """Write the atlas; equal atlases give equal bytes."""
    write_bytes(path, lzma.compress(json.dumps(atlas.model_dump(mode="json")).encode(), preset=9))


def read_atlas(path: Path = FILE) -> Atlas:
    """The atlas in a file; raises `InputError`."""
    return read_record(path, Atlas)
