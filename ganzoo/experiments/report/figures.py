"""Figures of a comparison as inline SVG with the page's colors, so that they follow light and dark mode."""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from math import isfinite
from statistics import median
from typing import Any

from ganzoo.experiments.report.curves import Curves, Line
from ganzoo.experiments.report.table import LOG_SCALE_RATIO, ResultsTable, ScoreColumn, ScoreSummary, finished_costs
from ganzoo.experiments.results_schema import Results
from ganzoo.experiments.spec import BASELINE
from ganzoo.experiments.statistics import badness

INK, QUIET, FIRST, SECOND = "#010101", "#010102", "#010103", "#010104"
THEME = {INK: "currentColor", QUIET: "var(--quiet)", FIRST: "var(--first)", SECOND: "var(--second)"}
"""Placeholder color -> CSS color. Matplotlib has no CSS variables, so placeholders are replaced in its output."""
STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "ganzoo",
    "text.parse_math": False,
    "text.color": INK,
    "font.size": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": QUIET,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.formatter.limits": (-3, 5),
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "lines.linewidth": 1.3,
    "lines.solid_joinstyle": "round",
}
MAX_LABEL_LENGTH = 26  # characters of a setting's label
MAX_LABELS = 20  # labeled points; with more labels their lines would cross
Point = tuple[str, float, float]
"""Setting, seconds, score."""


