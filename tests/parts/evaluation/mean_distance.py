"""Distance of two means."""

from __future__ import annotations

from ganzoo.evaluation.features import Features
from ganzoo.evaluation.metrics import METRICS, Metric, MetricValue


def mean_distance(samples: Features, real: Features) -> dict[str, MetricValue]:
    """Squared distance of the mean features: FID without its covariances."""
    ours, theirs = (each.features.double().mean(0) for each in (samples, real))
    return {"mean_distance": MetricValue((ours - theirs).square().sum().item())}


METRICS.add("mean_distance", Metric(mean_distance, "lower", least=1, least_real=1, both=True, extra=False))
