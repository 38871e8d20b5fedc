"""The main table of a comparison, one row per setting, for the HTML page and the Markdown table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import floor, isfinite, log, log10
from statistics import median

from ganzoo.experiments.cell_schema import Metric
from ganzoo.experiments.results_schema import CellEntry, Results, SummaryRow
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
"""Cost field -> column title."""
MISSING = "–"
NOT_FINITE = "none"  # text for a number that is not finite
MIN_SEEDS_FOR_BOLD = (
    4  # with 4 seeds the intervals of two equal settings do not overlap in 2.9 % of cases, of three in 10 %
)
LOG_SCALE_RATIO = 20.0  # ratio of largest to smallest value above which a scale is logarithmic
MIN_DIGITS, MIN_FLOOR_DIGITS = 3, 2  # significant digits of the smallest median of a column and of its floor


@dataclass(frozen=True)
class ScoreSummary:
    """One score of one setting; `low`, `median`, `high` may be infinite, and are None if no seed has the score."""

    median: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    rank: int | None = None
    places: tuple[int, int] | None = None
    """Best and worst possible rank, given the overlap of intervals."""
    overlaps: tuple[str, ...] = ()
    clear: bool = False
    """True if it is first and its interval overlaps no other, all with `MIN_SEEDS_FOR_BOLD` seeds or more; shown in bold."""
    against: str | None = None
    """In an ablation: "better" or "worse" if the interval does not overlap the baseline's."""


@dataclass(frozen=True)
class ScoreColumn:
    """One score: direction of improvement, floor (real images against real images) and number format."""

    index: int
    """Index of the score in every row."""
    protocol: str
    better: str
    floor: float | None
    decimals: int
    ends: tuple[float, float] | None
    """The smallest and largest finite value of all intervals and the floor."""

    def text(self, value: float | None) -> str:
        """`value` with the decimals of the column."""
        if value is None:
            return MISSING
        return f"{value:.{self.decimals}f}" if isfinite(value) else NOT_FINITE

    @property
    def logarithmic(self) -> bool:
        return self.ends is not None and self.ends[0] > 0 and self.ends[1] / self.ends[0] > LOG_SCALE_RATIO

    def clamp(self, value: float) -> float:
        """`value`, limited to the ends."""
        low, high = self.ends or (value, value)
        return min(max(value, low), high)

    def place(self, value: float) -> float:
        """Position of `value` between the ends, 0 to 100."""
        low, high = self.ends or (value, value)
        if low == high:
            return 50.0
        value = self.clamp(value)
        share = log(value / low) / log(high / low) if self.logarithmic else (value - low) / (high - low)
        return round(100 * share, 2)


@dataclass(frozen=True)
class SettingRow:
    """One setting: scores in the order of the columns, numbers of failed and unfinished cells, and median costs."""

    name: str
    scores: tuple[ScoreSummary, ...]
    cells: int
    failed: int
    unfinished: int
    costs: dict[str, float | None]

    @property
    def ended(self) -> str:
        """The numbers of failed and unfinished seeds, as text."""
        waiting = f", {self.unfinished} unfinished" if self.unfinished else ""
        return f"{self.failed} of {self.cells}{waiting}"


@dataclass(frozen=True)
class ResultsTable:
    """The whole table, sorted by the rank of the first score, then of the next ones."""

    columns: tuple[ScoreColumn, ...]
    rows: tuple[SettingRow, ...]


def results_table(results: Results) -> ResultsTable:
    """Build the table of `results`."""
    columns = tuple(make_column(results, i, metric) for i, metric in enumerate(results.metrics))
    rows = [make_row(results, setting.name, columns) for setting in results.settings]
    return ResultsTable(columns, tuple(sorted(rows, key=lambda r: [s.rank or len(rows) + 1 for s in r.scores])))


def make_column(results: Results, index: int, metric: Metric) -> ScoreColumn:
    """The column of one score."""
    found = [row for row in results.summary if row.protocol == metric.protocol]
    least = results.floors.get(metric.protocol)
    values = [v for v in (least, *(v for row in found for v in (row.low, row.median, row.high))) if v is not None]
    ends = (min(values), max(values)) if values else None
    digits = max(decimals((row.median or 0 for row in found), MIN_DIGITS), decimals([least or 0], MIN_FLOOR_DIGITS))
    return ScoreColumn(index, metric.protocol, metric.better, least, digits, ends)


def decimals(values: Iterable[float], figures: int) -> int:
    """The number of decimals, 1 to 5, that give the smallest of `values` the number of significant digits `figures`."""
    sizes = [abs(v) for v in values if v]
    return min(5, max(1, figures - 1 - floor(log10(min(sizes))))) if sizes else 1


def make_row(results: Results, name: str, columns: Iterable[ScoreColumn]) -> SettingRow:
    """The row of one setting."""
    cells = results.cells_of(name)
    failed, unfinished = (sum(cell.status == status for cell in cells) for status in ("failed", "unfinished"))
    scores = tuple(make_score(results, name, column) for column in columns)
    return SettingRow(name, scores, len(cells), failed, unfinished, {key: median_cost(cells, key) for key in COSTS})


def make_score(results: Results, name: str, column: ScoreColumn) -> ScoreSummary:
    """One score of one setting."""
    rows = {row.setting: row for row in results.summary if row.protocol == column.protocol}
    ranks = {row.setting: row.rank for row in rows.values() if row.rank is not None}
    if name not in ranks:
        return ScoreSummary()
    mine, rank, worst = rows[name], ranks[name], WORST_SCORE[column.better]
    first = rank == 1 and len(ranks) > 1
    middle, low, high = (worst if value is None else value for value in (mine.median, mine.low, mine.high))
    return ScoreSummary(
        median=middle,
        low=low,
        high=high,
        n=mine.n,
        rank=rank,
        places=possible_ranks(rank, [ranks[other] for other in mine.overlaps]),
        overlaps=tuple(mine.overlaps),
        clear=first and not mine.overlaps and all(rows[each].n >= MIN_SEEDS_FOR_BOLD for each in ranks),
        against=verdict_against_baseline(mine, rank, ranks.get(BASELINE)) if results.kind == "ablate" else None,
    )


def possible_ranks(rank: int, overlapping: Sequence[int]) -> tuple[int, int]:
    """The best and worst possible rank of a setting, given the ranks of the settings with overlapping intervals."""
    better = sum(other < rank for other in overlapping)
    return rank - better, rank + len(overlapping) - better


def verdict_against_baseline(mine: SummaryRow, rank: int, baseline: int | None) -> str | None:
    """Return "better" or "worse" than the baseline, which has the rank `baseline`; None if the intervals overlap."""
    if baseline is None or mine.setting == BASELINE or BASELINE in mine.overlaps:
        return None
    return "better" if rank < baseline else "worse"


def median_cost(cells: Iterable[CellEntry], key: str) -> float | None:
    """The median of one cost over the finished seeds; None without finished seeds."""
    values = finished_costs(cells, key)
    return median(values) if values else None


def finished_costs(cells: Iterable[CellEntry], key: str) -> list[float]:
    """One cost of each finished seed."""
    found = (getattr(cell.cost, key) for cell in cells if cell.cost and cell.status == "done")
    return [value for value in found if value is not None and isfinite(value)]
