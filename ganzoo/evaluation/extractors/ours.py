"""The two small classifiers that ship."""

from __future__ import annotations

from torch import Tensor, nn

from ganzoo.evaluation import classifier
from ganzoo.evaluation.classifier import SCALE, Classifier, Name
from ganzoo.evaluation.extractor import EXTRACTORS, Extractor, Read


class Reader(nn.Module):
    """Features and logits of a classifier in one pass."""

    def __init__(self, network: Classifier) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Read:
        """Of images (N, C, H, W) as the classifier sees them."""
        features = self.network.features(images)
        return Read(features, SCALE * self.network.head(features))


def ours(name: Name, border: int = 0) -> Extractor:
    """The classifier that ships as `name`."""
    network = classifier.load(name)
    size, card = network.size, network.card
    return Extractor(
        name, Reader(network), card["sha256"], network.channels, size, size, border, class_names=network.class_names
    )


def digits() -> Extractor:
    """Trained on MNIST; 28 pixels get the border of 2 that the data have at 32."""
    return ours("digits", border=2)


def cifar() -> Extractor:
    """Trained on CIFAR-10."""
    return ours("cifar")


EXTRACTORS.add("digits", digits)
EXTRACTORS.add("cifar", cifar)
