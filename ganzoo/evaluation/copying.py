"""Metrics of copied training images: authenticity and C_T, from distances to the nearest training image.

Both read every training image, because a sample may copy any of them.
"""

import math

import torch
from torch import Tensor

from ganzoo.evaluation.features import Features
from ganzoo.evaluation.metrics import METRICS, Metric, MetricValue
from ganzoo.evaluation.neighbors import nearest_indices

NOTE = (
    "Neither authenticity nor ct separates copying from underfitting: worse samples raise both (Stein et al. 2023, "
    "arXiv:2306.04675)."
)
MAX_CELLS = 10
IMAGES_PER_CELL = 100
"""Samples per cell, and held-out images per cell, on average."""
MIN_SAMPLES = 21
"""Minimum number of samples in a cell that counts; the authors' code asks for more than 20."""
ROUNDS = 20
"""Maximum number of k-means rounds."""
ROUNDING = 1e-5
"""Bound on the rounding error of features, relative to their length; batches of another size differ by less."""


def authenticity(samples: Features, real: Features) -> dict[str, MetricValue]:
    """Share of samples farther from the nearest training image than it is from others (Alaa et al. 2022, arXiv:2102.08921).

    Follows section 3.3 of the paper, as Stein et al. 2023 do; the authors' code starts from each real image and its nearest
    sample instead. A copy of an image that occurs twice counts as a copy.
    """
    train = real.features
    nearest, distance = nearest_distances(samples.features, train)
    copied, which = nearest.unique(return_inverse=True)
    pair = nearest_indices(train[copied], train, 2)
    other = torch.where(pair[:, 0] == copied, pair[:, 1], pair[:, 0])
    spacing = (train[copied] - train[other]).norm(dim=1) + ROUNDING * train.norm(dim=1).mean()
    return {"authenticity": MetricValue((distance > spacing[which]).double().mean().item())}


def ct(samples: Features, real: Features) -> dict[str, MetricValue]:
    """C_T: Z score of samples' distances to training images against held-out images' (Meehan et al. 2020, arXiv:2004.05675).

    The Mann-Whitney test in each cell of a k-means of the training images, weighted by the cell's share of held-out images.
    A cell with 20 samples or fewer is left out. Below 0, samples are nearer to the training images than held-out images are.
    Unlike the authors' code it has no continuity correction, so samples equal to the held-out images score 0.
    """
    assert real.held is not None  # Metric.needs
    sets = (real.features, samples.features, real.held.features)
    count = min(MAX_CELLS, *(max(1, len(each) // IMAGES_PER_CELL) for each in sets))
    centers = k_means(real.features, count)
    cells = [nearest_indices(each, centers, 1)[:, 0] for each in sets]
    weights, scores = [], []
    for cell in range(count):
        train, ours, held = (each[own == cell] for each, own in zip(sets, cells, strict=True))
        if len(ours) >= MIN_SAMPLES and len(held) and len(train):
            weights.append(len(held))
            scores.append(mann_whitney_z(nearest_distances(ours, train)[1], nearest_distances(held, train)[1]))
    total = sum(weight * score for weight, score in zip(weights, scores, strict=True))
    mean = total / sum(weights) if weights else math.nan
    return {"ct": MetricValue(mean, details={"cells": count, "cells_used": len(weights)})}


def nearest_distances(queries: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """For each of `queries` (Q, F) the index of the nearest row of `real` (M, F) and its distance, both (Q,)."""
    nearest = nearest_indices(queries, real, 1)[:, 0]
    return nearest, (queries - real[nearest]).norm(dim=1)  # exact, unlike the matrix product of `cdist`: a copy has 0


def k_means(points: Tensor, count: int) -> Tensor:
    """Centers (count, F) of a k-means of `points` (N, F), by Lloyd's algorithm from evenly spaced points."""
    centers = points[torch.arange(count) * len(points) // count]
    for _ in range(ROUNDS):
        cells = nearest_indices(points, centers, 1)[:, 0]
        sizes = cells.bincount(minlength=count)[:, None]
        means = torch.zeros_like(centers).index_add_(0, cells, points) / sizes.clamp(min=1)
        before, centers = centers, torch.where(sizes > 0, means, centers)
        if torch.equal(before, centers):
            break
    return centers


def mann_whitney_z(ours: Tensor, others: Tensor) -> float:
    """Z score of the Mann-Whitney U of `ours` (N,) against `others` (M,); below 0 if `ours` are smaller, ties count half."""
    n, m = len(ours), len(others)
    ordered = others.sort().values
    ranks = torch.searchsorted(ordered, ours) + torch.searchsorted(ordered, ours, right=True)
    u = ranks.sum().item() / 2
    return (u - n * m / 2) / math.sqrt(n * m * (n + m + 1) / 12)


METRICS.add("authenticity", Metric(authenticity, "higher", 1, 2, extra=False, training=True, note=NOTE))
METRICS.add("ct", Metric(ct, "near 0", MIN_SAMPLES, 1, needs="held", extra=False, training=True, note=NOTE))
