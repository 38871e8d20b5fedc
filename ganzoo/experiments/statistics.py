"""Median and interval over seeds, and the rank, for which an overlap of intervals is told beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Table = dict[str, Any]
Interval = tuple[float, float]
BadnessInterval = tuple[float, float, float]

RESAMPLES = 10_000
TAIL = 0.025
"""The share of resampled medians beyond either end of an interval."""
INTERVAL_INDICES = [math.ceil(share * RESAMPLES) - 1 for share in (TAIL, 1 - TAIL)]
"""The places of both ends among the sorted medians."""
WORST_SCORE = {"lower": math.inf, "higher": -math.inf, "near 1": math.inf}
"""What is better -> the score that nothing is worse than."""


def median_interval(values: Sequence[float]) -> Interval:
    """The percentile interval of the median, 2.5 % to 97.5 %, by bootstrap over 10,000 resamples (Efron 1979).

    The same values give the same interval in any order. Up to five values it spans all of them. Of so few it holds the
    true median less often than in 95 % of cases: see `coverage`.
    """
    medians = np.median(np.sort(np.asarray(values, float))[_resample_indices(len(values))], axis=1)
    # Not by np.quantile, whose difference of two infinite neighbours is NaN in older NumPy.
    low, high = np.sort(medians)[INTERVAL_INDICES]
    return float(low), float(high)


def coverage(n: int) -> float:
    """The chance that the interval of `n` scores holds the median of what they are drawn from, if that is continuous.

    Exact for odd `n` and up to five; for the other even ones, whose ends may lie between two scores, the least there is.
    """
    middle = np.sort(np.sort(_resample_indices(n))[:, [n // 2, (n - 1) // 2]], axis=0)
    below, above = (
        int(middle[INTERVAL_INDICES[0], 0]),
        n - 1 - int(middle[INTERVAL_INDICES[1], 1]),
    )  # the scores that surely lie outside
    return 1 - sum(math.comb(n, lower) for out in (below, above) for lower in range(out + 1)) / 2**n


def _resample_indices(n: int) -> Any:
    # RandomState's numbers are frozen for good (NumPy's NEP 19); a Generator's may change with a release.
    return np.random.RandomState(0).randint(0, n, size=(RESAMPLES, n))


def cell_score(cell: Table, metric: Table) -> float | None:
    """What a cell got under `metric`: None without such a score, the worst where it is there but not finite."""
    scores, protocol = cell.get("scores") or {}, metric["protocol"]
    if protocol not in scores:
        return None
    return WORST_SCORE[metric["better"]] if scores[protocol] is None else scores[protocol]


def summarize(cells: Iterable[Table], metrics: Iterable[Table]) -> list[Table]:
    """A row for every setting and score, metric by metric, best first.

    `cells` are those of results.json; `metrics` name each score's `protocol` and what is `better`. A median or bound that
    is not finite is None in its row, whose `n` is above 0 then.
    """
    cells = list(cells)
    settings = list(dict.fromkeys(cell["setting"] for cell in cells))
    rows = (_rank_rows([_row(name, metric, cells) for name in settings]) for metric in metrics)
    return [_finite(row) for ranked in rows for row in ranked]


def _row(setting: str, metric: Table, cells: list[Table]) -> Table:
    mine = [cell for cell in cells if cell["setting"] == setting]
    values = [value for cell in mine if (value := cell_score(cell, metric)) is not None]
    low, high = median_interval(values) if values else (None, None)
    return {
        "setting": setting,
        "protocol": metric["protocol"],
        "median": float(np.median(values)) if values else None,
        "low": low,
        "high": high,
        "n": len(values),
        "failed": sum(cell["status"] == "failed" for cell in mine),
        "standing": badness_interval(values, metric["better"]) if values else None,
    }


def badness_interval(values: Sequence[float], better: str) -> BadnessInterval:
    """Low end, median and high end of how bad `values` are: what settings are ranked and told apart by.

    Where 1 is best, of each value's own distance to it: 0.6 and 1.4 are as bad, and no interval from 0.2 to 1.8 is good.
    """
    bad = [badness(value, better) for value in values]
    low, high = median_interval(bad)
    return low, float(np.median(bad)), high


def _finite(row: Table) -> Table:
    return row | {key: None for key in ("low", "median", "high") if row[key] is not None and math.isinf(row[key])}


def badness(value: float, better: str) -> float:
    """`value` turned so that less is better; `better` is "lower", "higher" or "near 1"."""
    return {"lower": value, "higher": -value, "near 1": abs(value - 1)}[better]


def _rank_rows(rows: list[Table]) -> list[Table]:
    order = sorted(row["standing"][1] for row in rows if row["n"])
    for row in rows:
        row["rank"] = 1 + order.index(row["standing"][1]) if row["n"] else None
        row["overlaps"] = [other["setting"] for other in rows if other is not row and intervals_overlap(row, other)]
    told = [{key: value for key, value in row.items() if key != "standing"} for row in rows]
    return sorted(told, key=lambda row: row["rank"] or math.inf)


def intervals_overlap(a: Table, b: Table) -> bool:
    """Whether the intervals of two rows meet; one seed alone says nothing of the spread, and is told apart from nothing."""
    if not a["n"] or not b["n"]:
        return False
    (low, _, high), (other_low, _, other_high) = a["standing"], b["standing"]
    return min(a["n"], b["n"]) < 2 or (low <= other_high and other_low <= high)
