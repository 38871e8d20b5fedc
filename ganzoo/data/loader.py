"""`BatchLoader`: shuffled batches of a data set, read from the CUDA device if the whole set fits there."""

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.data.dataset import Dataset, as_images, to_device

MEMORY_DIVISOR = 4
"""A data set may take 1 / `MEMORY_DIVISOR` of the free GPU memory."""

UPLOAD_CHUNK = 10_000  # samples copied at once


class DeviceDataset:
    """All samples of `dataset` on `device`, with the stored dtype; a step copies only indices there."""

    def __init__(self, dataset: Dataset, device: torch.device | str) -> None:
        self.pixels = upload_pixels(dataset, device)
        self.labels = None if dataset.labels is None else torch.from_numpy(dataset.labels).to(device)

    def samples(self, index: ArrayLike, device: torch.device | str, with_labels: bool = True) -> Batch:
        """The samples of `index` (n,), which are already on `device`."""
        chosen = to_device(torch.from_numpy(np.asarray(index)), device)
        labels = self.labels[chosen] if with_labels and self.labels is not None else None
        return Batch(as_images(self.pixels[chosen]), labels)


def upload_pixels(dataset: Dataset, device: torch.device | str) -> Tensor:
    """Copy the pixels (N, C, H, W) to `device` in chunks, so that the host needs no second copy."""
    first = torch.from_numpy(dataset.pixels[dataset.rows[:1]])
    pixels = first.new_empty((len(dataset), *dataset.shape), device=device)
    for start in range(0, len(dataset), UPLOAD_CHUNK):
        part = slice(start, start + UPLOAD_CHUNK)
        pixels[part] = torch.from_numpy(dataset.pixels[dataset.rows[part]]).to(device)
    return pixels


def sample_source(dataset: Dataset, device: torch.device | str) -> Dataset | DeviceDataset:
    """The source of samples for `device`: a copy on a CUDA device if the set is small compared to its free memory."""
    if torch.device(device).type != "cuda":
        return dataset
    free, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # reusable by PyTorch's allocator
    return DeviceDataset(dataset, device) if fits_in_memory(dataset, free + kept) else dataset


def fits_in_memory(dataset: Dataset, free: int) -> bool:
    """True if the pixels take at most 1 / `MEMORY_DIVISOR` of `free` bytes."""
    return dataset.pixels[:1].nbytes * len(dataset) * MEMORY_DIVISOR <= free


class BatchLoader:
    """Batches of any size from `dataset`, shuffled each epoch; a batch may extend into the next epoch.

    `position`, the number of samples drawn so far, is the whole state; set it to resume. If `with_labels` is False, no
    label is copied to the device. In a shard of a batch (see `ganzoo.rng.BatchShard`) `position` counts the samples of all
    shards, and the shard gets its rows.
    """

    def __init__(self, dataset: Dataset, seed: int, flip: bool = False, device: torch.device | str = "cpu") -> None:
        self.dataset, self.seed, self.flip, self.device = dataset, seed, flip, device
        self.source = sample_source(dataset, device)
        self.position = 0
        self.with_labels = True
        self._order = (-1, np.empty(0, np.int64))

    def next(self, n: int) -> Batch:
        """The next `n` samples on the device, each mirrored left to right at random if `flip` is on."""
        share = rng.batch_shard()
        total, rows = n * share.parts, share.rows(n)
        mirrored = self._mirrored(total)[rows] if self.flip else None
        samples = self.source.samples(self._draw(total)[rows], self.device, self.with_labels)
        if mirrored is None:
            return samples
        return samples.with_images(torch.where(mirrored, samples.images.flip(3), samples.images))

    def _mirrored(self, n: int) -> torch.Tensor:
        generator = rng.generator(self.seed, "flip", self.position)
        return to_device(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, self.device)

    def _draw(self, n: int) -> np.ndarray:
        parts = []
        while n:
            epoch, start = divmod(self.position, len(self.dataset))
            part = self._permutation(epoch)[start : start + n]
            parts.append(part)
            n -= len(part)
            self.position += len(part)
        return np.concatenate(parts)

    def _permutation(self, epoch: int) -> np.ndarray:
        if self._order[0] != epoch:
            generator = rng.generator(self.seed, "data", epoch)
            self._order = epoch, torch.randperm(len(self.dataset), generator=generator).numpy()
        return self._order[1]
