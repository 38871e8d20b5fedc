"""Two-dimensional mixtures of Gaussians (`ring`, `grid`): points, true modes, radius of high quality."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import torch

from ganzoo import rng
from ganzoo.data.dataset import Dataset
from ganzoo.data.decode import OnCorrupt
from ganzoo.data.source import Source, Split
from ganzoo.errors import InputError
from ganzoo.image_io import Circles

HIGH_QUALITY_STD = 3.0
"""Maximum distance, in standard deviations, of a high-quality point to its center (arXiv:1705.07761, section 4.1)."""


@dataclass(frozen=True, eq=False)
class Mixture:
    """Isotropic Gaussians in the plane with equal weights and equal standard deviation `sigma`."""

    centres: np.ndarray
    """(K, 2) float64."""
    sigma: float

    def draw(self, n: int, generator: torch.Generator) -> tuple[np.ndarray, np.ndarray]:
        """`n` points (n, 2) float32 and the indices (n,) int64 of their modes."""
        modes = torch.randint(len(self.centres), (n,), generator=generator).numpy()
        noise = torch.randn(n, 2, generator=generator, dtype=torch.float64).numpy()
        return (self.centres[modes] + self.sigma * noise).astype(np.float32), modes


def ring(modes: int, radius: float) -> np.ndarray:
    """`modes` evenly spaced points (K, 2) on a circle, the first at angle 0."""
    angles = np.linspace(0, 2 * np.pi, modes, endpoint=False)
    return radius * np.stack([np.cos(angles), np.sin(angles)], 1)


def grid(side: int, spacing: float) -> np.ndarray:
    """`side` x `side` points (K, 2) around the origin, row by row from the lower left."""
    axis = (np.arange(side) - (side - 1) / 2) * spacing
    return np.stack(np.meshgrid(axis, axis), 2).reshape(-1, 2)


MIXTURES = {"ring": Mixture(ring(8, 1.0), 0.01), "grid": Mixture(grid(5, 2.0), 0.05)}
"""The mixtures of VEEGAN (Srivastava et al. 2017, arXiv:1705.07761) and PacGAN (Lin et al. 2018, arXiv:1712.04086)."""


def mixture_of(name: str, class_names: Sequence[str]) -> Mixture | None:
    """The mixture of the data set `name`, restricted to the modes `class_names`; None for other data."""
    whole = MIXTURES.get(name)
    if whole is None or not set(class_names) <= set(mode_names(whole)):
        return None
    return replace(whole, centres=whole.centres[[int(each) for each in class_names]])


def mode_circles(name: str, class_names: Sequence[str]) -> Circles | None:
    """Circles around the true modes, which contain 98.9 % of the points; None for other data."""
    mixture = mixture_of(name, class_names)
    return None if mixture is None else Circles(torch.from_numpy(mixture.centres), HIGH_QUALITY_STD * mixture.sigma)


def mode_names(mixture: Mixture) -> list[str]:
    """The numbers of the modes, as class names."""
    return [str(i) for i in range(len(mixture.centres))]


COUNTS: dict[Split, int] = {"train": 100_000, "test": 10_000}


class Ring(Source):
    """100,000 points from eight modes on a circle; the label is the mode."""

    name = usage = "ring"
    licence = "drawn from its formula; nobody's"
    points: ClassVar[bool] = True
    size, channels = 1, 1

    def dataset(self, split: Split, size: int, channels: int, on_corrupt: OnCorrupt, quiet: bool) -> Dataset:
        """Points (N, 2, 1, 1) float32 in their own units; raises `InputError` for another size or number of channels."""
        if (size, channels) != (self.size, self.channels):
            raise InputError(f"data {self.name!r} are points in the plane; leave data.size and data.channels out")
        mixture = MIXTURES[self.name]
        points, modes = mixture.draw(COUNTS[split], rng.generator("data", self.name, split))
        dataset = Dataset.from_tensor(points.reshape(-1, 2, 1, 1), modes, mode_names(mixture), name=self.title)
        return replace(dataset, split=split, licence=self.licence)


class Grid(Ring):
    """100,000 points from five by five modes; the label is the mode."""

    name = usage = "grid"
