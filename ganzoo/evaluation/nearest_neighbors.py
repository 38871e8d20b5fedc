"""Samples beside the training images nearest to them: a copy shows."""

from __future__ import annotations

import torch
from torch import Tensor

from ganzoo.batch import is_point_shape
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation.features import DrawFn, FeatureReader, round_features
from ganzoo.evaluation.knn import kth_distance
from ganzoo.image_io import grid

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
