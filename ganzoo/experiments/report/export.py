"""The table of scores as LaTeX (booktabs) and as CSV."""

import csv
import io
import re
from collections.abc import Iterable
from math import isfinite

from ganzoo.errors import escape
from ganzoo.experiments.report.table import COSTS, NOT_FINITE, ResultsTable, ScoreColumn, ScoreSummary

LATEX_COMMANDS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "–": "--",
    **{character: f"\\{character}" for character in "&%$#_{}"},
}
CSV_VALUES = ("median", "low", "high", "seeds", "rank", "floor")
BETTER_IN_LATEX = {"lower": r"$\downarrow$", "higher": r"$\uparrow$", "near 1": "(near 1)", "near 0": "(near 0)"}


def scores_as_latex(table: ResultsTable) -> str:
    """A `tabular` for the package booktabs: median and interval of every score, the floors below; bold as on the page."""
    columns = table.columns
    titles = ["setting", *(f"{latex(c.protocol)} {BETTER_IN_LATEX[c.better]}" for c in columns)]
    floors = ["real images (floor)", *(latex_number(c, c.floor) for c in columns)]
    rows = [[latex(row.name), *(map(latex_score, columns, row.scores))] for row in table.rows]
    lines = [
        rf"\begin{{tabular}}{{l{'r' * len(columns)}}}",
        r"\toprule",
        latex_row(titles),
        r"\midrule",
        *map(latex_row, rows),
        r"\midrule",
        latex_row(floors),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines) + "\n"


def latex_row(cells: Iterable[str]) -> str:
    """One row of a tabular."""
    return rf"{' & '.join(cells)} \\"


def latex(text: str) -> str:
    """`text` with the special characters of LaTeX escaped."""
    return re.sub(r"[\\~^–&%$#_{}]", lambda found: LATEX_COMMANDS[found[0]], escape(text))


def latex_score(column: ScoreColumn, score: ScoreSummary) -> str:
    """Median and interval, as in 3.20 (2.90 to 3.31)."""
    middle = latex_number(column, score.median)
    middle = rf"\textbf{{{middle}}}" if score.clear else middle
    if score.median is None or score.n < 2:
        return middle
    return f"{middle} ({latex_number(column, score.low)} to {latex_number(column, score.high)})"


def latex_number(column: ScoreColumn, value: float | None) -> str:
    """A number with the decimals of its column; its minus in math mode."""
    return latex(column.text(value)).replace("-", "$-$") if value is not None else "--"


def scores_as_csv(table: ResultsTable) -> str:
    """One row per setting: six columns for each score, failed seeds, costs; ten digits, empty without a value."""
    titles = [f"{column.protocol} {value}" for column in table.columns for value in CSV_VALUES]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["setting", *titles, "failed", *COSTS.values()])
    for row in table.rows:
        scores = [value for column in table.columns for value in csv_score(column, row.scores[column.index])]
        writer.writerow([escape(row.name), *scores, row.failed, *map(csv_number, row.costs.values())])
    return text.getvalue()


def csv_score(column: ScoreColumn, score: ScoreSummary) -> list[object]:
    """The `CSV_VALUES` of one score."""
    return [
        *map(csv_number, (score.median, score.low, score.high)),
        score.n,
        *map(csv_number, (score.rank, column.floor)),
    ]


def csv_number(value: float | None) -> str:
    """A number; empty if it is missing, `NOT_FINITE` if it is not finite."""
    if value is None:
        return ""
    return f"{value:.10g}" if isfinite(value) else NOT_FINITE
