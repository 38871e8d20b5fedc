"""Metrics: FID, KID, Inception score, precision, recall, density, coverage, checkerboard, class accuracy.

Each is a function of two `Features`: samples and real images. Where torch-fidelity has the metric, its functions compute
it, so that the values are the published ones.
"""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ganzoo.errors import missing_extra
from ganzoo.evaluation.checkerboard import PERIODS, ratios
from ganzoo.evaluation.features import Features
from ganzoo.evaluation.neighbors import block_rows, center, density_and_coverage
from ganzoo.evaluation.score import Better
from ganzoo.registry import Registry

KID_SUBSETS, KID_SUBSET = 100, 1000
INCEPTION_SPLITS = 10
PRECISION_K, DENSITY_K = 3, 5


class MetricValue(NamedTuple):
    """Value of a metric, its spread over subsets if the metric has one, and further numbers."""

    value: float
    spread: float | None = None
    details: dict[str, float] = {}  # noqa: RUF012 - default of a tuple, never changed


MetricFn = Callable[[Features, Features], dict[str, MetricValue]]


class Metric(NamedTuple):
    """Function, direction and requirements of a metric."""

    compute: MetricFn
    """Returns the values of one or more metrics by name; called once for all requested ones."""
    better: Better
    least: int
    """Minimum number of samples."""
    least_real: int
    """Minimum number of real images; 0 = it uses none."""
    needs: str = "features"
    """The field of `Features` that it reads, "held" that of the real images; the metric is left out if that is empty.

    "images" is a data set with labels, of the samples and of the real images.
    """
    both: bool = False
    """True for a distance, which is also measured against the other split."""
    extra: bool = True
    """True if torch-fidelity computes it."""
    unseen: bool = False
    """True if its floor always uses the test split, because the classifier was trained on the training images."""
    training: bool = False
    """True if it always reads all training images, whichever split the other metrics read."""
    note: str = ""
    """A sentence below every table that shows it."""
    per_feature: int = 0
    """Minimum number of samples per feature of the extractor; `least` holds if that is more."""
    slow: str = ""
    """The work that takes minutes, as a verb phrase with the time; such a metric is computed only if it is named."""

    @property
    def reference(self) -> bool:
        """True if it compares samples with real images."""
        return self.least_real > 0


METRICS: Registry[Metric] = Registry("metric")


def notes(names: Iterable[str]) -> list[str]:
    """The notes of the metrics `names`, each once; names that are not registered have none."""
    return list(dict.fromkeys(METRICS[name].note for name in names if name in METRICS and METRICS[name].note))


def import_torch_fidelity(module: str) -> Any:
    """Import a module of torch-fidelity; raises `InputError` if it is not installed."""
    try:
        return import_module(f"torch_fidelity.{module}")
    except ImportError:
        raise missing_extra("torch-fidelity", "eval", "this score") from None


def fid(samples: Features, real: Features) -> dict[str, MetricValue]:
    """Frechet distance of Gaussians with the means and covariances of the sets (Heusel et al. 2017, arXiv:1706.08500)."""
    functions = import_torch_fidelity("metric_fid")
    ours, theirs = (functions.fid_features_to_statistics(s.features.double()) for s in (samples, real))
    return {"fid": MetricValue(functions.fid_statistics_to_metric(ours, theirs, False)["frechet_inception_distance"])}


