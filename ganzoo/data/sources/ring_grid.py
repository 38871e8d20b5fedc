"""Points of a known mixture of Gaussians, drawn anew at each start: there is nothing to decode, so nothing is cached."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from ganzoo import streams
from ganzoo.data.cache import OnCorrupt
from ganzoo.data.dataset import Dataset
from ganzoo.data.mixtures import MIXTURES, mode_names
from ganzoo.data.source import Source, Split
from ganzoo.errors import InputError

COUNTS: dict[Split, int] = {"train": 100_000, "test": 10_000}


class Ring(Source):
    """100,000 points on eight modes; the label is the mode."""

    name = usage = "ring"
    licence = "drawn from its formula; nobody's"
    points: ClassVar[bool] = True
    size, channels = 1, 1

    def dataset(self, split: Split, size: int, channels: int, on_corrupt: OnCorrupt, quiet: bool) -> Dataset:
        """Points (N, 2, 1, 1) float32 in their own units; raises `InputError` for another size or number of channels."""
        if (size, channels) != (self.size, self.channels):
            raise InputError(f"data {self.name!r} are points in the plane; leave data.size and data.channels out")
        mixture = MIXTURES[self.name]
        points, modes = mixture.draw(COUNTS[split], streams.generator("data", self.name, split))
        dataset = Dataset.from_tensor(points.reshape(-1, 2, 1, 1), modes, mode_names(mixture), name=self.title)
        return replace(dataset, split=split, licence=self.licence)


class Grid(Ring):
    """100,000 points on five by five modes; the label is the mode."""

    name = usage = "grid"
