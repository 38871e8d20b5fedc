"""Each page that shows measured results shows what its JSON holds: its tables are made again in memory and compared."""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import median
from typing import Any

import pytest
import torch
from torch.nn.functional import softplus

from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.builder import resolve_config
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.tables import flatten
from ganzoo.experiments.report.markdown import results_markdown
from ganzoo.experiments.results import read_results
from ganzoo.experiments.statistics import summarize
from ganzoo.losses import LOSSES
from ganzoo.parts import load_plugins
from small_runs import toy_data

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
REPORTS = DOCS / "reports"


def read(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


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
    assert {run["cell"] for run in found} <= laptop.CELLS.keys() == laptop.times().keys()


def test_the_readme_takes_steps_and_score_of_the_laptop_runs(benchmarks):
    import laptop

    text = laptop.README.read_text(encoding="utf-8")
    runs = [{"cell": "wgan", "seed": i, "steps": 1234, "scores": {laptop.FID: 1.5 + i}} for i in range(3)]
    seconds = round(laptop.times()["wgan"] * 1234)
    changed = laptop.readme(text, runs)
    (line,) = set(changed.splitlines()) - set(text.splitlines())
    assert line.startswith("| `wgan` |") and f"| 1,234 | {seconds} | 2.50 | <img" in line


@pytest.mark.parametrize("name", ["laptop-trials", "photos-trials"])
def test_the_page_of_trials(benchmarks, name):
    import trials

    plan = trials.Plan.read(name)
    text = plan.page.read_text(encoding="utf-8")
    assert trials.page(plan, text) == text and "| recipe |" in text
    assert plan.results().keys() == plan.each().keys()


def test_every_laptop_recipe_has_as_many_trials(benchmarks):
    import trials

    assert set(map(len, trials.Plan.read("laptop-trials").trials.values())) == {3}


def test_a_trial_with_several_seeds_is_one_row_with_their_median(benchmarks, monkeypatch):
    import trials

    plan = trials.Plan("x", [], ["fid-x"], {"a": [{"z": 4}, {"z": 8}], "b": [{"z": 2}]}, seeds=3)
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


def test_the_page_of_the_seeds(benchmarks):
    import seeds_page

    text = seeds_page.PAGE.read_text(encoding="utf-8")
    assert seeds_page.page(text) == text
    plan, found = seeds_page.plan(), seeds_page.results()
    assert found.keys() <= plan["runs"].keys()
    assert seeds_page.FIGURE.exists() == (seeds_page.SHOWN[0] in found)
    rows = re.findall(r"^\| (.+?) \|.*\| (.*?) \|$", text.partition("<!-- end of claims")[0], re.MULTILINE)
    assert [claim["text"] for claim in plan["claim"]] == [claim for claim, _ in rows[3:]]
    assert all(verdict for _, verdict in rows)


@pytest.mark.filterwarnings("ignore:a transposed convolution with kernel")
def test_every_run_of_the_seeds_page_can_be_trained(benchmarks, tmp_path):
    """A setting has what it says, on noise in the place of CIFAR-10; a claim names what is trained."""
    import seeds

    plan, settings = seeds.plan(), seeds.color_settings()
    load_plugins([seeds.ONE_BATCH])
    data = toy_data(24, 32, 3, 10)
    for name, own in settings.items():
        path = tmp_path / f"{name}.toml"
        path.write_text(seeds.recipe(plan["color"], own))
        config = resolve_config(make_config(str(path)), data)
        values = flatten(config.model_dump(mode="json")) | {f"tricks.{t}": True for t in config.tricks}
        assert {key: values[key] for key in own if key != "train.critic_warmup"} == own and config.variant == name
        assert values["networks.generator.width"] in (32, 64) and values["data.spec"] == "cifar10"
    LOSSES.pop("one-batch")
    for name, (recipe, *rest) in plan["runs"].items():
        config = make_config(recipe, overrides(rest[1:]))
        assert len(config.data.classes) == (10 if name == "all-classes" else 1) and config.loss["real_label"] == 0
    for claim in plan["claim"]:
        assert claim.get("color") or claim.get("runs")
        assert set(claim.get("color", [])) <= settings.keys() and set(claim.get("runs", [])) <= plan["runs"].keys()


def test_the_rows_and_the_figure_of_the_practitioners_runs(benchmarks, monkeypatch):
    import seeds
    import seeds_page

    terms = {"d/real": 0.25, "d/fake": 0.5, "norm/g.first": 1.0, "norm/d.first": None}
    records = [{"step": i, "terms": terms | {"norm/g.last": float(i)}} for i in range(1, 121)]
    run = {"steps": 6000, "seconds": 1234.5, "scores": {"fid-x/test": 12.345, "fid-x/train": 9.0}} | seeds.curves(
        records
    )
    assert run["at"][:3] == [1, 3, 5] and run["curves"]["norm/g.last"][:2] == [1.5, 3.5] and len(run["at"]) == 60
    row = seeds_page.run_row("frogs", run)
    assert row[:5] == ["`frogs`", "6,000", "1,234", "12.3", "0.75 to 0.75"]
    assert row[5:] == ["1 to 1", "6.5 to 114", "not finite to not finite", "not finite to not finite"]
    monkeypatch.setattr(seeds_page, "results", lambda: {"frogs": run})
    text = seeds_page.page("a <!-- runs -->\n\n<!-- end of runs --> b")
    assert text.startswith("a ") and text.endswith(" b") and seeds_page.page(text) == text
    assert text.count("](seeds.svg)") == text.count("](../pictures/seeds-frogs.png)") == text.count("](") / 2 == 1
    assert "| `cars` | not run yet |" in text
    assert seeds_page.drawn({"frogs": run, "frogs-failing": run}).count("<path") > 4


def test_d_of_one_batch_judges_both_sides_together(benchmarks):
    import one_batch

    def judge(samples):
        assert len(samples) == 4 and samples.labels is None
        return DiscriminatorOutput(samples.images, score=samples.images.flatten() - samples.images.mean())

    real, fake = Batch(torch.tensor([4.0, 2.0]), torch.zeros(2)), Batch(torch.tensor([1.0, 1.0]), torch.zeros(2))
    loss, scores = one_batch.OneBatch(), torch.tensor([2.0, 0.0, -1.0, -1.0])
    expected = {"real": softplus(-scores[:2]).mean(), "fake": softplus(scores[2:]).mean()}
    torch.testing.assert_close(loss.penalty(judge, real, fake), expected)
    alone = DiscriminatorOutput(real.images, score=real.images)
    assert loss.d_loss(alone, alone) == {"separate": 0}
    LOSSES.pop("one-batch", None)


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


def test_the_page_of_the_race(benchmarks):
    import race

    text, races = race.PAGE.read_text(encoding="utf-8"), read(race.RESULTS)
    assert race.page(text, races) == text and race.PICTURE.exists()
    assert {each["loss"] for each in races} == race.PUBLISHED.keys()


def test_a_level_is_reached_when_the_score_is_first_that_low(benchmarks):
    import race

    curve = [(10.0, 5.0), (20.0, 3.0), (30.0, 4.5)]
    assert [race.reached(curve, level) for level in (5.0, 4.0, 2.0)] == [10.0, 20.0, None]
    races = [{"loss": "nsgan", "curves": {"textbook": [(30.0, 4.0)], "ganzoo": curve}}]
    rows = [line for line in race.page(race.MARK, races).splitlines() if line.startswith("| `nsgan`")]
    assert rows[-1] == "| `nsgan` | 3 | not in the race | 20 | - |" and "| `nsgan` | 5 | 30 | 10 | 3.0 |" in rows


def test_the_monitor_reads_the_record_that_is_timed(benchmarks):
    import overheads

    players = {player: {"width": 4} for player in ("generator", "discriminator")}
    made = overheads.trainer("nsgan", {"networks": players, "train": {"batch_size": 8, "precision": "float32"}})
    # After three steps G has hardly learned, and its samples are still alike.
    assert made.step == 3 and [finding.rule for finding in overheads.watch(made)] == ["samples-alike"]


def test_every_json_of_results_is_compared_with_a_page():
    """A new one needs a test here."""
    assert {path.stem for path in REPORTS.glob("*.json")} == {
        "monitor",
        "atlas",
        "mixtures",
        "growth",
        "laptop-recipes",
        "laptop-times",
        "laptop-trials",
        "photos-trials",
        "race",
        "seeds",
    }
    planned = ["seeds"] if (REPORTS / "seeds").exists() else []
    assert sorted(COMPARISONS) == sorted(["laptop", "stacked", "techniques", *planned])
