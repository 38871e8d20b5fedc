"""A run over the band of its loss, as lines for the terminal, as a PNG and as an HTML page."""

import io
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ganzoo.atlas.compare import Comparison, SignalVerdict
from ganzoo.atlas.curves import POINTS, SIGNALS, Curves
from ganzoo.atlas.store import Bands
from ganzoo.atomic_io import write_bytes
from ganzoo.errors import InputError
from ganzoo.markup import environment

FORMS = (".png", ".html")
SIZE = (8.0, 6.0)  # inches
DPI = 120  # of a PNG
COLUMNS = 5  # panels in a row
LOG_RANGE = 1e6  # largest ratio of a logarithmic axis
RUN, SECOND = "#1f5fa8", "#b2500a"  # on the white of a PNG


class Panel(NamedTuple):
    """Curves as logged, one value a record."""

    title: str
    steps: list[int]
    curves: dict[str, list[float]]


class Picture(NamedTuple):
    """The contents of a picture of a run."""

    title: str
    steps: int
    """Planned steps of the run."""
    raw: list[Panel]
    curves: Curves
    bands: Bands
    comparison: Comparison | None
    text: list[str]
    """The verdict, one paragraph a string."""


def lines(found: Comparison | None) -> list[str]:
    """The comparison as text: one line a signal, then the nearest failure."""
    if found is None:
        return ["no comparison with healthy runs: the log has none of the atlas's signals yet"]
    rows = [f"{SIGNALS[name].label:<19} {each.marks} {outside(each)}" for name, each in found.signals.items()]
    head = f"against {found.band}: · inside, ▲ above, ▼ below the band; share and first step outside"
    return [head, *rows, "", *nearest(found)]


def outside(signal: SignalVerdict) -> str:
    """The verdict on a signal in at most 19 characters."""
    if signal.inside:
        return "inside"
    return f"{signal.share:.0%}" + ("" if signal.since is None else f" from {signal.since:,}")


def nearest(found: Comparison | None) -> list[str]:
    """The nearest failures with their distances, and the remedy of the first if it is nearer than the band."""
    if found is None or not found.nearest:
        return []
    (first, far), *rest = found.nearest
    if not found.is_like_failure:
        away = sum(not signal.inside for signal in found.signals.values())
        near = f"nearer to the band ({found.from_band:.2g}) than to any failure"
        unlike = f"outside the band in {away} of {len(found.signals)} signals, but like no failure of the atlas"
        return [f"{unlike if 2 * away > len(found.signals) else near} (nearest: {first.name}, {far:.2g})"]
    then = "; ".join(f"{run.name} ({distance:.2g})" for run, distance in rest)
    return [
        f"most like the failure {first.name!r}: distance {far:.2g}, from the band {found.from_band:.2g}. "
        f"Its cause: {first.cause}. Try: {first.remedy}",
        *([f"next nearest: {then}"] if then else []),
    ]


def check_form(path: Path) -> None:
    """Raise `InputError` if a picture cannot be written under this name."""
    if path.suffix.lower() not in FORMS:
        raise InputError(f"--out {path}: expected a name that ends in {' or '.join(FORMS)}")


def save(picture: Picture, path: Path) -> None:
    """Draw a picture as PNG or HTML, by the name; raises `ImportError` if matplotlib or Jinja2 is missing."""
    content = page(picture) if path.suffix.lower() == ".html" else png(picture)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)


def png(picture: Picture) -> bytes:
    """The picture as a PNG of `SIZE` at `DPI`."""
    from ganzoo.experiments.report.figures import canvas

    content = io.BytesIO()
    with canvas(*SIZE) as figure:
        draw(figure, picture, RUN, SECOND)
        figure.savefig(content, format="png", dpi=DPI)
    return content.getvalue()


def page(picture: Picture) -> bytes:
    """The picture and the verdict as a page that is complete in one file."""
    from ganzoo.experiments.report import figures

    templates = environment(Path(__file__).parent, Path(figures.__file__).parent)
    with figures.canvas(1.4 * SIZE[0], 1.4 * SIZE[1]) as figure:
        draw(figure, picture, figures.FIRST, figures.SECOND)
        svg = figures.inline_svg(figure, "run", f"{picture.title} over the band of healthy runs")
    found = picture.comparison
    rows = [(SIGNALS[name], each, outside(each)) for name, each in found.signals.items()] if found else []
    values = {"picture": picture, "found": found, "svg": svg, "rows": rows}
    return templates.get_template("doctor.html.j2").render(values).encode()


def draw(figure: Any, picture: Picture, run: str, second: str) -> None:
    """Draw the curves as logged, and below them each signal over its band; colors of the run and of the nearest failure."""
    names = [name for name in SIGNALS if name in picture.curves]
    rows = max(-(-len(names) // COLUMNS), 1)
    above, below = figure.subfigures(2, 1, height_ratios=(1.1, rows))
    for axes, panel in zip(above.subplots(1, len(picture.raw)), picture.raw, strict=True):
        draw_raw(axes, panel, run, second)
    panels = list(below.subplots(rows, COLUMNS, squeeze=False).flat)
    for axes, name in zip(panels, names, strict=False):
        draw_signal(axes, picture, name, run, second)
    for axes in panels[len(names) :]:
        axes.set_axis_off()


def draw_raw(axes: Any, panel: Panel, first: str, second: str) -> None:
    """The curves of both players as logged; gradient norms on a logarithmic scale."""
    from ganzoo.experiments.report.figures import plain_numbers

    for (name, values), color in zip(panel.curves.items(), (first, second), strict=False):
        axes.plot(panel.steps, values, label=name, linewidth=1, color=color)
    if panel.curves:
        axes.legend(frameon=False, fontsize=6)
    if panel.title == "gradient norm":
        axes.set_yscale("log")
        plain_numbers(axes.yaxis)
        axes.set_ylim(bottom=max(axes.dataLim.minposy, axes.dataLim.ymax / LOG_RANGE))
    axes.set_title(panel.title, fontsize=8)
    axes.tick_params(labelsize=6)


def draw_signal(axes: Any, picture: Picture, name: str, run: str, second: str) -> None:
    """One signal: the band of healthy runs, the run, and dashed the failure that the run is like."""
    at = np.arange(1, POINTS + 1) * picture.steps / POINTS
    if name in picture.bands:
        low, middle, high = np.array(picture.bands[name], float)
        axes.fill_between(at, low, high, color=run, alpha=0.2, lw=0)
        axes.plot(at, middle, color=run, lw=0.6, alpha=0.5)
    axes.plot(at, picture.curves[name], color=run, lw=1.3)
    found = picture.comparison
    if found and found.is_like_failure and name in (sick := found.nearest[0][0]).curves:
        axes.plot(at, np.array(sick.curves[name], float), color=second, lw=0.8, ls=(0, (3, 2)))
    axes.set_title(SIGNALS[name].label, fontsize=7)
    axes.tick_params(labelsize=6)
    axes.locator_params(nbins=3)
