"""Outputs of D and critics whose values are known; the players of `ganzoo.contracts` serve the tests too."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput
from ganzoo.contracts.players import SHAPE


def scored(*scores: float) -> DiscriminatorOutput:
    """A judged batch of which only the scores matter."""
    return DiscriminatorOutput(torch.zeros(len(scores), *SHAPE), score=torch.tensor(scores, dtype=torch.float64))


def linear(weight: Tensor) -> DiscriminatorFn:
    """D(x) = w . x over all values of a sample."""
    return lambda samples: DiscriminatorOutput(samples.images, score=samples.images.flatten(1) @ weight)


def quadratic(samples: Batch) -> DiscriminatorOutput:
    """D(x) = |x|^2 / 2, whose gradient at x is x."""
    return DiscriminatorOutput(samples.images, score=samples.images.flatten(1).square().sum(1) / 2)
