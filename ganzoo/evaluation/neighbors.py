"""Density and coverage: of which real images' neighbourhoods the samples are members.

Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", arXiv:2002.09797, equations 2 and 4.
"""

import torch
from torch import Tensor

from ganzoo.batch import is_point_shape
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation.features import DrawFn, FeatureReader, round_features
from ganzoo.image_io import grid

BLOCK_ELEMENTS = 25_000_000
"""Distances held at once: 100 MB."""


def density_and_coverage(samples: Tensor, real: Tensor, k: int = 5) -> tuple[float, float]:
    """Of features (N, F) and (M, F). A neighbourhood is the open ball to the k-th nearest other real image.

    Density is the mean number of neighbourhoods a sample is in, over `k`; it can exceed 1. Coverage is the share of real
    images whose neighbourhood holds a sample.
    """
    samples, real = center(samples, real)
    members, covered = 0, 0
    for block in real.split(block_rows(max(len(samples), len(real)))):
        radius = torch.cdist(block, real).kthvalue(k + 1, dim=1, keepdim=True).values  # the first is the image itself
        inside = torch.cdist(block, samples) < radius
        members, covered = members + int(inside.sum()), covered + int(inside.any(1).sum())
    return members / (k * len(samples)), covered / len(real)


def center(samples: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Both less the mean of `real`. No distance changes, but float32 loses less of it: `cdist` subtracts large squares."""
    mean = real.double().mean(0).to(real.dtype)
    return samples - mean, real - mean


def block_rows(columns: int) -> int:
    """How many rows of so many distances are held at once."""
    return max(1, BLOCK_ELEMENTS // columns)


def kth_distance(queries: Tensor, real: Tensor, k: int) -> Tensor:
    """(Q, k): which rows of `real` (M, F) are nearest to each of `queries` (Q, F), the nearest first."""
    queries, real = center(queries, real)
    found = [torch.cdist(block, real).topk(k, largest=False).indices for block in queries.split(block_rows(len(real)))]
    return torch.cat(found)


pass

ROWS = 10
"""Samples in a picture, of seeds 0, 1, ..."""


def check_images(shape: tuple[int, int, int]) -> None:
    """Raise `InputError` for samples of `shape` (C, H, W) that are points."""
    if is_point_shape(shape):
        raise InputError("points have no picture of nearest training images; leave --neighbours out")


def nearest_neighbor_sheet(draw: DrawFn, train: Dataset, reader: FeatureReader, rows: int = ROWS, k: int = 5) -> Tensor:
    """(C, H, W): in each row the sample of a seed (0, 1, ...), then the `k` images of all of `train` nearest to it.

    Nearest by the features, so that a copy that was shifted or mirrored a little is found too.
    """
    k = min(k, len(train))
    samples, queries = round_features(draw(range(rows))), reader.samples(draw, rows).features
    found = kth_distance(queries, reader.data(train).features, k)
    real = train.samples(found.flatten().numpy()).images.unflatten(0, found.shape)
    return grid(torch.cat([samples[:, None], real], 1).flatten(0, 1), k + 1)[0]
