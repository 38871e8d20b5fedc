"""Endless shuffled batches that depend on nothing but a seed and how many samples were drawn."""

from __future__ import annotations

import numpy as np
import torch

from ganzoo import streams
from ganzoo.data.dataset import Dataset, moved
from ganzoo.data.resident import source
from ganzoo.records import Samples


class Batches:
    """The samples of `dataset` in a new order each epoch, in batches of any size, which may reach into the next epoch.

    `position`, the number of samples drawn so far, is the whole state: set it to go on from there. Without `with_labels` no
    label is moved to the device. Within a part of a split
    batch (see `ganzoo.streams.Share`) it counts the samples of all parts, of which the part gets its own.
    """

    def __init__(self, dataset: Dataset, seed: int, flip: bool = False, device: torch.device | str = "cpu") -> None:
        self.dataset, self.seed, self.flip, self.device = dataset, seed, flip, device
        self.source = source(dataset, device)
        self.position = 0
        self.with_labels = True
        self._order = (-1, np.empty(0, np.int64))

    def next(self, n: int) -> Samples:
        """The next `n` samples on the device, each mirrored left to right at random if `flip` is on."""
        share = streams.share()
        total, rows = n * share.parts, share.rows(n)
        mirrored = self._mirrored(total)[rows] if self.flip else None
        samples = self.source.samples(self._draw(total)[rows], self.device, self.with_labels)
        if mirrored is None:
            return samples
        return samples.with_images(torch.where(mirrored, samples.images.flip(3), samples.images))

    def _mirrored(self, n: int) -> torch.Tensor:
        generator = streams.generator(self.seed, "flip", self.position)
        return moved(torch.rand(n, 1, 1, 1, generator=generator) < 0.5, self.device)

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
            generator = streams.generator(self.seed, "data", epoch)
            self._order = epoch, torch.randperm(len(self.dataset), generator=generator).numpy()
        return self._order[1]
