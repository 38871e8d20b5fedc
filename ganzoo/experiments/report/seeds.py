"""Numbers by seed: paired differences against the control, and the scores of every cell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

import numpy as np

from ganzoo.experiments.cell_schema import Metric
from ganzoo.experiments.report.table import MISSING, NOT_FINITE, ResultsTable, ScoreColumn
from ganzoo.experiments.results_schema import CellEntry, Results
from ganzoo.experiments.spec import BASELINE
from ganzoo.experiments.statistics import badness, cell_score, median_interval
from ganzoo.markup import escape_text, markdown_table


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


@dataclass(frozen=True)
class PairedCell:
    """One score of one setting against the control, as text."""

    median: str
    interval: str
    better: str
    """The number of seeds in which the setting is better, as in "2 of 3"."""

    def __str__(self) -> str:
        return f"{self.median} ({self.interval}), better in {self.better}" if self.median != MISSING else MISSING


@dataclass(frozen=True)
class PairedTable:
    """Every setting against the control; cells in the order of the columns of the results table."""

    control: str
    rows: list[tuple[str, list[PairedCell]]]
    """Name of the setting, and its cells, in the order of the results table."""
    seeds: list[int]
    """The distinct numbers of common seeds, in increasing order."""


def paired_table(results: Results, table: ResultsTable) -> PairedTable | None:
    """The paired differences in all scores; None without a second setting or without a seed in common."""
    control = control_name(results)
    if control is None:
        return None
    by_score = [
        {each.setting: each for each in paired_differences(results, metric, control)} for metric in results.metrics
    ]
    names = [row.name for row in table.rows if row.name != control]
    rows = [
        (name, [paired_cell(found[name], column) for found, column in zip(by_score, table.columns, strict=True)])
        for name in names
    ]
    counts = {len(each.seeds) for found in by_score for each in found.values()} - {0}
    return PairedTable(control, rows, sorted(counts)) if counts else None


def paired_markdown(paired: PairedTable, table: ResultsTable) -> str:
    """A sentence on the control and the notation, and the differences as GitHub Markdown."""
    note = (
        f"Each setting minus {paired.control} over the seeds in which both have a score: median difference (bootstrap "
        "interval of the median; with up to five seeds it spans all differences), and the number of seeds in which the "
        "setting is better. Near 1: the difference of the distances to 1."
    )
    titles = ["setting", *(escape_text(f"{column.protocol}, {column.better} is better") for column in table.columns)]
    rows = [[escape_text(name), *map(str, cells)] for name, cells in paired.rows]
    return f"{escape_text(note)}\n\n{markdown_table(titles, rows, [':--', *['--:'] * len(table.columns)])}"


def paired_cell(difference: PairedDifference, column: ScoreColumn) -> PairedCell:
    """The texts of one difference."""
    n, middle, low, high = len(difference.seeds), difference.median, difference.low, difference.high
    if middle is None or low is None or high is None:
        return PairedCell(MISSING, MISSING, MISSING)
    interval = "one seed" if n < 2 else f"{signed(low, column)} to {signed(high, column)}"
    return PairedCell(signed(middle, column), interval, f"{difference.better} of {n}")


def signed(value: float, column: ScoreColumn) -> str:
    """A difference with its sign and the decimals of the column."""
    return f"{value:+.{column.decimals}f}" if isfinite(value) else NOT_FINITE


@dataclass(frozen=True)
class SeedRow:
    """One cell: its status, and its scores as text in the order of the columns of the results table."""

    cell: CellEntry
    scores: list[str]


def seed_rows(results: Results, table: ResultsTable) -> list[SeedRow]:
    """The cells of all settings, in the order of the results table, then by seed."""
    pairs = list(zip(table.columns, results.metrics, strict=True))
    cells = (cell for row in table.rows for cell in results.cells_of(row.name))
    return [SeedRow(cell, [column.text(cell_score(cell, metric)) for column, metric in pairs]) for cell in cells]
