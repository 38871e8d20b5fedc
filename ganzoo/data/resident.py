"""A dataset that lies on the device as a whole: a step then moves nothing there but the numbers of its samples."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo.data.dataset import Dataset, as_images, moved
from ganzoo.records import Samples

PART = 4
"""A set may take one part in so many of the memory that is free."""

CHUNK = 10_000  # samples that are moved at once


class Resident:
    """All samples of `dataset` on `device`, as they are stored."""

    def __init__(self, dataset: Dataset, device: torch.device | str) -> None:
        self.pixels = uploaded(dataset, device)
        self.labels = None if dataset.labels is None else torch.from_numpy(dataset.labels).to(device)

    def samples(self, index: ArrayLike, device: torch.device | str, with_labels: bool = True) -> Samples:
        """The samples of `index` (n,), which are on `device` already."""
        chosen = moved(torch.from_numpy(np.asarray(index)), device)
        labels = self.labels[chosen] if with_labels and self.labels is not None else None
        return Samples(as_images(self.pixels[chosen]), labels)


def uploaded(dataset: Dataset, device: torch.device | str) -> Tensor:
    """The pixels (N, C, H, W), in chunks, so that the host needs no second copy."""
    first = torch.from_numpy(dataset.pixels[dataset.rows[:1]])
    pixels = first.new_empty((len(dataset), *dataset.shape), device=device)
    for start in range(0, len(dataset), CHUNK):
        part = slice(start, start + CHUNK)
        pixels[part] = torch.from_numpy(dataset.pixels[dataset.rows[part]]).to(device)
    return pixels


def source(dataset: Dataset, device: torch.device | str) -> Dataset | Resident:
    """Where to take samples for `device` from: a CUDA device itself where the set is small beside its free memory."""
    if torch.device(device).type != "cuda":
        return dataset
    free, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # by PyTorch, which gives it anew
    return Resident(dataset, device) if fits(dataset, free + kept) else dataset


def fits(dataset: Dataset, free: int) -> bool:
    """Whether the pixels take at most one part in `PART` of `free` bytes."""
    return dataset.pixels[:1].nbytes * len(dataset) * PART <= free
