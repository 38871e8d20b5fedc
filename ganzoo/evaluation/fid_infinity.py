"""FID without the bias of a finite number of samples, extrapolated from subsets of them.

Chong & Forsyth 2020, "Effectively Unbiased FID and Inception Score and Where to Find Them", arXiv:1911.07023.
"""

import numpy as np
import torch

from ganzoo.evaluation.features import Features
from ganzoo.evaluation.metrics import METRICS, Metric, MetricValue, import_torch_fidelity, order_by_features

SUBSETS = 15
SMALLEST_SHARE = 10
"""The smallest subset has 1 / `SMALLEST_SHARE` of the samples, as 5,000 of the paper's 50,000."""
PER_FEATURE = 2.5
"""Minimum size of a subset per feature, as the paper's 5,000 for 2,048; with fewer, FID is no line in 1 / n."""

LEAST = 100  # samples, so that the smallest subset has ten


def fid_infinity(samples: Features, real: Features) -> dict[str, MetricValue]:
    """FID extrapolated to infinitely many samples, by a line in 1 / n (Chong & Forsyth 2020, arXiv:1911.07023).

    The line is fitted to the FID of 15 random subsets of evenly spaced sizes up to all samples, each against all real
    images; the bias of a finite number of real images stays.
    """
    functions = import_torch_fidelity("metric_fid")
    ours = order_by_features(samples.features, samples.features).double()  # the subsets are drawn by position
    theirs = functions.fid_features_to_statistics(real.features.double())
    generator = torch.Generator().manual_seed(0)
    sizes = subset_sizes(*ours.shape)
    fids = []
    for size in sizes.tolist():
        statistics = functions.fid_features_to_statistics(ours[torch.randperm(len(ours), generator=generator)[:size]])
        fids += functions.fid_statistics_to_metric(statistics, theirs, False).values()
    slope, value = np.polyfit(1 / sizes, fids, 1)
    return {"fid_infinity": MetricValue(value.item(), details={"slope": slope.item(), "smallest": sizes[0].item()})}


def subset_sizes(n: int, features: int) -> np.ndarray:
    """The sizes (15,) of the subsets of `n` samples."""
    smallest = max(n // SMALLEST_SHARE, int(PER_FEATURE * features))
    return np.linspace(smallest, n, SUBSETS).astype(int)


METRICS.add("fid_infinity", Metric(fid_infinity, "lower", LEAST, 2, per_feature=round(2 * PER_FEATURE), both=True))
