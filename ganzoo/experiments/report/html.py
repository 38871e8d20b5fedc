"""The report of a comparison: `report.html`, a single self-contained file, and `table.md`."""

import json
from collections.abc import Sequence
from math import comb, isfinite
from pathlib import Path
from typing import Any

from ganzoo.atomic_io import write_bytes
from ganzoo.errors import missing_extra
from ganzoo.experiments.report import curves, facts, figures
from ganzoo.experiments.report.markdown import format_budget, format_cost, interval_text, results_markdown
from ganzoo.experiments.report.sample_grids import sample_grids
from ganzoo.experiments.report.table import COSTS, MIN_SEEDS_FOR_BOLD, MISSING, NOT_FINITE, results_table
from ganzoo.experiments.results_schema import CellEntry, Results
from ganzoo.experiments.statistics import coverage
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


def render_report(results: Results, folder: Path) -> str:
    """The HTML of the whole page."""
    try:
        import matplotlib  # noqa: F401

        templates = environment(Path(__file__).parent)
    except ImportError as error:
        raise missing_extra(error.name or "Jinja2", "eval", "the report of a comparison") from None
    templates.filters |= {"amount": format_cost, "given": format_budget, "setting": json.dumps}
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
    floors = results.floors | facts.exact_floors(results)
    return {
        "results": results,
        "table": table,
        "title": report_title(results),
        "floors": {name: f"{floor:.4g}" for name, floor in floors.items()},
        "machine": {"hardware": results.hardware, **results.versions},
        "plots": [plot for plot in plots if plot],
        "losses": loss_panels(cells),
        "scores": score_panels(cells),
        "grids": sorted(sample_grids(results, folder), key=lambda grid: list(cells).index(grid.name)),
        "lost": [cell for mine in cells.values() for cell in mine if cell.status == "failed"],
        "unfinished": sum(row.unfinished for row in table.rows),
        "findings": facts.summarize_findings(cells),
        "at_floor": facts.scores_at_floor_n(results),
        "measured_with": facts.measured_with(results),
        "untuned": facts.untuned_settings(results),
        "caveats": caveats(results),
    }


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


def caveats(results: Results) -> list[str]:
    """The limits of these results, one sentence or two per entry."""
    ended, jobs = {cell.status for cell in results.cells}, results.protocol.jobs
    seeds = facts.seed_counts(results)
    return [
        *([] if "unfinished" not in ended else ["Some cells are unfinished: all results may still change."]),
        f"{interval_caveat(seeds)} Among many settings some intervals do not overlap by chance: this is not a test of "
        "significance.",
        *([] if results.kind != "ablate" else false_positive_caveat(seeds[0])),
        *([] if "failed" not in ended else [FAILURES]),
        "The number of samples is part of a score's name. Several scores are biased at small n (FID upwards). Compare them "
        "with each other and with the floor, and with other work only at the same n, extractor and reference.",
        "A score depends on its feature extractor, which is part of its name. Scores of different extractors have no common "
        "scale: those of a small classifier say nothing about Inception's.",
        f"This is one data set ({results.data.spec}) and one budget ({format_budget(results.budget)}). On other data, or "
        "after longer training, the order may differ.",
        UNTUNED if not results.tuning else tuning_caveat(facts.untuned_settings(results)),
        *([] if jobs == 1 else [f"Seconds were measured with {jobs} jobs on one machine."]),
    ]


UNTUNED = (
    "Every setting used the values of its config. A setting with a low rank may only be less well tuned for this data."
)
TUNED = (
    "Every tuned setting had the same number of hyperparameter draws. Wider ranges or more draws may change the order."
)
FAILURES = (
    "A failed seed has no score. Median and interval of its setting use only the other seeds, and look better for it."
)


def tuning_caveat(but: Sequence[str]) -> str:
    """The caveat on tuning, with the settings that were not tuned."""
    return f"{TUNED} Not tuned (values of their configs): {', '.join(but)}." if but else TUNED


def interval_caveat(seeds: Sequence[int]) -> str:
    """A sentence on the coverage of intervals for these numbers of seeds."""
    shares = [f"with {n} seeds in {coverage_text(n)}" for n in seeds if n > 1]
    return (
        f"An interval contains the true median {', '.join(shares)} of cases." if shares else "One seed has no interval."
    )


def coverage_text(seeds: int) -> str:
    """The coverage of the interval of `seeds` seeds, in percent."""
    least = "at least " if seeds > 4 and seeds % 2 == 0 else ""
    return f"{least}{100 * coverage(seeds):.3g} %"


def false_positive_caveat(seeds: int) -> list[str]:
    """A sentence on the rate of false verdicts for switches without effect; only if intervals span all scores."""
    if not 2 <= seeds <= 5:
        return []
    share = 200 / comb(2 * seeds, seeds)
    return [f"By chance, {share:.2g} % of switches without effect are marked better or worse than the baseline."]
