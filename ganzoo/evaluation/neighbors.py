"""Nearest neighbors in feature space: density and coverage, and the sheet of nearest training images.

Density and coverage: Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models",
arXiv:2002.09797, equations 2 and 4.
"""

import torch
from torch import Tensor

from ganzoo.batch import is_point_shape
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation.features import DrawFn, FeatureReader, round_features
from ganzoo.image_io import grid

BLOCK_ELEMENTS = 25_000_000
"""Number of distances in memory at once (100 MB)."""


def density_and_coverage(samples: Tensor, real: Tensor, k: int = 5) -> tuple[float, float]:
    """Density and coverage of features (N, F) and (M, F).

    The neighborhood of a real image is the open ball up to its k-th nearest other real image. Density is the mean number
    of neighborhoods that contain a sample, divided by `k`; it can exceed 1. Coverage is the share of real images whose
    neighborhood contains a sample.
    """
    samples, real = center(samples, real)
    members, covered = 0, 0
    for block in real.split(block_rows(max(len(samples), len(real)))):
        radius = torch.cdist(block, real).kthvalue(k + 1, dim=1, keepdim=True).values  # the first is the image itself
        inside = torch.cdist(block, samples) < radius
        members, covered = members + int(inside.sum()), covered + int(inside.any(1).sum())
    return members / (k * len(samples)), covered / len(real)


def center(samples: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Subtract the mean of `real` from both: distances keep more precision, because `cdist` subtracts large squares."""
    mean = real.double().mean(0).to(real.dtype)
    return samples - mean, real - mean


def block_rows(columns: int) -> int:
    """The number of rows of `columns` distances that fit `BLOCK_ELEMENTS`."""
    return max(1, BLOCK_ELEMENTS // columns)


def nearest_indices(queries: Tensor, real: Tensor, k: int) -> Tensor:
    """Indices (Q, k) of the rows of `real` (M, F) nearest to each of `queries` (Q, F), nearest first."""
    queries, real = center(queries, real)
    found = [torch.cdist(block, real).topk(k, largest=False).indices for block in queries.split(block_rows(len(real)))]
    return torch.cat(found)


ROWS = 10
"""Samples in a sheet, seeds 0, 1, ..."""


def check_images(shape: tuple[int, int, int]) -> None:
    """Raise `InputError` for samples of `shape` (C, H, W) that are points."""
    if is_point_shape(shape):
        raise InputError("--neighbours needs images, but the samples are points; leave it out")


def nearest_neighbor_sheet(draw: DrawFn, train: Dataset, reader: FeatureReader, rows: int = ROWS, k: int = 5) -> Tensor:
    """Grid (C, H, W): in each row the sample of one seed (0, 1, ...), then the `k` nearest images of `train`.

    Nearest in feature space, so that a slightly shifted or mirrored copy is found too.
    """
    k = min(k, len(train))
    samples, queries = round_features(draw(range(rows))), reader.samples(draw, rows).features
    found = nearest_indices(queries, reader.data(train).features, k)
    real = train.samples(found.flatten().numpy()).images.unflatten(0, found.shape)
    return grid(torch.cat([samples[:, None], real], 1).flatten(0, 1), k + 1)[0]
