"""Small, quick runs of any variant, and data for them."""

from __future__ import annotations

import torch

from ganzoo.config import Config, Table
from ganzoo.data import Dataset
from ganzoo.recipes import make, merge

SMALL: Table = {
    "latent": {"dim": 8},
    "networks": {"generator": {"width": 4}, "discriminator": {"width": 4}},
    "train": {"batch": 4, "log_every": 1, "sample_every": 100, "save_every": 100, "device": "cpu", "threads": 1},
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
    return make(variant, merge(SMALL, tables))
