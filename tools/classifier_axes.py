"""Principal axes at both ends of a classifier: whitened input patches, and equalized output features."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.evaluation.extractors.small_classifiers import Classifier


def whiten(layer: nn.Conv2d, images: Tensor) -> None:
    """Set `layer` to return the whitened principal components of the patches of `images`, and their negatives.

    "How to Train Your ResNet 8", Page, 2019; a fixed first layer in Jordan 2024, with 5e-4 for pixels of variance 1.
    """
    patches = F.unfold(images, 2).transpose(1, 2).flatten(0, 1).double()
    variances, components = torch.linalg.eigh(patches.T.cov())
    filters = (components / (variances + 1e-4).sqrt()).T
    filters = torch.cat([filters, -filters])
    layer.weight.data.copy_(filters.view_as(layer.weight))
    layer.bias.data.copy_(-filters @ patches.mean(0))  # type: ignore[union-attr]


@torch.no_grad()
def equalise(classifier: Classifier, images: Iterable[Tensor], floor: float = 1e-4) -> None:
    """Rotate the features to the principal axes of those of `images` (batches), and scale each axis towards variance 1.

    A trained network contracts each class to a point (neural collapse: Papyan et al. 2020, https://arxiv.org/abs/2008.08186),
    so nearly all variance of its features is between classes, and a distance would hardly reflect differences within a
    class. An axis with far more than the share `floor` of the total variance gets variance 1; axes with far less are all
    magnified by the same factor. The map is invertible, and the head inverts it, so the logits do not change.
    """
    features = torch.cat([classifier.features(batch) for batch in images]).double()
    variances, axes = torch.linalg.eigh(features.T.cov())
    gains = (variances.clamp(min=0) + floor * variances.sum()).rsqrt()
    classifier.basis.weight.copy_((axes * gains).T @ classifier.basis.weight.double())
    classifier.head.weight.copy_(classifier.head.weight.double() @ (axes / gains))
