"""The headline of a comparison, one row a setting: the numbers that the page and the Markdown table both show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log, log10
from statistics import median
from typing import Any

COSTS = {
    "d_steps": "D steps",
    "g_steps": "G steps",
    "images": "images",
    "seconds": "seconds",
    "g_parameters": "G weights",
    "d_parameters": "D weights",
    "memory_mib": "peak MiB",
}
"""What a cell costs -> the title of its column."""
NONE = "–"
WIDE = 20.0  # the ratio from which a scale is logarithmic
FIGURES, FIGURES_OF_FLOOR = 3, 2  # at least, of the smallest median of a column and of its floor


@dataclass(frozen=True)
class Score:
    """One setting under one protocol; `low`, `median`, `high` are None where no seed has a score."""

    median: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    rank: int | None = None
    places: tuple[int, int] | None = None
    """Best and worst rank, were it swapped with those whose interval it overlaps."""
    overlaps: tuple[str, ...] = ()
    clear: bool = False
    """Whether its interval overlaps nobody's, all intervals being of two seeds or more: what may be set in bold."""


@dataclass(frozen=True)
class Column:
    """One protocol: which way is better, its floor (real images against real), and how its numbers are written."""

    index: int
    """Of its scores in every row."""
    protocol: str
    better: str
    floor: float | None
    decimals: int
    ends: tuple[float, float] | None
    """The least and the greatest value of all intervals and the floor."""

    def text(self, value: float | None) -> str:
        """`value` with the decimals of the column."""
        return NONE if value is None else f"{value:.{self.decimals}f}"

    @property
    def logarithmic(self) -> bool:
        return self.ends is not None and self.ends[0] > 0 and self.ends[1] / self.ends[0] > WIDE

    def place(self, value: float) -> float:
        """Where `value` lies between the ends, 0 to 100."""
        low, high = self.ends or (value, value)
        if low == high:
            return 50.0
        share = log(value / low) / log(high / low) if self.logarithmic else (value - low) / (high - low)
        return round(100 * share, 2)


@dataclass(frozen=True)
class Row:
    """One setting: its scores in the order of the columns, how its cells ended, and the median costs."""

    name: str
    scores: tuple[Score, ...]
    cells: int
    failed: int
    unfinished: int
    costs: dict[str, float | None]

    @property
    def ended(self) -> str:
        """How many of its seeds failed, and how many are not there yet."""
        waiting = f", {self.unfinished} unfinished" if self.unfinished else ""
        return f"{self.failed} of {self.cells}{waiting}"


@dataclass(frozen=True)
class Headline:
    """The whole table, best first by the first protocol."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]


def headline(results: dict[str, Any]) -> Headline:
    """The table of `results`."""
    columns = tuple(column(results, i, metric) for i, metric in enumerate(results["metrics"]))
    rows = [row(results, setting["name"], columns) for setting in results["settings"]]
    return Headline(columns, tuple(sorted(rows, key=lambda r: [s.rank or len(rows) + 1 for s in r.scores[:1]])))


def column(results: dict[str, Any], index: int, metric: dict[str, Any]) -> Column:
    """How one protocol is written."""
    found = [s for s in summaries(results) if s["protocol"] == metric["protocol"] and s["median"] is not None]
    least = results.get("floors", {}).get(metric["protocol"])
    values = [v for s in found for v in (s["low"], s["median"], s["high"])] + ([] if least is None else [least])
    ends = (min(values), max(values)) if values else None
    digits = max(decimals((s["median"] for s in found), FIGURES), decimals([least or 0], FIGURES_OF_FLOOR))
    return Column(index, metric["protocol"], metric["better"], least, digits, ends)


def decimals(values: Iterable[float], figures: int) -> int:
    """How many decimals give the smallest of `values` so many figures; from 1 to 5."""
    sizes = [abs(v) for v in values if v]
    return min(5, max(1, figures - 1 - floor(log10(min(sizes))))) if sizes else 1


def row(results: dict[str, Any], name: str, columns: Iterable[Column]) -> Row:
    """One setting."""
    cells = cells_of(results, name)
    failed, unfinished = (sum(c["status"] == status for c in cells) for status in ("failed", "unfinished"))
    scores = tuple(score(results, name, column.protocol) for column in columns)
    return Row(name, scores, len(cells), failed, unfinished, {key: cost(cells, key) for key in COSTS})


def score(results: dict[str, Any], name: str, protocol: str) -> Score:
    """One setting under one protocol."""
    ranked = {s["setting"]: s for s in summaries(results) if s["protocol"] == protocol and s["rank"] is not None}
    if name not in ranked:
        return Score()
    mine = ranked[name]
    others = [ranked[other]["rank"] for other in mine["overlaps"]]
    better = sum(rank < mine["rank"] for rank in others)
    places = (mine["rank"] - better, mine["rank"] + len(others) - better)
    clear = len(ranked) > 1 and not mine["overlaps"] and all(s["n"] > 1 for s in ranked.values())
    numbers = {key: mine[key] for key in ("median", "low", "high", "n", "rank")}
    return Score(**numbers, places=places, overlaps=tuple(mine["overlaps"]), clear=clear)


def cells_of(results: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The cells of one setting, by seed."""
    return sorted((c for c in results.get("cells", []) if c["setting"] == name), key=lambda c: c["seed"])


def summaries(results: dict[str, Any]) -> list[dict[str, Any]]:
    """What is summed up so far."""
    return results.get("summary") or []


def cost(cells: list[dict[str, Any]], key: str) -> float | None:
    """The median of one cost over the seeds that finished; None where none did."""
    values = costs(cells, key)
    return median(values) if values else None


def costs(cells: list[dict[str, Any]], key: str) -> list[float]:
    """One cost of each seed that finished."""
    found = ((c.get("cost") or {}).get(key) for c in cells if c["status"] == "done")
    return [value for value in found if value is not None and isfinite(value)]
