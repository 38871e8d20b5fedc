"""Vendi score: the effective number of different images among the samples.

Friedman & Dieng 2023, "The Vendi Score: A Diversity Evaluation Metric for Machine Learning", arXiv:2210.02410.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.evaluation.features import Features
from ganzoo.evaluation.metrics import METRICS, Metric, MetricValue


def vendi(samples: Features, real: Features) -> dict[str, MetricValue]:
    """Effective number of different images: exp of the entropy of similarities (Friedman & Dieng 2023, arXiv:2210.02410).

    The similarity of two images is the cosine of their features, measured from the mean of the real images. `uncentered`
    among the details is measured from 0, as published; if all features lie far from 0, it is near 1 for every set.
    """
    features = samples.features.double()
    centered = features - real.features.double().mean(0)
    return {"vendi": MetricValue(vendi_score(centered), details={"uncentered": vendi_score(features)})}


def vendi_score(features: Tensor) -> float:
    """exp(-sum l log l) over the eigenvalues l of K / N, K the cosine similarities of the rows of `features` (N, F)."""
    rows = F.normalize(features, dim=1)
    # The products of columns have the same eigenvalues other than 0, and are fewer in most cases.
    matrix = rows.T @ rows if len(rows) > rows.shape[1] else rows @ rows.T
    entropy = torch.special.entr(torch.linalg.eigvalsh(matrix / len(rows)).clamp(min=0)).sum()
    return math.exp(entropy.item())


METRICS.add("vendi", Metric(vendi, "higher", 1, 1, extra=False))
