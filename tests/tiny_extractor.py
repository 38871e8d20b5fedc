"""A small random network in the place of an extractor, and pictures for it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganzoo.data import Dataset
from ganzoo.evaluation.extractor import Extractor, ExtractorOutput


class Tiny(nn.Module):
    """Features (N, 6) and logits (N, 3) of grey pictures of 8 pixels; counts the images that it has read."""

    def __init__(self) -> None:
        super().__init__()
        self.read = 0
        g = torch.Generator().manual_seed(1)
        self.features = torch.randn(64, 6, generator=g) / 8
        self.classes = torch.randn(6, 3, generator=g)

    def forward(self, images: Tensor) -> ExtractorOutput:
        self.read += len(images)
        features = torch.relu(images.flatten(1) @ self.features)
        return ExtractorOutput(features, 4 * features @ self.classes)


def tiny(**given: object) -> Extractor:
    """An extractor of the classes a, b and c."""
    settings = {"sha256": "0" * 64, "channels": 1, "size": 8, "native": 8, "class_names": ["a", "b", "c"]} | given
    return Extractor("tiny", Tiny(), **settings)


def pictures(n: int, seed: int = 0, brightness: float = 0.0, size: int = 8) -> Tensor:
    """Smooth random pictures (n, 1, size, size) uint8."""
    g = torch.Generator().manual_seed(seed)
    noise = torch.randn(n, 1, 4, 4, generator=g) + brightness
    smooth = nn.functional.interpolate(noise, (size, size), mode="bicubic")
    return ((smooth.tanh() + 1) * 127.5).round().to(torch.uint8)


def data(n: int, seed: int = 0, split: str = "train", labels: bool = True, name: str = "memory") -> Dataset:
    """A set of `pictures`."""
    from dataclasses import replace

    made = Dataset.from_tensor(
        pictures(n, seed), torch.arange(n) % 3 if labels else None, list("abc") if labels else None
    )
    return replace(made, split=split, name=name)


def drawer(images: Tensor):
    """Seed i -> image i of uint8 `images`, in [-1, 1]."""
    return lambda seeds: images[list(seeds)].float() / 127.5 - 1
