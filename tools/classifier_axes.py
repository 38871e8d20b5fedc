"""Equalized features: principal axes at the output of a classifier."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ganzoo.evaluation.extractors.small_classifiers import Classifier


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
