"""Two small classifiers of ours that ship: their features measure images, their answers count classes and modes.

`tools.train_classifier` made them; docs/extractors.md says how, and what they may be used for.
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.evaluation.extractor import EXTRACTORS, Extractor, ExtractorOutput
from ganzoo.json_io import FileSchema, Size, read_record
from ganzoo.tensor_io import read_tensors, tensor_specs

Name = Literal["digits", "cifar"]

WEIGHTS = Path(__file__).parent / "weights"
"""Where the weights and cards that ship are."""

LOGIT_SCALE = 1 / 9
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
    another basis (see `tools.classifier_axes.equalise`).
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
            features: Tensor = self.basis(means)
        return features

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of the classes."""
        logits: Tensor = self.head(self.features(images))
        return LOGIT_SCALE * logits


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


def load_classifier(name: Name, folder: Path = WEIGHTS) -> Classifier:
    """The classifier that ships as `name`, in evaluation mode and without gradients; computes in float32 on the CPU.

    Raises `InputError` where a file is missing or the weights are not those that the card describes.
    """
    card = read_record(folder / f"{name}.json", ClassifierCard)
    classifier = Classifier(size=card.size, channels=card.channels, widths=card.widths, class_names=card.class_names)
    expected = tensor_specs(classifier.state_dict(), halves=True)
    classifier.load_state_dict(read_tensors(folder / f"{name}.safetensors", card.sha256, expected))
    classifier.card = card.model_dump(mode="json")
    return classifier.to(memory_format=torch.channels_last).eval().requires_grad_(False)


class ClassifierFeatures(nn.Module):
    """Features and logits of a classifier in one pass."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> ExtractorOutput:
        """Of images (N, C, H, W) as the classifier sees them."""
        features = self.network.features(images)
        return ExtractorOutput(features, LOGIT_SCALE * self.network.head(features))


def classifier_extractor(name: Name, border: int = 0) -> Extractor:
    """The classifier that ships as `name`."""
    network = load_classifier(name)
    size, card = network.size, network.card
    return Extractor(
        name,
        ClassifierFeatures(network),
        card["sha256"],
        network.channels,
        size,
        size,
        border,
        class_names=network.class_names,
    )


def digits() -> Extractor:
    """Small classifier trained on MNIST; 28 pixels get the border of 2 that the data have at 32."""
    return classifier_extractor("digits", border=2)


def cifar() -> Extractor:
    """Small classifier trained on CIFAR-10."""
    return classifier_extractor("cifar")


EXTRACTORS.add("digits", digits)
EXTRACTORS.add("cifar", cifar)
