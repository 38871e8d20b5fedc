"""The headline of a comparison, one row a setting: the numbers that the page and the Markdown table both show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import floor, isfinite, log, log10
from statistics import median
from typing import Any

from ganzoo.experiments.spec import BASELINE
from ganzoo.experiments.statistics import WORST_SCORE

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
MISSING = "–"
NOT_FINITE = "none"  # of a number that is not finite
MIN_SEEDS_FOR_BOLD = 4  # seeds: the intervals of two equal settings lie apart in 2.9 % of cases then, of three in 10 %
LOG_SCALE_RATIO = 20.0  # the ratio from which a scale is logarithmic
MIN_DIGITS, MIN_FLOOR_DIGITS = 3, 2  # at least, of the smallest median of a column and of its floor


@dataclass(frozen=True)
class ScoreSummary:
    """One setting under one protocol; `low`, `median`, `high` are None where no seed has a score, and may be infinite."""

    median: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    rank: int | None = None
    places: tuple[int, int] | None = None
    """Best and worst rank, were it swapped with those whose interval it overlaps."""
    overlaps: tuple[str, ...] = ()
    clear: bool = False
    """True if it is first and its interval overlaps no other, all with `MIN_SEEDS_FOR_BOLD` seeds or more; shown in bold."""
    against: str | None = None
    """In an ablation: "better" or "worse", where its interval lies apart from the baseline's."""


@dataclass(frozen=True)
class ScoreColumn:
    """One protocol: which way is better, its floor (real images against real), and how its numbers are written."""

    index: int
    """Of its scores in every row."""
    protocol: str
    better: str
    floor: float | None
    decimals: int
    ends: tuple[float, float] | None
    """The least and the greatest finite value of all intervals and the floor."""

    def text(self, value: float | None) -> str:
        """`value` with the decimals of the column."""
        if value is None:
            return MISSING
        return f"{value:.{self.decimals}f}" if isfinite(value) else NOT_FINITE

    @property
    def logarithmic(self) -> bool:
        return self.ends is not None and self.ends[0] > 0 and self.ends[1] / self.ends[0] > LOG_SCALE_RATIO

    def clamp(self, value: float) -> float:
        """`value`, or the end that it lies beyond."""
        low, high = self.ends or (value, value)
        return min(max(value, low), high)

    def place(self, value: float) -> float:
        """Where `value` lies between the ends, 0 to 100."""
        low, high = self.ends or (value, value)
        if low == high:
            return 50.0
        value = self.clamp(value)
        share = log(value / low) / log(high / low) if self.logarithmic else (value - low) / (high - low)
        return round(100 * share, 2)


@dataclass(frozen=True)
class SettingRow:
    """One setting: its scores in the order of the columns, how its cells ended, and the median costs."""

    name: str
    scores: tuple[ScoreSummary, ...]
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
class ResultsTable:
    """The whole table, best first by the first protocol, and by the next ones where that leaves it open."""

    columns: tuple[ScoreColumn, ...]
    rows: tuple[SettingRow, ...]


def results_table(results: dict[str, Any]) -> ResultsTable:
    """The table of `results`."""
    columns = tuple(make_column(results, i, metric) for i, metric in enumerate(results["metrics"]))
    rows = [make_row(results, setting["name"], columns) for setting in results["settings"]]
    return ResultsTable(columns, tuple(sorted(rows, key=lambda r: [s.rank or len(rows) + 1 for s in r.scores])))


def make_column(results: dict[str, Any], index: int, metric: dict[str, Any]) -> ScoreColumn:
    """How one protocol is written."""
    found = [s for s in summaries(results) if s["protocol"] == metric["protocol"]]
    least = results.get("floors", {}).get(metric["protocol"])
    values = [v for v in (least, *(s[key] for s in found for key in ("low", "median", "high"))) if v is not None]
    ends = (min(values), max(values)) if values else None
    digits = max(decimals((s["median"] or 0 for s in found), MIN_DIGITS), decimals([least or 0], MIN_FLOOR_DIGITS))
    return ScoreColumn(index, metric["protocol"], metric["better"], least, digits, ends)


def decimals(values: Iterable[float], figures: int) -> int:
    """How many decimals give the smallest of `values` so many figures; from 1 to 5."""
    sizes = [abs(v) for v in values if v]
    return min(5, max(1, figures - 1 - floor(log10(min(sizes))))) if sizes else 1


def make_row(results: dict[str, Any], name: str, columns: Iterable[ScoreColumn]) -> SettingRow:
    """One setting."""
    cells = cells_of_setting(results, name)
    failed, unfinished = (sum(c["status"] == status for c in cells) for status in ("failed", "unfinished"))
    scores = tuple(make_score(results, name, column) for column in columns)
    return SettingRow(name, scores, len(cells), failed, unfinished, {key: median_cost(cells, key) for key in COSTS})


def make_score(results: dict[str, Any], name: str, column: ScoreColumn) -> ScoreSummary:
    """One setting under one protocol."""
    ranked = {s["setting"]: s for s in summaries(results) if s["protocol"] == column.protocol and s["rank"] is not None}
    if name not in ranked:
        return ScoreSummary()
    mine = ranked[name]
    others = [ranked[other]["rank"] for other in mine["overlaps"]]
    better = sum(rank < mine["rank"] for rank in others)
    places = (mine["rank"] - better, mine["rank"] + len(others) - better)
    first = mine["rank"] == 1 and len(ranked) > 1
    clear = first and not mine["overlaps"] and all(s["n"] >= MIN_SEEDS_FOR_BOLD for s in ranked.values())
    middle, low, high = (
        WORST_SCORE[column.better] if mine[key] is None else mine[key] for key in ("median", "low", "high")
    )
    verdict = verdict_against_baseline(mine, ranked.get(BASELINE)) if results.get("kind") == "ablate" else None
    return ScoreSummary(middle, low, high, mine["n"], mine["rank"], places, tuple(mine["overlaps"]), clear, verdict)


def verdict_against_baseline(mine: dict[str, Any], baseline: dict[str, Any] | None) -> str | None:
    """The word for a setting whose interval lies apart from the baseline's; None where it does not, or there is none."""
    if baseline is None or mine is baseline or BASELINE in mine["overlaps"]:
        return None
    return "better" if mine["rank"] < baseline["rank"] else "worse"


def cells_of_setting(results: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The cells of one setting, by seed."""
    return sorted((c for c in results.get("cells", []) if c["setting"] == name), key=lambda c: c["seed"])


def summaries(results: dict[str, Any]) -> list[dict[str, Any]]:
    """What is summed up so far."""
    return results.get("summary") or []


def median_cost(cells: list[dict[str, Any]], key: str) -> float | None:
    """The median of one cost over the seeds that finished; None where none did."""
    values = finished_costs(cells, key)
    return median(values) if values else None


def finished_costs(cells: list[dict[str, Any]], key: str) -> list[float]:
    """One cost of each seed that finished."""
    found = ((c.get("cost") or {}).get(key) for c in cells if c["status"] == "done")
    return [value for value in found if value is not None and isfinite(value)]
