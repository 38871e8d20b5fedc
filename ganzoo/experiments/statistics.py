"""Statistics over seeds: medians, bootstrap confidence intervals, their overlap, and ranks."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ganzoo.experiments.cell_schema import Metric
from ganzoo.experiments.results_schema import CellEntry, SummaryRow

Interval = tuple[float, float]
BadnessInterval = tuple[float, float, float]

RESAMPLES = 10_000
TAIL = 0.025
"""The fraction of resampled medians beyond each end of an interval."""
INTERVAL_INDICES = [math.ceil(share * RESAMPLES) - 1 for share in (TAIL, 1 - TAIL)]
"""Indices of both ends among the sorted medians."""
WORST_SCORE = {"lower": math.inf, "higher": -math.inf, "near 1": math.inf, "near 0": math.inf}
"""Direction of improvement -> worst possible score."""


def median_interval(values: Sequence[float]) -> Interval:
    """The 2.5 % to 97.5 % percentile bootstrap interval of the median, with 10,000 resamples (Efron 1979).

    Independent of the order of the values. With up to five values it spans all of them, and its coverage of the true median
    is below 95 %: see `coverage`.
    """
    medians = np.median(np.sort(np.asarray(values, float))[_resample_indices(len(values))], axis=1)
    # Not np.quantile, which in older NumPy gives NaN between two infinite neighbors.
    low, high = np.sort(medians)[INTERVAL_INDICES]
    return float(low), float(high)


def coverage(n: int) -> float:
    """The probability that the interval of `n` scores contains the true median, for a continuous distribution.

    Exact for odd `n` and for `n` up to five; a lower bound for other even `n`, whose ends may be between two scores.
    """
    middle = np.sort(np.sort(_resample_indices(n))[:, [n // 2, (n - 1) // 2]], axis=0)
    below, above = (
        int(middle[INTERVAL_INDICES[0], 0]),
        n - 1 - int(middle[INTERVAL_INDICES[1], 1]),
    )  # numbers of scores that are surely outside
    missed: float = sum(math.comb(n, lower) for out in (below, above) for lower in range(out + 1)) / 2**n
    return 1 - missed


def _resample_indices(n: int) -> Any:
    # RandomState's numbers never change (NumPy's NEP 19); a Generator's may change with a release.
    return np.random.RandomState(0).randint(0, n, size=(RESAMPLES, n))


class Scored(Protocol):
    """A cell, from `cell.json` or `results.json`."""

    @property
    def scores(self) -> dict[str, float | None]: ...


def cell_score(cell: Scored, metric: Metric) -> float | None:
    """The score of a cell: None without this score, the worst possible score if it is not finite."""
    if metric.protocol not in cell.scores:
        return None
    score = cell.scores[metric.protocol]
    return WORST_SCORE[metric.better] if score is None else score


@dataclass(frozen=True)
class Standing:
    """The scores of a setting for one metric."""

    setting: str
    values: list[float]
    """Scores of the seeds; may be infinite."""
    failed: int
    """Number of failed seeds."""
    badness: BadnessInterval | None
    """None without scores."""


def summarize(cells: Iterable[CellEntry], metrics: Iterable[Metric]) -> list[SummaryRow]:
    """A row for each score and setting, grouped by metric, best first.

    A median or bound that is not finite becomes None in its row, with `n` above 0.
    """
    cells = list(cells)
    settings = list(dict.fromkeys(cell.setting for cell in cells))
    return [
        row
        for metric in metrics
        for row in summary_rows(metric.protocol, [standing(name, metric, cells) for name in settings])
    ]


def standing(setting: str, metric: Metric, cells: Iterable[CellEntry]) -> Standing:
    """The standing of a setting for `metric`."""
    mine = [cell for cell in cells if cell.setting == setting]
    values = [value for cell in mine if (value := cell_score(cell, metric)) is not None]
    failed = sum(cell.status == "failed" for cell in mine)
    return Standing(setting, values, failed, badness_interval(values, metric.better) if values else None)


def badness_interval(values: Sequence[float], better: str) -> BadnessInterval:
    """Low end, median and high end of the badness of `values`, which determines ranks and overlaps.

    If 1 (or 0) is best, badness is the distance to it of each value: 0.6 and 1.4 are equally bad, and values from 0.2 to 1.8
    do not average to a good score.
    """
    bad = [badness(value, better) for value in values]
    low, high = median_interval(bad)
    return low, float(np.median(bad)), high


def badness(value: float, better: str) -> float:
    """`value` transformed so that lower is better; `better` is "lower", "higher", "near 1" or "near 0"."""
    return {"lower": value, "higher": -value, "near 1": abs(value - 1), "near 0": abs(value)}[better]


def summary_rows(protocol: str, standings: Sequence[Standing]) -> list[SummaryRow]:
    """The rows of one metric, best first."""
    order = sorted(each.badness[1] for each in standings if each.badness)
    rows = [
        SummaryRow(
            setting=each.setting,
            protocol=protocol,
            **finite_numbers(each.values),
            n=len(each.values),
            failed=each.failed,
            rank=1 + order.index(each.badness[1]) if each.badness else None,
            overlaps=[o.setting for o in standings if o is not each and intervals_overlap(each, o)],
        )
        for each in standings
    ]
    return sorted(rows, key=lambda row: row.rank or math.inf)


def finite_numbers(values: Sequence[float]) -> dict[str, float | None]:
    """Median and interval of `values`; None for a non-finite number, and all None without values."""
    if not values:
        return {"median": None, "low": None, "high": None}
    low, high = median_interval(values)
    numbers = {"median": float(np.median(values)), "low": low, "high": high}
    return {name: None if math.isinf(number) else number for name, number in numbers.items()}


def intervals_overlap(a: Standing, b: Standing) -> bool:
    """True if the intervals of two settings meet; a single seed has no interval and overlaps everything."""
    if not a.badness or not b.badness:
        return False
    (low, _, high), (other_low, _, other_high) = a.badness, b.badness
    return min(len(a.values), len(b.values)) < 2 or (low <= other_high and other_low <= high)
