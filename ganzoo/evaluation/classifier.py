"""Two small classifiers of ours that ship: their features measure images, their answers count classes and modes.

`ganzoo.evaluation.train_classifier` made them; docs/extractors.md says how, and what they may be used for.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.json_io import FileSchema, Size, read_record
from ganzoo.tensor_io import read_tensors, specs

Name = Literal["digits", "cifar"]

WEIGHTS = Path(__file__).parent / "weights"
"""Where the weights and cards that ship are."""

SCALE = 1 / 9
"""On the logits, so that they and the first gradients are small at a high learning rate (Jordan 2024)."""


class ClassifierCard(FileSchema):
    """The JSON beside the weights; it says more of how they were trained."""

    size: Size
    channels: Size
    widths: Annotated[list[Size], Field(min_length=1)]
    class_names: list[str]
    sha256: str


class Classifier(nn.Module):
    """Whitened 2x2 patches, then blocks of two convolutions that each halve the map, then a linear layer on its mean.

    The form of airbench94, narrower and with a mean at its end where that takes the maximum: 94 % on CIFAR-10 in 3.29
    Seconds on a Single GPU. Jordan, 2024, https://arxiv.org/abs/2404.00498. Before the linear layer the mean is brought to
    another basis (see `classifier_axes.equalise`).
    """

    def __init__(self, *, size: int, channels: int, widths: Sequence[int], class_names: Sequence[str]) -> None:
        super().__init__()
        self.size, self.channels, self.widths = size, channels, tuple(widths)
        self.class_names = tuple(class_names)
        self.card: dict[str, Any] = {}
        """What is known of the weights: data, accuracy, how they were trained. Empty until they are loaded."""
        self.whitening = nn.Conv2d(channels, 8 * channels, 2).requires_grad_(False)
        self.blocks = nn.Sequential(*(block(a, b) for a, b in pairwise((8 * channels, *widths))))
        self.head = nn.Linear(widths[-1], len(class_names), bias=False)
        self.basis = nn.Linear(widths[-1], widths[-1], bias=False).requires_grad_(False)
        nn.init.eye_(self.basis.weight)

    @property
    def feature_size(self) -> int:
        """F, the length of a feature vector."""
        return self.widths[-1]

    def features(self, images: Tensor) -> Tensor:
        """(N, F) float32 of images (N, channels, size, size) in [-1, 1]; raises `ValueError` for another shape."""
        if images.shape[1:] != (self.channels, self.size, self.size):
            wanted = f"(N, {self.channels}, {self.size}, {self.size})"
            raise ValueError(f"the classifier sees images {wanted}, not {tuple(images.shape)}")
        # Whitening magnifies small differences, and with them what bfloat16 rounds off.
        with torch.autocast(images.device.type, enabled=False):
            patches = F.gelu(self.whitening(images.float()))
        means = self.blocks(patches).float().mean((2, 3))
        with torch.autocast(images.device.type, enabled=False):
            return self.basis(means)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of the classes."""
        return SCALE * self.head(self.features(images))


def block(inputs: int, outputs: int) -> nn.Sequential:
    """(N, inputs, H, W) -> (N, outputs, H / 2, W / 2), rounded down."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(outputs),
        nn.GELU(),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.GELU(),
    )


def load(name: Name, folder: Path = WEIGHTS) -> Classifier:
    """The classifier that ships as `name`, in evaluation mode and without gradients; computes in float32 on the CPU.

    Raises `InputError` where a file is missing or the weights are not those that the card describes.
    """
    card = read_record(folder / f"{name}.json", ClassifierCard)
    classifier = Classifier(size=card.size, channels=card.channels, widths=card.widths, class_names=card.class_names)
    expected = specs(classifier.state_dict(), halves=True)
    classifier.load_state_dict(read_tensors(folder / f"{name}.safetensors", card.sha256, expected))
    classifier.card = card.model_dump(mode="json")
    return classifier.to(memory_format=torch.channels_last).eval().requires_grad_(False)