@contextmanager
def canvas(width: float, height: float) -> Iterator[Any]:
    """Context with a figure in our style, to draw and write inside the block; sizes in inches of 72 units."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        yield Figure((width, height), layout="constrained")


def inline_svg(figure: Any, name: str, description: str) -> str:
    """The `<svg>` element of a figure. Its ids start with `name`, which must be unique on the page."""
    buffer = io.StringIO()
    nobody = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(buffer, format="svg", transparent=True, metadata=nobody)
    text = buffer.getvalue()
    text = re.sub(r' style="font: [^"]*?([\d.]+)px [^";]*', r' style="font-size: \1px', text[text.index("<svg") :])
    text = re.sub(r'( id="|url\(#|href="#)', rf"\g<1>{name}-", text)
    for stand_in, colour in THEME.items():
        text = text.replace(stand_in, colour)
    width, height = 72 * figure.get_size_inches()
    opening = f'<svg role="img" aria-label="{escape(description)}" viewBox="0 0 {width:g} {height:g}">'
    return re.sub(r"<svg[^>]*>", lambda _: opening, text, count=1)


@dataclass(frozen=True)
class SettingMark:
    """A setting with a finite median score."""

    name: str
    score: ScoreSummary
    median: float
    """Median of the score."""
    seconds: list[float]
    """Training seconds of each finished seed."""


def setting_marks(results: Results, table: ResultsTable, index: int) -> Iterator[SettingMark]:
    """The settings with finished seeds and a finite median of score number `index`."""
    for row in table.rows:
        score, seconds = row.scores[index], finished_costs(results.cells_of(row.name), "seconds")
        if score.median is not None and isfinite(score.median) and seconds:
            yield SettingMark(row.name, score, score.median, seconds)


def quality_against_cost(results: Results, table: ResultsTable, index: int, name: str) -> str | None:
    """Scatter plot of score number `index` against seconds, one point per setting; None if no setting has both."""
    column, marks = table.columns[index], list(setting_marks(results, table, index))
    if not marks:
        return None
    named = labeled_points([(mark.name, median(mark.seconds), mark.median) for mark in marks], column.better)
    with canvas(5.8, max(3.2, 0.22 * len(named) + 0.8)) as figure:
        axes = figure.subplots()
        for mark in marks:
            draw_mark(axes, column, mark)
        set_scales(axes, column, [median(mark.seconds) for mark in marks])
        draw_labels(axes, named)
        return inline_svg(figure, name, f"{column.protocol} against seconds of training, one point a setting")


def labeled_points(points: Sequence[Point], better: str) -> Sequence[Point]:
    """The points to label: all if at most `MAX_LABELS`, else those on the Pareto front, and the baseline."""
    if len(points) <= MAX_LABELS:
        return points
    marks = [(seconds, badness(score, better)) for _, seconds, score in points]
    beaten = [any(x <= a and y <= b and (x, y) != (a, b) for x, y in marks) for a, b in marks]
    return [each for each, lost in zip(points, beaten, strict=True) if each[0] == BASELINE or not lost]


def draw_mark(axes: Any, column: ScoreColumn, mark: SettingMark) -> None:
    """Draw a setting: a dot at the medians, lines for the interval and from the fastest to the slowest seed."""
    middle, line = median(mark.seconds), {"color": FIRST, "alpha": 0.55, "lw": 1.6, "solid_capstyle": "butt"}
    ends = [column.clamp(end) for end in (mark.score.low, mark.score.high) if end is not None]
    axes.plot([middle, middle], ends, **line)
    axes.plot([min(mark.seconds), max(mark.seconds)], [mark.median] * 2, **line)
    axes.plot([middle], [mark.median], "o", color=FIRST, ms=5)


def set_scales(axes: Any, column: ScoreColumn, seconds: Sequence[float]) -> None:
    """Set scales and labels of both axes, and draw the floor as a dashed line."""
    if column.floor is not None:
        axes.axhline(column.floor, color=QUIET, lw=0.9, ls=(0, (4, 3)))
        place = {"xycoords": axes.get_yaxis_transform(), "textcoords": "offset points"}
        axes.annotate("floor", (0, column.floor), (2, 2), **place)
    if column.logarithmic:
        axes.set_yscale("log")
        plain_numbers(axes.yaxis)
    if min(seconds) > 0 and max(seconds) / min(seconds) > LOG_SCALE_RATIO:
        axes.set_xscale("log")
        plain_numbers(axes.xaxis)
    axes.margins(0.06)
    axes.autoscale_view()
    axes.set_xlabel("seconds of training (median over seeds)")
    axes.set_ylabel(f"{column.protocol}, {column.better} is better")


def plain_numbers(axis: Any) -> None:
    """Label a logarithmic axis at 1, 2, 5, 10, 20, … with plain numbers, because powers would need math text."""
    from matplotlib.ticker import LogLocator, NullLocator

    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(NullLocator())


def draw_labels(axes: Any, points: Sequence[Point]) -> None:
    """Draw the names of `points` in a column on the right, ordered by height, each with a thin line to its point."""
    heights = [axes.transAxes.inverted().transform(axes.transData.transform((x, y)))[1] for _, x, y in points]
    for (name, x, y), height in zip(points, spread_labels(heights), strict=True):
        short = name if len(name) <= MAX_LABEL_LENGTH else f"{name[: MAX_LABEL_LENGTH - 1]}…"
        thread = {"arrowstyle": "-", "color": QUIET, "lw": 0.5, "alpha": 0.6, "shrinkA": 1, "shrinkB": 3}
        place = {"xytext": (1.03, height), "textcoords": "axes fraction", "va": "center", "annotation_clip": False}
        axes.annotate(short, (x, y), arrowprops=thread, **place)


def spread_labels(heights: Sequence[float]) -> list[float]:
    """`heights` with a minimum distance (an even share of the axis, at most 0.07), in the same order, within 0 to 1."""
    gap = min(0.07, 1 / max(1, len(heights) - 1))
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed: list[float] = []
    for index in order:
        placed.append(max(heights[index], placed[-1] + gap if placed else 0.0))
    ceiling = 1.0
    for k in reversed(range(len(placed))):
        placed[k] = min(placed[k], ceiling)
        ceiling = placed[k] - gap
    moved = dict(zip(order, placed, strict=True))
    return [moved[i] for i in range(len(heights))]


def draw_panel(curves: Curves, name: str, description: str, until: float, limits: tuple[float, float] | None) -> str:
    """A small figure from step 0 to step `until`: medians with bands, and a thin line for each failed seed."""
    with canvas(3.3, 1.9) as figure:
        axes = figure.subplots()
        for line, colour in zip(curves.lines, (FIRST, SECOND), strict=False):
            draw_line(axes, line, colour)
        axes.set_xlim(0, 1.03 * until)
        axes.set_ylim(limits)
        axes.locator_params(nbins=4)
        return inline_svg(figure, name, description)


def draw_line(axes: Any, line: Line, colour: str) -> None:
    """Draw one quantity of a panel; the line of a failed seed ends in a cross."""
    if line.band:
        steps, low, middle, high = line.band
        axes.fill_between(steps, low, high, color=colour, alpha=0.22, lw=0)
        axes.plot(steps, middle, color=colour, marker="o" if len(steps) == 1 else None, ms=4)
    for steps, values in line.failed:
        axes.plot(steps, values, color=colour, lw=0.7, ls=(0, (2, 1.5)))
        axes.plot(steps[-1:], values[-1:], "x", color=colour, ms=5)
