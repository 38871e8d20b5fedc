"""Paired differences of scores: each setting against a control, seed by seed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ganzoo.experiments.cell_schema import Metric
from ganzoo.experiments.results_schema import Results
from ganzoo.experiments.spec import BASELINE
from ganzoo.experiments.statistics import badness, cell_score, median_interval


@dataclass(frozen=True)
class PairedDifference:
    """A setting minus the control in one score, over the seeds in which both have the score.

    Of a score that is best near 1 or 0, the difference of the distances to it. `low`, `median`, `high` may be infinite, and
    are None without a common seed.
    """

    setting: str
    seeds: tuple[int, ...]
    """The common seeds."""
    better: int
    """Number of common seeds in which the setting is better than the control."""
    median: float | None = None
    low: float | None = None
    high: float | None = None


def control_name(results: Results) -> str | None:
    """The control: the baseline of an ablation, else the first setting; None with less than two settings."""
    names = [setting.name for setting in results.settings]
    if len(names) < 2:
        return None
    return BASELINE if results.kind == "ablate" and BASELINE in names else names[0]


def paired_differences(results: Results, metric: Metric, control: str) -> list[PairedDifference]:
    """A row for each setting except `control`, in the order of the settings."""
    base = scores_by_seed(results, metric, control)
    names = [setting.name for setting in results.settings if setting.name != control]
    return [paired_difference(name, scores_by_seed(results, metric, name), base, metric.better) for name in names]


def scores_by_seed(results: Results, metric: Metric, setting: str) -> dict[int, float]:
    """Seed -> score of the cells of a setting that have it."""
    scores = ((cell.seed, cell_score(cell, metric)) for cell in results.cells_of(setting))
    return {seed: score for seed, score in scores if score is not None}


def paired_difference(setting: str, scores: dict[int, float], base: dict[int, float], better: str) -> PairedDifference:
    """The row of one setting; the interval is that of `median_interval`."""
    seeds = tuple(sorted(scores.keys() & base.keys()))
    worse = [excess(badness(scores[seed], better), badness(base[seed], better)) for seed in seeds]
    wins = sum(value < 0 for value in worse)
    values = [-value for value in worse] if better == "higher" else worse
    return PairedDifference(setting, seeds, wins, *(middle_and_ends(values) if values else ()))


def excess(one: float, other: float) -> float:
    """`one` minus `other`; 0 if both are infinite, since both scores are the worst possible."""
    return 0.0 if math.isinf(one) and math.isinf(other) else one - other


def middle_and_ends(values: Sequence[float]) -> tuple[float, float, float]:
    """Median, low end and high end."""
    return float(np.median(values)), *median_interval(values)