def kid(samples: Features, real: Features) -> dict[str, MetricValue]:
    """Unbiased squared MMD with the kernel (x.y / F + 1)^3 (Binkowski et al. 2018, arXiv:1801.01401).

    The mean over 100 subsets of 1,000 images, or of half the smaller set if that has fewer than 2,000.
    """
    size = min(KID_SUBSET, min(len(samples), len(real)) // 2)
    return {"kid": kid_of_subsets(samples.features, real.features, KID_SUBSETS, size)}


def kid_of_subsets(samples: Tensor, real: Tensor, subsets: int, size: int) -> MetricValue:
    """KID of features (N, F) and (M, F): mean and spread over `subsets` subsets of `size` images.

    Computed in float64, because it is a small difference of sums of a million kernel values.
    """
    ours, theirs = (order_by_features(features, features).double() for features in (samples, real))
    found = import_torch_fidelity("metric_kid").kid_features_to_metric(
        ours, theirs, kid_subsets=subsets, kid_subset_size=size, verbose=False
    )
    mean, spread = found["kernel_inception_distance_mean"], found["kernel_inception_distance_std"]
    return MetricValue(mean, spread, {"subsets": subsets, "subset_size": size})


def inception_score(samples: Features, _: Features) -> dict[str, MetricValue]:
    """exp(E KL(p(y|x) || p(y))), the mean over ten parts of the samples (Salimans et al. 2016, arXiv:1606.03498)."""
    logits = order_by_features(samples.logits, samples.features)
    found = import_torch_fidelity("metric_isc").isc_features_to_metric(logits, splits=INCEPTION_SPLITS)
    return {
        "is": MetricValue(found["inception_score_mean"], found["inception_score_std"], {"splits": INCEPTION_SPLITS})
    }


def precision_and_recall(samples: Features, real: Features) -> dict[str, MetricValue]:
    """The share of each set that lies in the other's manifold, k = 3 (Kynkaanniemi et al. 2019, arXiv:1904.06991).

    Precision needs neighborhoods of real images only, recall those of samples only. A metric whose set is too small for
    neighborhoods is left out.
    """
    block = block_rows(max(len(samples), len(real)))
    ours, theirs = center(samples.features, real.features)
    found = import_torch_fidelity("metric_prc").prc_features_to_metric(
        enough(ours),
        enough(theirs),
        prc_neighborhood=PRECISION_K,
        prc_batch_size=block,
        save_cpu_ram=True,
        verbose=False,
    )
    manifolds = {"precision": real, "recall": samples}
    return {
        name: MetricValue(found[name], details={"k": PRECISION_K})
        for name, manifold in manifolds.items()
        if len(manifold) > PRECISION_K
    }


def enough(features: Tensor) -> Tensor:
    """`features` (N, F), repeated if too few for neighborhoods; their share inside the other manifold stays the same."""
    return features.repeat(1 + PRECISION_K // len(features), 1)


def density_coverage(samples: Features, real: Features) -> dict[str, MetricValue]:
    """Density of samples in neighborhoods of real images, and share of neighborhoods hit, k = 5 (Naeem et al. 2020).

    See `neighbors.py`.
    """
    pair = density_and_coverage(samples.features, real.features, DENSITY_K)
    return {
        name: MetricValue(v, details={"k": DENSITY_K}) for name, v in zip(("density", "coverage"), pair, strict=True)
    }


def checkerboard(samples: Features, real: Features) -> dict[str, MetricValue]:
    """Energy at the stride frequencies relative to real images, averaged over periods; see `checkerboard.py`."""
    found = ratios(samples.bands, real.bands)
    details = {f"period {period}": ratio for period, ratio in zip(PERIODS, found.tolist(), strict=False)}
    return {"checkerboard": MetricValue(found.mean().item(), details=details)}


def class_accuracy(samples: Features, _: Features) -> dict[str, MetricValue]:
    """The share of samples classified as the class they were drawn for, among classes that the classifier knows."""
    known = samples.labels >= 0
    right = (samples.logits.argmax(1) == samples.labels)[known].double()
    return {"class_accuracy": MetricValue(right.mean().item(), details={"labelled": len(right)})}


def order_by_features(rows: Tensor, features: Tensor) -> Tensor:
    """`rows` in an order that depends only on the images, because torch-fidelity draws its subsets by position."""
    return rows[torch.argsort(features.double().sum(1), stable=True)]


METRICS.add("fid", Metric(fid, "lower", 2, 2, both=True))
METRICS.add("kid", Metric(kid, "lower", 4, 4, both=True))
METRICS.add("is", Metric(inception_score, "higher", 2 * INCEPTION_SPLITS, 0, needs="logits"))
METRICS.add("precision", Metric(precision_and_recall, "higher", 1, PRECISION_K + 1))
METRICS.add("recall", Metric(precision_and_recall, "higher", PRECISION_K + 1, 1))
METRICS.add("density", Metric(density_coverage, "higher", 1, DENSITY_K + 1, extra=False))
METRICS.add("coverage", Metric(density_coverage, "higher", 1, DENSITY_K + 1, extra=False))
METRICS.add("checkerboard", Metric(checkerboard, "near 1", 1, 1, needs="bands", extra=False))
METRICS.add("class_accuracy", Metric(class_accuracy, "higher", 1, 0, needs="labels", extra=False, unseen=True))
