"""A model that returns real images of the class that it is asked for, and data whose classes are not equally frequent."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from ganzoo.builder import resolve_config
from ganzoo.data import Dataset, load
from ganzoo.latent import Latent
from ganzoo.sampling import Sampler
from small_runs import small

COUNTS = np.geomspace(800, 40, 10).astype(int)
"""Images of each digit: twenty times as many of 0 as of 9."""


def uneven(split: str = "train", share: float = 1.0, names: list[str] | None = None) -> Dataset:
    """Digits of which there are `share` times `COUNTS`, mixed."""
    whole = load("digits", split=split)
    kept = np.sort(np.concatenate([np.flatnonzero(whole.labels == k)[: round(share * COUNTS[k])] for k in range(10)]))
    return Dataset.from_tensor(whole.images[kept], whole.labels[kept], names or whole.class_names)


class Copies(nn.Module):
    """In the place of G: the image of the class that z points at."""

    def __init__(self, data: Dataset) -> None:
        super().__init__()
        self.at = nn.Parameter(torch.zeros(1))
        self.images = data.samples(range(len(data))).images
        self.members = [torch.from_numpy(np.flatnonzero(data.labels == k)) for k in range(data.classes)]

    def forward(self, z: Tensor, labels: Tensor | None) -> Tensor:
        labels = torch.zeros(len(z), dtype=torch.int64) if labels is None else labels
        chosen = [
            self.members[k][int(1e6 * abs(x)) % len(self.members[k])] for k, x in zip(labels, z[:, 0], strict=True)
        ]
        return self.images[torch.stack(chosen)]


def copier(data: Dataset) -> Sampler:
    """A conditional sampler of real images of `data`, as if trained on them."""
    return Sampler(Copies(data), Latent(8, classes=data.classes), resolve_config(small("cgan"), data), {})
