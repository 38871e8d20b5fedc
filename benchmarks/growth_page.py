"""One picture and the tables of docs/reports/growth.md, from the measurements of benchmarks/growth.py."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from statistics import linear_regression, median
from typing import Any

from growth_machines import against_measured, machines

from ganzoo.experiments.report.figures import FIRST, SECOND, canvas, inline_svg, plain_numbers

Point = dict[str, Any]
Parts = dict[str, dict[str, Any]]

MARK = "<!-- tables -->"
TO_FIRST_STEP, FIRST_TIME = "from the command to the end of the first step", "the same, the first time"
CURVES = {"size": "pixels of a side", "width": "width", "batch": "batch", "data": "images in the map"}
COLORS = """<style>
svg { color: #1d1f23; font-family: system-ui, sans-serif; --quiet: #646a73; --first: #1f5fa8; --second: #b2500a }
@media (prefers-color-scheme: dark) {
  svg { color: #e6e7e9; --quiet: #a0a6af; --first: #7db4f0; --second: #f0a265 }
}
</style>"""
"""Colors of the comparison report, embedded because an SVG image does not see the style of its page."""


def write_page(out: Path, page: Path) -> None:
    """Plot the measurements in `out` as an SVG next to it, and write the tables below the mark of `page`."""
    parts: Parts = json.loads(out.read_text(encoding="utf-8"))["parts"]
    text = page.read_text(encoding="utf-8") if page.exists() else "# Growth\n\n"
    if CURVES.keys() & parts.keys():
        out.with_suffix(".svg").write_text(drawn(parts), encoding="utf-8")
    page.write_text(with_tables(text, parts, os.path.relpath(out, page.parent)), encoding="utf-8")


def with_tables(text: str, parts: Parts, out: str) -> str:
    """The page with the tables of `parts` below its mark; `out` is the path of their file relative to the page."""
    rounds, drawing = (Path(path).as_posix() for path in (out, Path(out).with_suffix(".svg")))
    sections = [f"[Every round]({rounds}). {conditions(parts)}"]
    if CURVES.keys() & parts.keys():
        sections.append(f"![seconds a cycle and images a second against size, width, batch and data]({drawing})")
    sections += [f"### {title}\n\n{body}" for title, body in tables(parts)]
    return f"{text.partition(MARK)[0]}{MARK}\n\n" + "\n\n".join(sections) + "\n"


def of(part: dict[str, Any], series: str | None = None) -> list[Point]:
    """The points of a series."""
    return [point for point in part["points"] if point.get("series") == series]


def middle(point: Point) -> float:
    """The median seconds over the rounds."""
    return median(point["seconds"])


def exponent(points: Sequence[Point]) -> float:
    """Least-squares slope of log(median seconds) over log(x): 1 = proportional, 0 = constant."""
    logarithms = [(math.log(point["x"]), math.log(middle(point))) for point in points]
    return linear_regression(*zip(*logarithms, strict=True)).slope


def lines(name: str, part: dict[str, Any]) -> dict[str, list[Point]]:
    """Plotted lines of a part: label -> points."""
    if name == "data":
        return {"cycle": of(part, "cycle"), "batch alone": of(part, "batch")}
    return {"cycle": of(part)}


def drawn(parts: Parts) -> str:
    """SVG with one column per measured part: seconds above, images per second below, all axes logarithmic."""
    shown = [name for name in CURVES if name in parts]
    with canvas(2.4 * len(shown), 4.2) as figure:
        columns = figure.subplots(2, len(shown), squeeze=False, sharex="col").T
        for name, (above, below) in zip(shown, columns, strict=True):
            shown_here = lines(name, parts[name])
            column(above, below, shown_here)
            above.set_title(f"{name}: exponent {exponent(shown_here['cycle']):.2f}", fontsize=9)
            below.set_xlabel(CURVES[name])
        columns[0][0].set_ylabel("seconds")
        columns[0][1].set_ylabel("images/s")
        return standalone(
            inline_svg(figure, "growth", "Seconds a cycle and images a second, with the exponent of each growth"),
            figure,
        )


def standalone(svg: str, figure: Any) -> str:
    """The `<svg>` element of a figure as a file, with colors for light and dark mode."""
    width, height = 72 * figure.get_size_inches()
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    own = svg.replace("<svg", f'<svg {names} width="{width:.0f}" height="{height:.0f}"', 1)
    return own.replace(">", f">{COLORS}", 1)


def column(above: Any, below: Any, shown: dict[str, list[Point]]) -> None:
    """Plot both panels of a part; bars show the range over the rounds."""
    for color, (label, points) in zip((FIRST, SECOND), shown.items(), strict=False):
        for point in points:
            above.plot([point["x"]] * 2, [min(point["seconds"]), max(point["seconds"])], color=color, alpha=0.5)
        at, look = [point["x"] for point in points], {"color": color, "ms": 3, "label": label}
        above.plot(at, [middle(point) for point in points], "o-", **look)
        below.plot(at, [point["images"] / middle(point) for point in points], "o-", **look)
    for axes in (above, below):
        axes.set_xscale("log")
        axes.set_yscale("log")
        plain_numbers(axes.yaxis)
        axes.minorticks_off()
        axes.set_xticks(at, [short(x) for x in at])
        if len(shown) > 1:
            axes.yaxis.get_major_locator().set_params(subs=(1,))  # the lines lie decades apart
            axes.legend(frameon=False, loc="center right")


def short(x: int) -> str:
    """A number as 1 k or 1 M."""
    return f"{x // 1_000_000} M" if x >= 1_000_000 else f"{x // 1000} k" if x >= 1000 else str(x)


def tables(parts: Parts) -> Iterator[tuple[str, str]]:
    """Title and text of each table with measured parts."""
    for name, body in BODIES.items():
        if name in parts:
            yield f"{name.capitalize()} (measured)", body(parts[name])
    if "networks" in parts and "processes" in parts:
        networks, loopback = parts["networks"]["points"], parts["processes"]["points"]
        yield "The formula against two processes of this machine", against_measured(networks, loopback)
        yield "Eight GPUs, eight nodes (reasoned)", machines(networks, loopback)


def conditions(parts: Parts) -> str:
    """Conditions of the measurements, with one line for all parts under the same conditions."""
    alike: dict[str, list[str]] = {}
    for name, part in parts.items():
        clock = "wall" if name in ("processes", "start") else part["clock"]
        threads = "threads as `auto` has it" if name == "start" else f"threads: {part['threads']}"
        text = f"{part['machine']}, torch {part['torch']}, {threads}, {clock} clock, {part['rounds']} rounds"
        alike.setdefault(text, []).append(name)
    items = [f"* {', '.join(names)}: {text}" for text, names in alike.items()]
    return "\n".join(["Medians over the rounds, lowest and highest in brackets.", "", *items])


def spread(point: Point, unit: float = 1) -> str:
    """Median and range of the seconds, in units of `unit`."""
    return f"{middle(point) / unit:.3g} ({min(point['seconds']) / unit:.3g} to {max(point['seconds']) / unit:.3g})"


def table(head: str, rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    lines = [f"| {' | '.join(map(str, row))} |" for row in rows]
    return "\n".join([f"| {head} |", "|---" * (head.count("|") + 1) + "|", *lines])


def grown(part: dict[str, Any]) -> str:
    """Table for size, width or batch."""
    points = of(part)
    rows = [(p["x"], p["images"], spread(p), f"{p['images'] / middle(p):.0f}") for p in points]
    return f"Exponent **{exponent(points):.2f}**.\n\n" + table("at | batch | seconds a cycle | images/s", rows)


def of_data(part: dict[str, Any]) -> str:
    """Table for the size of the memory map."""
    shown = zip(*(of(part, series) for series in ("cycle", "batch", "shuffle", "prepare")), strict=True)
    rows = [(f"{a['x']:,}", spread(a), spread(b, 1e-3), spread(c, 1e-3), f"{middle(d):.3g}") for a, b, c, d in shown]
    head = "images | seconds a cycle | a batch of 64, ms | the first batch of an epoch, ms | to prepare them once, s"
    slopes = ", ".join(f"of {label} **{exponent(points):.2f}**" for label, points in lines("data", part).items())
    return f"Exponent {slopes}.\n\n" + table(head, rows)


def of_processes(part: dict[str, Any]) -> str:
    """Tables of the cycles and messages of processes."""
    sent = of(part, "all_reduce")
    rows = [
        (p["series"], p["x"], p["images"], spread(p), f"{p['images'] / middle(p):.0f}")
        for p in part["points"]
        if p not in sent
    ]
    messages = [(f"{p['x']:,}", spread(p, 1e-3), f"{p['x'] / middle(p) / 1e9:.2f}") for p in sent]
    return (
        table("series | processes | joint batch | seconds a cycle | images/s", rows)
        + "\n\n"
        + table("bytes | one all_reduce of two processes, ms | GB/s", messages)
    )


def of_networks(part: dict[str, Any]) -> str:
    """Table of weights and cost of the networks."""
    rows = [
        (
            p["series"],
            f"{p['g']:,}",
            f"{p['d']:,}",
            spread(p),
            f"{p['images'] / middle(p):.1f}",
            f"{p['flops'] / 1e9:.2f}",
            f"{4 * p['d'] / 1e6:.1f} / {4 * p['g'] / 1e6:.1f}",
        )
        for p in part["points"]
    ]
    head = "network | weights of G | of D | seconds a cycle | images/s | GFLOP an image | all_reduce of D / of G, MB"
    return table(head, rows)


def of_start(part: dict[str, Any]) -> str:
    """Table of the stages of a start and their sums."""
    return table("stage | seconds", [(p["series"], spread(p)) for p in part["points"]])


BODIES = {
    "size": grown,
    "width": grown,
    "batch": grown,
    "data": of_data,
    "processes": of_processes,
    "start": of_start,
    "networks": of_networks,
}
