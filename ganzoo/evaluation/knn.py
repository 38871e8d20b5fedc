"""Density and coverage: of which real images' neighbourhoods the samples are members.

Naeem et al. 2020, "Reliable Fidelity and Diversity Metrics for Generative Models", arXiv:2002.09797, equations 2 and 4.
"""

from __future__ import annotations

import torch
from torch import Tensor

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
