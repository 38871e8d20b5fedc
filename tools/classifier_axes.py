"""Principal axes at both ends of a classifier: of the patches that it sees, and of the features that it gives."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.evaluation.extractors.small_classifiers import Classifier


def whiten(layer: nn.Conv2d, images: Tensor) -> None:
    """Make `layer` give the whitened principal components of the patches of `images`, and their negatives.

    How to Train Your ResNet 8. Page, 2019; as a fixed first layer in Jordan 2024, with 5e-4 for pixels of variance 1.
    """
    patches = F.unfold(images, 2).transpose(1, 2).flatten(0, 1).double()
    variances, components = torch.linalg.eigh(patches.T.cov())
    filters = (components / (variances + 1e-4).sqrt()).T
    filters = torch.cat([filters, -filters])
    layer.weight.data.copy_(filters.view_as(layer.weight))
    layer.bias.data.copy_(-filters @ patches.mean(0))  # type: ignore[union-attr]


@torch.no_grad()
def equalise(classifier: Classifier, images: Iterable[Tensor], floor: float = 1e-4) -> None:
    """Put the features into the principal axes of those of `images` (batches), and scale each towards variance 1.

    A trained network draws each class to a point (neural collapse: Papyan et al. 2020, https://arxiv.org/abs/2008.08186), so
    nearly all variance of its features is between classes, and a distance would hardly see what differs within one. An
    axis with far more than the share `floor` of all variance comes to 1, one with far less is magnified as much as any.
    The map can be undone, and the head undoes it: the logits stay what they were.
    """
    features = torch.cat([classifier.features(batch) for batch in images]).double()
    variances, axes = torch.linalg.eigh(features.T.cov())
    gains = (variances.clamp(min=0) + floor * variances.sum()).rsqrt()
    classifier.basis.weight.copy_((axes * gains).T @ classifier.basis.weight.double())
    classifier.head.weight.copy_(classifier.head.weight.double() @ (axes / gains))
