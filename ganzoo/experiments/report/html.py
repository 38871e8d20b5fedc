"""The report of a comparison: `report.html`, a single self-contained file, and `table.md`."""

import json
import re
from collections.abc import Callable
from math import isfinite
from pathlib import Path
from typing import Any

from ganzoo.atomic_io import write_bytes
from ganzoo.errors import InputError, missing_extra, unknown_name
from ganzoo.experiments.report import curves, facts, figures
from ganzoo.experiments.report.caveats import caveats, paired_caveat
from ganzoo.experiments.report.export import scores_as_csv, scores_as_latex
from ganzoo.experiments.report.markdown import format_budget, format_cost, interval_text, results_markdown
from ganzoo.experiments.report.sample_grids import sample_grids
from ganzoo.experiments.report.schedule_panels import schedule_panels
from ganzoo.experiments.report.seeds import paired_table, seed_rows
from ganzoo.experiments.report.settings import hyperparameters, loss_texts
from ganzoo.experiments.report.table import COSTS, MIN_SEEDS_FOR_BOLD, MISSING, NOT_FINITE, results_table
from ganzoo.experiments.results import read_results
from ganzoo.experiments.results_schema import CellEntry, Results
from ganzoo.markup import environment


def write_table(results: Results, folder: Path) -> Path:
    """Write the tables as GitHub Markdown to `folder`/table.md."""
    path = folder / "table.md"
    write_bytes(path, results_markdown(results).encode())
    return path


def write_report(results: Results, folder: Path) -> Path:
    """Write `folder`/report.html; paths of grids in `results` are relative to `folder`.

    Parts that do not exist yet (summaries, scores, curves, a grid) are omitted or marked as missing. Raises `InputError`
    if the extra `eval` is not installed.
    """
    path = folder / "report.html"
    write_bytes(path, render_report(results, folder).encode())
    return path


def render_as(folder: Path, form: str) -> str:
    """The results in `folder` in one of `FORMS`, as text; raises `InputError`. Trains and writes nothing."""
    if form not in FORMS:
        raise unknown_name("format", form, FORMS)
    results = read_results(folder)
    if results is None:
        raise InputError(f"{folder} has no results.json; name the folder of a comparison with --out")
    return FORMS[form](results, folder)


def render_report(results: Results, folder: Path) -> str:
    """The HTML of the whole page."""
    try:
        import matplotlib  # noqa: F401

        templates = environment(Path(__file__).parent)
    except ImportError as error:
        raise missing_extra(error.name or "Jinja2", "eval", "the report of a comparison") from None
    templates.filters |= {
        "amount": format_cost,
        "given": format_budget,
        "setting": json.dumps,
        "lines": text_lines,
        "parts": key_parts,
    }
    templates.tests |= {"finite": lambda value: value is not None and isfinite(value)}
    templates.globals |= {
        "interval": interval_text,
        "COSTS": COSTS,
        "NONE": MISSING,
        "ENDLESS": NOT_FINITE,
        "BOLD_FROM": MIN_SEEDS_FOR_BOLD,
        "NAMED": figures.MAX_LABELS,
    }
    return templates.get_template("report.html.j2").render(template_values(results, folder))


def template_values(results: Results, folder: Path) -> dict[str, Any]:
    """The variables of the template."""
    table = results_table(results)
    cells = {row.name: results.cells_of(row.name) for row in table.rows}
    plots = [figures.quality_against_cost(results, table, i, f"cost{i}") for i in range(len(table.columns))]
    floors, paired = results.floors | facts.exact_floors(results), paired_table(results, table)
    return {
        "results": results,
        "table": table,
        "latex": scores_as_latex(table),
        "csv": scores_as_csv(table),
        "paired": paired,
        "paired_caveat": paired_caveat(paired.seeds) if paired else "",
        "seeds": seed_rows(results, table),
        "options": hyperparameters(results),
        "objectives": loss_texts(results),
        "curve_scores": list(dict.fromkeys(cell.curve_score for cell in results.cells if cell.curve_score)),
        "title": report_title(results),
        "floors": {name: f"{floor:.4g}" for name, floor in floors.items()},
        "machine": {"hardware": results.hardware, **results.versions},
        "plots": [plot for plot in plots if plot],
        "losses": loss_panels(cells),
        "scores": score_panels(cells),
        "schedules": schedule_panels(results),
        "grids": sorted(sample_grids(results, folder), key=lambda grid: list(cells).index(grid.name)),
        "lost": [cell for mine in cells.values() for cell in mine if cell.status == "failed"],
        "unfinished": sum(row.unfinished for row in table.rows),
        "findings": facts.summarize_findings(cells),
        "at_floor": facts.scores_at_floor_n(results),
        "measured_with": facts.measured_with(results),
        "untuned": facts.untuned_settings(results),
        "caveats": caveats(results),
    }


def text_lines(text: str) -> list[str]:
    """The lines of a file, with spaces for tabs; each is escaped when it is printed."""
    return text.expandtabs(4).splitlines()


def key_parts(key: str) -> list[str]:
    """The parts of a dotted key, between which a line may break."""
    return re.split(r"(?<=[._])", key)


def report_title(results: Results) -> str:
    """The title of the page: kind, number of settings, data."""
    kind = "Comparison" if results.kind == "compare" else "Ablation"
    return f"{kind} of {len(results.settings)} settings on {results.data.spec}"


def loss_panels(cells: dict[str, list[CellEntry]]) -> list[tuple[str, str]]:
    """Pairs of setting and loss figure. Each has a separate axis, because losses of two objectives are not comparable."""
    found, until = curves.panels(cells, curves.d_loss_at, curves.g_loss_at), last_step(cells)
    return [
        (c.name, figures.draw_panel(c, f"loss{i}", f"losses of {c.name}", until, c.limits()))
        for i, c in enumerate(found)
    ]


def score_panels(cells: dict[str, list[CellEntry]]) -> list[tuple[str, str]]:
    """Pairs of setting and figure of the score during training; all have the same axis."""
    found, until = curves.panels(cells, curves.score_at), last_step(cells)
    ends = curves.axis_limits(found)
    return [
        (c.name, figures.draw_panel(c, f"score{i}", f"score of {c.name}", until, ends)) for i, c in enumerate(found)
    ]


def last_step(cells: dict[str, list[CellEntry]]) -> int:
    """The last step in any log, or 1."""
    return max((point.step for mine in cells.values() for cell in mine for point in cell.curve), default=1)


FORMS: dict[str, Callable[[Results, Path], str]] = {
    "latex": lambda results, _: scores_as_latex(results_table(results)),
    "csv": lambda results, _: scores_as_csv(results_table(results)),
    "markdown": lambda results, _: results_markdown(results),
    "html": render_report,
}
"""Name of a format -> function that renders results; the paths in the results are relative to the folder."""
