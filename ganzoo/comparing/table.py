"""The headline in words: each kind of cell for a person, and the whole as GitHub Markdown."""

from __future__ import annotations

from math import isfinite
from typing import Any

from ganzoo.comparing.headline import BOLD_FROM, COSTS, ENDLESS, NONE, Column, Headline, Score, headline
from ganzoo.comparing.protocol import at_floor, exact_floors, untuned
from ganzoo.markdown import plain
from ganzoo.markdown import table as markdown_table

AGAINST = "better, worse: the interval lies apart from the baseline's; "


def markdown(results: dict[str, Any]) -> str:
    """GitHub Markdown: the protocol in a line, the headline by the first score, the other scores, floors at other numbers."""
    table, elsewhere, exact = headline(results), at_floor(results), exact_floors(results)
    parts = [
        protocol_line(results),
        headline_table(table),
        *([other_scores(table)] if table.columns[1:] else []),
        *([floors_elsewhere(elsewhere)] if elsewhere else []),
        *([plain("; ".join(f"{name}: {value:.4g}" for name, value in exact.items()))] if exact else []),
    ]
    return "\n\n".join(parts) + "\n"


def floors_elsewhere(found: list[dict[str, Any]]) -> str:
    """The floors for which there were too few real images, each beside the score at as many samples."""
    titles = ["setting", "score", "samples", "floor", "median at as many samples"]
    rows = [
        [plain(e["name"]), plain(e["protocol"]), f"{e['n']:,}", f"{e['floor']:.4g}", finite(e["median"])] for e in found
    ]
    return written(titles, rows)


def headline_table(table: Headline) -> str:
    """The first score with its rank, the failed seeds and the costs."""
    first = table.columns[:1]
    titles = ["setting", *(t for c in first for t in (title(c), "rank")), "failed", *COSTS.values()]
    rows = [
        [
            plain(row.name),
            *(t for c in first for t in (with_interval(c, row.scores[0]), with_places(row.scores[0]))),
            row.ended,
            *(amount(value) for value in row.costs.values()),
        ]
        for row in table.rows
    ]
    return lines(titles, rows, [t for c in first for t in (c.text(c.floor), "")])


def other_scores(table: Headline) -> str:
    """All scores but the first."""
    others = table.columns[1:]
    rows = [[plain(row.name), *(with_interval(c, row.scores[c.index]) for c in others)] for row in table.rows]
    return lines(["setting", *map(title, others)], rows, [c.text(c.floor) for c in others])


def lines(titles: list[str], rows: list[list[str]], floors: list[str]) -> str:
    """A table that ends with the floors."""
    return written(titles, [*rows, ["real images (floor)", *floors, *[""] * (len(titles) - 1 - len(floors))]])


def written(titles: list[str], rows: list[list[str]]) -> str:
    """A table whose columns but the first are numbers."""
    return markdown_table(titles, rows, [":--", *["--:"] * (len(titles) - 1)])


def title(column: Column) -> str:
    """The name of a score, and which way it is better."""
    return plain(f"{column.protocol}, {column.better} is better")


def with_interval(column: Column, score: Score) -> str:
    """Median and interval; bold where it is clearly the best."""
    if score.median is None:
        return NONE
    text = f"**{column.text(score.median)}**" if score.clear else column.text(score.median)
    return f"{text} ({interval(column, score)})"


def interval(column: Column, score: Score) -> str:
    """The interval over seeds in words, and on which side of the baseline's it lies."""
    if score.median is None:
        return NONE
    text = "one seed" if score.n < 2 else f"{column.text(score.low)} to {column.text(score.high)}"
    return f"{text}, {score.against}" if score.against else text


def with_places(score: Score) -> str:
    """The rank, and the ranks that the overlap leaves open."""
    if score.rank is None or score.places is None:
        return NONE
    first, last = score.places
    return str(score.rank) if first == last else f"{score.rank} ({first} to {last})"


def amount(value: float | None) -> str:
    """A cost: whole from ten on."""
    return NONE if value is None else f"{value:,.0f}" if value >= 10 or value == int(value) else f"{value:.1f}"


def given(budget: dict[str, Any]) -> str:
    """A budget in words, its amount as it was asked for."""
    return f"{budget['amount']:,.12g} {budget['unit']}"


def protocol_line(results: dict[str, Any]) -> str:
    """One paragraph: what was done with what, and how it is read."""
    protocol, data = results["protocol"], results["data"]
    seeds = ", ".join(map(str, protocol["seeds"]))
    samples = f"{protocol['n']:,} samples " if protocol["n"] else ""
    return plain(
        f"{data['spec']} ({data['split']}, {data['count']:,} images), {given(results['budget'])} each, "
        f"seeds {seeds}, {samples}against {protocol['split']}, {protocol['checkpoint']}{tuning(results)}. "
        "Median over the seeds that finished (bootstrap interval); "
        "a rank is followed by the ranks that overlapping intervals leave open; "
        f"bold: rank 1, and its interval overlaps no other, all being of {BOLD_FROM} seeds or more; "
        f"{AGAINST if results['kind'] == 'ablate' else ''}"
        'costs are medians over the same seeds; "none" is a number that is not finite, which counts as the worst of all.'
    )


def finite(value: float) -> str:
    """Four digits of `value`, or the word for one that is not finite."""
    return f"{value:.4g}" if isfinite(value) else ENDLESS


def tuning(results: dict[str, Any]) -> str:
    """How hyper-parameters were chosen, where they were."""
    but = ", ".join(untuned(results))
    draws = f", tuned by {results['tuning']['draws']} draws a setting" if results.get("tuning") else ""
    return f"{draws} but {but}" if but else draws
