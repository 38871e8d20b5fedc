"""The page docs/reports/seeds.md: its tables of claims and of runs, and the figure of the gradients."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from statistics import median
from typing import Any

from growth_page import standalone

from ganzoo.experiments.report.figures import FIRST, SECOND, canvas, inline_svg
from ganzoo.experiments.results import read_results
from ganzoo.markup import markdown_table

PLAN = Path(__file__).with_name("seeds.toml")
REPORTS = Path(__file__).parents[1] / "docs/reports"
PAGE, COLOR = REPORTS / "seeds.md", REPORTS / "seeds"
RESULTS, FIGURE = PAGE.with_suffix(".json"), PAGE.with_suffix(".svg")
NORMS = {"G, bottom": "norm/g.first", "G, top": "norm/g.last", "D, bottom": "norm/d.first", "D, top": "norm/d.last"}
SHOWN = ("frogs", "frogs-failing")
"""The runs of the figure."""
NOT_RUN = "not run yet"
Run = dict[str, Any]


def plan() -> dict[str, Any]:
    """The file benchmarks/seeds.toml."""
    return tomllib.loads(PLAN.read_text(encoding="utf-8"))


def results() -> dict[str, Run]:
    """The finished runs by name."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def middle(values: list[float | None]) -> float | None:
    """The median of the values that are finite, to four digits."""
    finite = [value for value in values if value is not None]
    return float(f"{median(finite):.4g}") if finite else None


def measured(folder: Path, metric: str) -> dict[str, str]:
    """Name -> median with interval, and its place next to the baseline's interval, of each setting of a comparison."""
    found = read_results(folder)
    if found is None:
        return {}
    protocol = next(each.protocol for each in found.metrics if each.metric == metric)
    rows = {row.setting: row for row in found.summary if row.protocol == protocol and row.median is not None}
    base = rows["baseline"]

    def cell(name: str) -> str:
        row = rows[name]
        place = "lower" if row.high < base.low else "higher" if row.low > base.high else "overlaps"
        return f"{row.median:.3f} ({row.low:.3f} to {row.high:.3f}{'' if name == 'baseline' else f', {place}'})"

    return {name: cell(name) for name in rows}


def claims_table(text: str) -> str:
    """The table of claims; the last column is that of the page `text`."""
    kept = dict(re.findall(r"^\| ([^|\n]+?) \|.*\| ([^|\n]*?) \|$", text, re.MULTILINE))
    baseline = {"text": "baseline", "source": "–", "digits": ["baseline"], "color": ["baseline"]}
    rows = [[*claim_row(claim), kept.get(claim["text"], "–")] for claim in (baseline, *plan()["claim"])]
    return markdown_table(["claim", "of", "digits", "CIFAR-10", "verdict"], rows)


def claim_row(claim: dict[str, Any]) -> list[str]:
    """Claim, source, and what each comparison and run gave."""
    metric = claim.get("metric", "fid")
    digits, color = measured(REPORTS / "techniques", metric), measured(COLOR, metric)
    colored = [shown(color, claim.get("color", []))] + [run_cell(name) for name in claim.get("runs", [])]
    return [claim["text"], claim["source"], shown(digits, claim.get("digits", [])), "; ".join(filter(None, colored))]


def shown(values: dict[str, str], names: list[str]) -> str:
    """The values of some settings."""
    return "; ".join(f"`{name}` {values.get(name, NOT_RUN)}" for name in names)


def run_cell(name: str) -> str:
    """The FID of one of the practitioner's runs."""
    scores = results().get(name, {}).get("scores", {})
    value = next((f"fid {value:.3g}" for score, value in scores.items() if score.startswith("fid")), NOT_RUN)
    return f"run `{name}` {value}"


def runs_table() -> str:
    """Scores of the practitioner's runs, and medians of D's loss and of the gradients in the first and last tenth."""
    head = ["run", "steps", "seconds", "fid, precision, recall", "D's loss", *NORMS]
    return markdown_table(head, [run_row(name, results().get(name)) for name in plan()["runs"]])


def run_row(name: str, run: Run | None) -> list[str]:
    """The row of one run."""
    if run is None:
        return [f"`{name}`", NOT_RUN, *[""] * (3 + len(NORMS))]
    tenth = -(-len(run["at"]) // 10)
    ends = {signal: [middle(values[:tenth]), middle(values[-tenth:])] for signal, values in run["curves"].items()}
    d = [None if None in pair else sum(pair) for pair in zip(ends["d/real"], ends["d/fake"], strict=True)]
    changes = [
        " to ".join("not finite" if v is None else f"{v:.3g}" for v in pair)
        for pair in [d, *map(ends.get, NORMS.values())]
    ]
    scores = ", ".join(f"{value:.3g}" for score, value in run["scores"].items() if score.endswith("/test"))
    return [f"`{name}`", f"{run['steps']:,}", f"{run['seconds']:,.0f}", scores, *changes]


def runs_part() -> str:
    """The table of the runs, the figure, and the last grid of each run that is there."""
    found = results()
    images = ["![norms of the gradients of G and D](seeds.svg)"] if SHOWN[0] in found else []
    images += [f"`{name}`:\n\n![samples](../pictures/seeds-{name}.png)" for name in plan()["runs"] if name in found]
    return "\n\n".join([runs_table(), *images])


def page(text: str) -> str:
    """The page `text` with its generated parts."""
    for name, table in (("claims", claims_table(text)), ("runs", runs_part())):
        block = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)", re.DOTALL)
        text = block.sub(lambda found, table=table: f"{found[1]}{table}\n{found[2]}", text)
    return text


def drawn(found: dict[str, Run]) -> str:
    """SVG of the gradient norms of the runs in `SHOWN`: G and D, each at the bottom (nearest to its input) and at the top."""
    shown = [name for name in SHOWN if name in found]
    with canvas(3.2 * len(shown), 4.2) as figure:
        for column, name in zip(figure.subplots(2, len(shown), squeeze=False, sharey="row").T, shown, strict=True):
            for axes, player in zip(column, "gd", strict=True):
                for end, color, label in (("first", FIRST, "bottom"), ("last", SECOND, "top")):
                    axes.plot(found[name]["at"], numbers(found[name], f"norm/{player}.{end}"), color=color, label=label)
                axes.set_yscale("log")
                axes.set_title(f"{name}: {player.upper()}", fontsize=9)
            column[1].set_xlabel("step")
        figure.axes[0].legend(frameon=False)
        figure.axes[0].set_ylabel("norm of the gradient")
        return standalone(
            inline_svg(figure, "seeds", "Gradient norms of the first and last weights of G and D"), figure
        )


def numbers(run: Run, signal: str) -> list[float]:
    """A curve, with gaps where it is not finite or 0, which has no logarithm."""
    return [value or float("nan") for value in run["curves"][signal]]
