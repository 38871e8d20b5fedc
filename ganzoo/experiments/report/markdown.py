"""The GitHub Markdown table `table.md` of a comparison."""

from collections.abc import Iterable
from math import isfinite

from ganzoo.experiments.budget import Budget
from ganzoo.experiments.report.facts import FloorElsewhere, exact_floors, scores_at_floor_n, untuned_settings
from ganzoo.experiments.report.seeds import paired_markdown, paired_table
from ganzoo.experiments.report.settings import hyperparameters, options_markdown
from ganzoo.experiments.report.table import (
    COSTS,
    MIN_SEEDS_FOR_BOLD,
    MISSING,
    NOT_FINITE,
    ResultsTable,
    ScoreColumn,
    ScoreSummary,
    results_table,
)
from ganzoo.experiments.results_schema import Results
from ganzoo.experiments.setting_schema import Refusal
from ganzoo.markup import escape_text, markdown_table

VERDICT_NOTE = "better, worse: the interval does not overlap the baseline's; "


def results_markdown(results: Results) -> str:
    """GitHub Markdown with the protocol, scores, floors at other numbers, paired differences, differing settings, refusals."""
    table, elsewhere, exact = results_table(results), scores_at_floor_n(results), exact_floors(results)
    paired, options = paired_table(results, table), hyperparameters(results)
    parts = [
        protocol_line(results),
        headline_table(table),
        *([other_scores(table)] if table.columns[1:] else []),
        *([floors_at_other_n(elsewhere)] if elsewhere else []),
        *([escape_text("; ".join(f"{name}: {value:.4g}" for name, value in exact.items()))] if exact else []),
        *([paired_markdown(paired, table)] if paired else []),
        *([options_markdown(options)] if options.differ else []),
        *(["\n".join(["Not trained:", "", *map(refusal_line, results.refused)])] if results.refused else []),
    ]
    return "\n\n".join(parts) + "\n"


def refusal_line(refusal: Refusal) -> str:
    """A setting or switch that was not trained, with the reason, as a list item."""
    return f"- {escape_text(f'{refusal.setting}: {refusal.reason}')}"


def floors_at_other_n(found: Iterable[FloorElsewhere]) -> str:
    """A table of floors computed from fewer images, each with the median score at the same number of samples."""
    titles = ["setting", "score", "samples", "floor", "median at this number of samples"]
    rows = [
        [escape_text(e.name), escape_text(e.protocol), f"{e.n:,}", f"{e.floor:.4g}", format_finite(e.median)]
        for e in found
    ]
    return numbers_table(titles, rows)


def headline_table(table: ResultsTable) -> str:
    """A table of the first score with ranks, failed seeds and costs."""
    first = table.columns[:1]
    titles = ["setting", *(t for c in first for t in (column_title(c), "rank")), "failed", *COSTS.values()]
    rows = [
        [
            escape_text(row.name),
            *(t for c in first for t in (score_with_interval(c, row.scores[0]), rank_text(row.scores[0]))),
            row.ended,
            *(format_cost(value) for value in row.costs.values()),
        ]
        for row in table.rows
    ]
    return table_with_floors(titles, rows, [t for c in first for t in (c.text(c.floor), "")])


def other_scores(table: ResultsTable) -> str:
    """A table of all scores except the first."""
    others = table.columns[1:]
    rows = [
        [escape_text(row.name), *(score_with_interval(c, row.scores[c.index]) for c in others)] for row in table.rows
    ]
    return table_with_floors(["setting", *map(column_title, others)], rows, [c.text(c.floor) for c in others])


def table_with_floors(titles: list[str], rows: list[list[str]], floors: list[str]) -> str:
    """A table with the floors as its last row."""
    return numbers_table(titles, [*rows, ["real images (floor)", *floors, *[""] * (len(titles) - 1 - len(floors))]])


def numbers_table(titles: list[str], rows: list[list[str]]) -> str:
    """A table with numbers in all columns except the first."""
    return markdown_table(titles, rows, [":--", *["--:"] * (len(titles) - 1)])


def column_title(column: ScoreColumn) -> str:
    """The name of a score and its direction of improvement."""
    return escape_text(f"{column.protocol}, {column.better} is better")


def score_with_interval(column: ScoreColumn, score: ScoreSummary) -> str:
    """Median and interval; bold for a clear winner."""
    if score.median is None:
        return MISSING
    text = f"**{column.text(score.median)}**" if score.clear else column.text(score.median)
    return f"{text} ({interval_text(column, score)})"


def interval_text(column: ScoreColumn, score: ScoreSummary) -> str:
    """The interval over seeds as text, in an ablation with the verdict against the baseline."""
    if score.median is None:
        return MISSING
    text = "one seed" if score.n < 2 else f"{column.text(score.low)} to {column.text(score.high)}"
    return f"{text}, {score.against}" if score.against else text


def rank_text(score: ScoreSummary) -> str:
    """The rank, and the range of possible ranks if intervals overlap."""
    if score.rank is None or score.places is None:
        return MISSING
    first, last = score.places
    return str(score.rank) if first == last else f"{score.rank} ({first} to {last})"


def format_cost(value: float | None) -> str:
    """A cost as text, rounded to an integer if it is at least ten."""
    return MISSING if value is None else f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def format_budget(budget: Budget) -> str:
    """A budget as text, with its exact amount."""
    return f"{budget.amount:,.12g} {budget.unit}"


def protocol_line(results: Results) -> str:
    """One paragraph with the protocol and the notation of the table."""
    protocol, data = results.protocol, results.data
    seeds = ", ".join(map(str, protocol.seeds))
    samples = f"{protocol.n:,} samples " if protocol.n else ""
    return escape_text(
        f"{data.spec} ({data.split}, {data.count:,} images), {format_budget(results.budget)} each, "
        f"seeds {seeds}, {samples}against {protocol.split}, {protocol.checkpoint}{tuning_text(results)}. "
        "Median over the seeds that finished (bootstrap interval); "
        "in parentheses after a rank: the ranks it could have, given the overlap of intervals; "
        f"bold: rank 1 with an interval that overlaps no other, if all settings have {MIN_SEEDS_FOR_BOLD} seeds or more; "
        f"{VERDICT_NOTE if results.kind == 'ablate' else ''}"
        'costs are medians over the same seeds; "none" is a number that is not finite and counts as the worst.'
    )


def format_finite(value: float) -> str:
    """`value` with four digits, or `NOT_FINITE`."""
    return f"{value:.4g}" if isfinite(value) else NOT_FINITE


def tuning_text(results: Results) -> str:
    """The tuning of hyperparameters as text; empty without tuning."""
    untuned = ", ".join(untuned_settings(results))
    draws = f", tuned with {results.tuning.draws} draws per setting" if results.tuning else ""
    return f"{draws} (except {untuned})" if untuned else draws
