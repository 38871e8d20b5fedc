"""Each page that shows measured results shows what its JSON holds: its tables are made again in memory and compared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from ganzoo.config.resolve import resolve_defaults
from ganzoo.experiments.report.markdown import results_markdown
from ganzoo.experiments.results import read_results
from ganzoo.experiments.statistics import summarize

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REPORTS = DOCS / "reports"


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture
def benchmarks(monkeypatch):
    """The scripts that write the pages can be imported."""
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))


def test_the_monitors_page(benchmarks):
    import monitor

    text = monitor.PAGE.read_text(encoding="utf-8")
    assert monitor.page(text, read(monitor.RESULTS)["runs"]) == text


def test_every_run_of_the_monitors_page_can_be_trained(benchmarks, tmp_path):
    import monitor

    every = monitor.cells(tmp_path, seeds=1)
    assert {cell.kind for cell in every} == {"failing", "healthy"} and not any(cell.done for cell in every)
    for cell in every:
        resolve_defaults(cell.config(steps=600))
    trained = {(run["kind"], run["name"]) for run in read(monitor.RESULTS)["runs"]}
    assert trained <= {(cell.kind, cell.name) for cell in every}


def test_the_page_of_the_atlas(benchmarks):
    import confusion

    from ganzoo.atlas.store import read_atlas

    text = confusion.PAGE.read_text(encoding="utf-8")
    assert confusion.page(text, read_atlas(), confusion.read_results()) == text


def test_the_interactive_page_of_the_atlas(benchmarks):
    """Not current? `python benchmarks/atlas.py --page` writes it."""
    import atlas_page

    from ganzoo.atlas.store import read_atlas

    assert atlas_page.render(read_atlas()) == atlas_page.PAGE.read_text(encoding="utf-8")


def test_the_mixtures_page(benchmarks):
    import mixtures

    text = (REPORTS / "mixtures.md").read_text(encoding="utf-8")
    assert mixtures.page(text, read(REPORTS / "mixtures.json")["runs"], seeds=10) == text


def test_the_page_of_the_laptop_recipes_and_the_readme(benchmarks):
    import laptop

    found = read(laptop.RESULTS)
    for path, write in ((laptop.PAGE, laptop.page), (laptop.README, laptop.readme)):
        text = path.read_text(encoding="utf-8")
        assert write(text, found) == text
    assert {run["cell"] for run in found} <= laptop.CELLS.keys()


def test_the_readme_takes_time_and_score_of_the_laptop_runs(benchmarks):
    import laptop

    text = laptop.README.read_text(encoding="utf-8")
    runs = [{"cell": "wgan", "seed": i, "seconds": 65.2 + i, "scores": {laptop.FID: 1.5 + i}} for i in range(3)]
    changed = laptop.readme(text, runs)
    (line,) = set(changed.splitlines()) - set(text.splitlines())
    assert line.startswith("| `wgan` |") and "| 1:05 | 2.50 | <img" in line


@pytest.mark.parametrize("name", ["laptop-trials"])
def test_the_page_of_trials(benchmarks, name):
    import trials

    plan = trials.Plan.read(name)
    text = plan.page.read_text(encoding="utf-8")
    assert trials.page(plan, text) == text and "| recipe |" in text
    assert plan.results().keys() == plan.each().keys()
    assert len(set(map(len, plan.trials.values()))) == 1, "as many for each recipe"


def test_a_trial_with_several_seeds_is_one_row_with_their_median(benchmarks, monkeypatch):
    import trials

    plan = trials.Plan("x", 1, "a-1", 1, [], ["fid-x"], {}, {"a": [{"z": 4}, {"z": 8}], "b": [{"z": 2}]}, seeds=3)
    names = list(plan.each())
    assert names == ["a-1", "b-1", "a-2", "a-1-s1", "b-1-s1", "a-2-s1", "a-1-s2", "b-1-s2", "a-2-s2"]
    assert plan.each()["a-2-s1"] == ("a", {"z": 8, "seed": 1})
    values = {"a-1": 3.0, "a-1-s1": 1.0, "a-1-s2": 2.0, "b-1-s1": 5.0}
    found = {
        name: {"recipe": plan.each()[name][0], "settings": plan.each()[name][1], "steps": 9, "scores": {"fid-x": value}}
        for name, value in values.items()
    }
    monkeypatch.setattr(trials.Plan, "results", lambda self: found)
    rows = trials.page(plan, "").splitlines()[-2:]
    assert rows[0] == "| `a` | latent.dim = 4 | 9 | 2 (1 to 3) |" and rows[1].endswith("| 5 |")


def test_the_page_of_growth(benchmarks):
    import growth_page

    text = (REPORTS / "growth.md").read_text(encoding="utf-8")
    assert growth_page.with_tables(text, read(REPORTS / "growth.json")["parts"], "growth.json") == text


COMPARISONS = sorted(path.parent.name for path in REPORTS.glob("*/results.json"))


@pytest.mark.parametrize("name", COMPARISONS)
def test_the_table_of_a_comparison(name):
    results = read_results(REPORTS / name)
    assert (REPORTS / name / "table.md").read_text(encoding="utf-8") == results_markdown(results)


@pytest.mark.parametrize("name", COMPARISONS)
def test_the_summary_of_a_comparison_is_that_of_its_cells(name):
    results = read_results(REPORTS / name)
    assert results.summary == summarize(results.cells, results.metrics)


def ranged(values: list[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def test_the_stacks_page_quotes_its_results():
    page = (REPORTS / "stacked.md").read_text(encoding="utf-8")
    cells = read(REPORTS / "stacked/results.json")["cells"]
    for name in dict.fromkeys(cell["setting"] for cell in cells):
        mine = [cell for cell in cells if cell["setting"] == name]
        modes, kl = ([cell["scores"][score] for cell in mine] for score in ("modes@26k", "kl@26k"))
        images, seconds = (median(cell["cost"][cost] for cell in mine) for cost in ("images", "seconds"))
        assert f"| {ranged(modes, 'd')} | {ranged(kl, '.2f')} | {images:,} | {seconds:.0f} |" in page, name


def test_the_page_of_techniques_quotes_its_results():
    page, results = (REPORTS / "techniques.md").read_text(encoding="utf-8"), read(REPORTS / "techniques/results.json")
    table = "\n".join(line for line in page.splitlines() if line.startswith("| "))
    medians = {row["setting"]: row["median"] for row in results["summary"] if row["protocol"] == "fid-digits@10k/test"}
    quoted = re.findall(r"`([a-z0-9-]+)` (\d+)\.(\d+)", table)
    assert len(quoted) > 20
    for name, whole, decimals in quoted:
        assert f"{whole}.{decimals}" == f"{medians[name]:.{len(decimals)}f}", name


def test_every_json_of_results_is_compared_with_a_page():
    """A new one needs a test here."""
    assert {path.stem for path in REPORTS.glob("*.json")} == {
        "monitor",
        "atlas",
        "mixtures",
        "growth",
        "laptop-recipes",
        "laptop-trials",
    }
    assert COMPARISONS == ["laptop", "stacked", "techniques"]
