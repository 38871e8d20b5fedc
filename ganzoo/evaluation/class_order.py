"""The classes that a scored model is asked for: as frequent as in the data, in a fixed order."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor


def class_order(counts: ArrayLike, n: int) -> Tensor:
    """(n,) int64: the class of sample 0, 1, ... where the data have `counts` (K,) images of each.

    The method of Webster and Sainte-Lague (1910): class k is due for the t-th time (from 0) at (t + 1/2) / counts[k]. For
    every m <= n the first m minimize sum_k (m_k - m p_k)^2 / p_k, where m_k of them are of class k and p_k is its share of
    the data. A class without images never comes. Equal counts, or none at all, give 0, 1, ..., K - 1, 0, 1, ...
    """
    counts = np.asarray(counts, np.int64)
    counts = counts if counts.any() else np.ones_like(counts)
    # By the time n + K / 2 that many turns have come, rounding included.
    turns = np.floor((n + len(counts) / 2) * counts / counts.sum() + 1).astype(np.int64) * (counts > 0)
    classes = np.repeat(np.arange(len(counts)), turns)
    turn = np.arange(len(classes)) - np.repeat(np.cumsum(turns) - turns, turns)
    due = (2 * turn + 1) / counts[classes]
    return torch.from_numpy(classes[np.argsort(due, kind="stable")[:n]])
