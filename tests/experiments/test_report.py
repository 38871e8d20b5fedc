"""What stands in the page of a comparison, read without a browser."""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any

import pytest
from extras import need
from synthetic_results import FID, KID, NAMES, SETTING, renamed, synthetic, typed, without_curves

from ganzoo.config.tables import flatten
from ganzoo.errors import InputError
from ganzoo.experiments.report import figures
from ganzoo.experiments.report.caveats import false_positive_caveat, interval_caveat
from ganzoo.experiments.report.export import scores_as_csv, scores_as_latex
from ganzoo.experiments.report.html import render_report, write_report, write_table
from ganzoo.experiments.report.markdown import results_markdown
from ganzoo.experiments.report.schedule_panels import ScheduleUse, schedule_panels
from ganzoo.experiments.report.table import results_table
from ganzoo.experiments.results import read_results
from ganzoo.schedules import Schedule

need("jinja2", "matplotlib")

MEGABYTES = 3
VOID = {"meta", "img", "br", "wbr", "link", "input", "hr"}
RUN = ["nsgan", "wgan", "ebgan"]
COMMITTED = sorted((Path(__file__).parents[2] / "docs/reports").glob("*/results.json"))


class Page(HTMLParser):
    """Every element with its attributes and text; fails on one that is never closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[dict[str, Any]] = []
        self.open: list[dict[str, Any]] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attrs):
        self.elements.append(
            {"tag": tag, "attributes": dict(attrs), "text": "", "inside": [e["tag"] for e in self.open]}
        )
        if tag not in VOID:
            self.open.append(self.elements[-1])

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open.pop()["tag"] == tag

    def handle_data(self, data):
        for element in self.open:
            element["text"] += data if element["tag"] != "tr" else f" {data} "

    def all(self, tag: str) -> list[dict[str, Any]]:
        return [element for element in self.elements if element["tag"] == tag]

    @property
    def text(self) -> str:
        return " ".join(self.all("body")[0]["text"].split())

    def rows(self) -> dict[str, list[str]]:
        """The headline by setting: the texts of the cells behind the name."""
        table = self.elements[self.elements.index(self.all("table")[0]) :]
        found: dict[str, list[str]] = {}
        for element in table:
            if element["tag"] == "table" and element is not table[0]:
                break
            if element["tag"] == "th" and element["attributes"].get("scope") == "row":
                name = element["text"]
                found[name] = []
            elif element["tag"] == "td" and "tr" in element["inside"] and found:
                found[name].append(element["text"].strip())
        return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("comparison")


@pytest.fixture(scope="module")
def results(folder) -> dict[str, Any]:
    return synthetic(folder, RUN, side=66)


@pytest.fixture(scope="module")
def bare(results) -> dict[str, Any]:
    return without_curves(results)


@pytest.fixture(scope="module")
def page(results, folder) -> Page:
    return read(results, folder)


def read(results: dict[str, Any], folder: Path) -> Page:
    path = write_report(typed(results), folder)
    assert path == folder / "report.html"
    return Page(path.read_text(encoding="utf-8"))


def test_the_headline_says_what_results_say(page, results):
    rows = page.rows()
    assert list(rows) == ["nsgan", "wgan", "ebgan", "real images (floor)"]
    nsgan = next(s for s in results["summary"] if s["setting"] == "nsgan" and s["protocol"] == FID)
    rank, median, interval, failed, *costs = rows["nsgan"]
    assert rank.split()[0] == "1" and float(median) == pytest.approx(nsgan["median"], abs=0.005)
    assert [float(v) for v in interval.split(" to ")] == pytest.approx([nsgan["low"], nsgan["high"]], abs=0.005)
    assert failed == "0 of 5" and costs[:3] == ["2,000", "2,000", "128,000"]
    assert rows["wgan"][3] == "2 of 5"
    assert rows["ebgan"][:4] == ["–", "–", "–", "5 of 5"]
    assert rows["real images (floor)"][1] == "1.20"


def test_only_the_first_is_strong_and_only_where_it_overlaps_nothing(bare, folder):
    assert read(bare, folder).all("strong") == [], "three seeds of wgan survived"
    enough = [s | {"n": 4 * bool(s["n"])} for s in bare["summary"]]
    assert len(read(bare | {"summary": enough}, folder).all("strong")) == 2, "the first by either score"
    touching = [s | {"overlaps": [n for n in RUN[:2] if n != s["setting"]] if s["n"] else []} for s in enough]
    assert read(bare | {"summary": touching}, folder).all("strong") == []


def test_all_that_a_reader_must_know_is_there(page, results):
    for words in (
        results["command"],
        results["hardware"],
        results["versions"]["torch"],
        results["data"]["digest"],
        "last step, averaged weights (EMA)",
        "10,000 samples measured against the test split",
        "floor 1.20",
        "loss is not finite at step 900",
        "cells/ebgan-s3",
        "D has won",
        "0, 1, 2, 3, 4 (5 of 5)",
        "An interval contains the true median with 3 seeds in 75 %, with 5 seeds in 93.8 % of cases.",
        "not a test of significance",
        "One training seed per setting",
        "use only the other seeds, and look better for it",
    ):
        assert words in page.text, words


def test_the_scores_can_be_copied_as_latex_and_csv(page, results, folder):
    texts = {e["attributes"]["id"]: e["text"] for e in page.all("pre") if "id" in e["attributes"]}
    table = results_table(typed(results))
    assert texts == {"latex": scores_as_latex(table), "csv": scores_as_csv(table)}
    assert [e["attributes"]["data-copy"] for e in page.all("button") if "data-copy" in e["attributes"]] == [*texts]


def test_figures_curves_and_grids_are_in_the_page(page):
    figures = [e["attributes"] for e in page.all("svg") if e["attributes"].get("role") == "img"]
    labels = [attributes["aria-label"] for attributes in figures]
    assert sum("against seconds" in label for label in labels) == 2
    assert [label for label in labels if "losses" in label] == [f"losses of {name}" for name in RUN]
    assert [label for label in labels if label.startswith("score of")] == [f"score of {name}" for name in RUN]
    pictures = [e["attributes"] for e in page.all("img")]
    assert all(p["src"].startswith("data:image/png;base64,") for p in pictures)
    assert [p["alt"].split(",")[0] for p in pictures] == [f"Samples of {name}" for name in RUN]
    captions = [e["text"] for e in page.all("figcaption")]
    assert "the median of 5 by fid" in captions[0] and "failed" in captions[2]


def test_the_seed_shown_has_the_median_score(page, results):
    scores = {c["seed"]: c["scores"][FID] for c in results["cells"] if c["setting"] == "nsgan"}
    seed = sorted(scores, key=scores.get)[2]
    assert page.all("figcaption")[0]["text"].startswith(f"seed {seed},")


def test_the_scores_during_training_have_a_name(results, folder):
    kid = "kid-digits@1k/train"
    cells = [c | {"curve_score": kid if c["setting"] == "nsgan" else None} for c in results["cells"]]
    assert f"{kid} by step, with the same axis" in read(results | {"cells": cells}, folder).text


def test_the_page_refers_to_nothing_outside_itself(page):
    for element in page.elements:
        for name, value in element["attributes"].items():
            if name in ("src", "href", "xlink:href", "data", "action", "poster", "srcset"):
                assert value.startswith(("data:image/png;base64,", "#")), (element["tag"], name, value[:80])
            assert not re.search(r"url\((?!#)", value or ""), value
    assert not page.all("link") and not page.all("base") and "@import" not in page.all("style")[0]["text"]
    assert "url(" not in page.all("style")[0]["text"] and len(page.all("script")) == 1
    policy = next(e["attributes"]["content"] for e in page.all("meta") if "http-equiv" in e["attributes"])
    assert policy.startswith("default-src 'none'")


def test_who_does_not_see_the_page_can_read_it(page):
    for th in page.all("th"):
        assert th["attributes"].get("scope") in ("col", "row", "colgroup"), th
    for svg in page.all("svg"):
        assert svg["attributes"].get("aria-label") or svg["attributes"].get("aria-hidden") == "true"
    ids = [e["attributes"]["id"] for e in page.elements if "id" in e["attributes"]]
    assert len(ids) == len(set(ids))
    labels = {e["attributes"]["aria-labelledby"] for e in page.elements if "aria-labelledby" in e["attributes"]}
    assert labels <= set(ids)
    levels = [int(e["tag"][1]) for e in page.elements if re.fullmatch("h[1-6]", e["tag"])]
    assert levels[0] == 1 and all(b <= a + 1 for a, b in pairwise(levels))
    assert page.all("html")[0]["attributes"]["lang"] == "en"


def test_whatever_the_user_wrote_is_text(bare, folder):
    evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>&amp;{{ 7*7 }}"
    found = renamed(bare, "wgan", evil)
    found["command"] = found["hardware"] = evil
    found["data"] = found["data"] | {"spec": evil, "name": evil}
    found["settings"][0] |= {"variant": evil, "overrides": {evil: evil}, "switches": [evil]}
    found["refused"] = [{"setting": evil, "reason": evil}]
    found["versions"] = found["versions"] | {evil: evil, "ganzoo": evil}
    found["protocol"] = found["protocol"] | {"checkpoint": evil, "set": {evil: evil}}
    for cell in found["cells"]:
        cell |= {"finding": evil, "folder": evil, "findings": [{"rule": evil, "step": 1}]}
    shown = read(found, folder)
    assert len(shown.all("script")) == 1 and len(shown.all("img")) == 3
    assert not [e for e in shown.elements if "onerror" in e["attributes"]]
    assert evil in shown.rows() and f"Comparison of 3 settings on {evil}" == shown.all("h1")[0]["text"]
    assert shown.text.count("{{ 7*7 }}") > 15


SCRIPT = "<script>hacked = 1</script>"
RECIPE = f'# {SCRIPT} {{{{ 7*7 }}}} & "quotes" </pre>\nextends = "nsgan"\n\n[train]\n\tbatch_size = 32\n'
FORMULAS = "L_D = E max(0, 1 - D(x))    eq. 1\nL_G = -E D(g)"


def with_sources(results: dict[str, Any]) -> dict[str, Any]:
    """Configs, files and losses of three settings."""
    made = [
        {"loss.name": "nsgan", "train.lr": 1e-3, "train.steps": 9, "tricks": {}},
        {"loss.name": "nsgan", "train.lr": 2e-3, "train.steps": 9, "tricks.r1.gamma": 1.0},
        {"loss.name": SCRIPT, "train.lr": 1e-3, "train.steps": 9, "tricks": {}, f"data.{SCRIPT}": SCRIPT},
    ]
    settings = [setting | {"config": config} for setting, config in zip(results["settings"], made, strict=True)]
    files = [{"name": f"{SCRIPT}.toml", "sha256": "ab" * 32, "text": RECIPE}]
    files += [{"name": "mine.py", "sha256": "cd" * 32, "text": f"# {SCRIPT}\nx = '\x1b[31m'\n"}]
    losses = {"nsgan": f"The paper. Author, 2014, https://x.org\n\n{FORMULAS}\n\nTwo\nlines {SCRIPT}.", SCRIPT: ""}
    return results | {"settings": settings, "files": files, "losses": losses}


@pytest.fixture(scope="module")
def sourced(bare, folder) -> Page:
    return read(with_sources(bare), folder)


def table_rows(page: Page, label: str) -> list[list[str]]:
    """The texts of the cells of the table in the box with this label, row by row."""
    box = next(i for i, e in enumerate(page.elements) if e["attributes"].get("aria-label") == label)
    rows: list[list[str]] = []
    for element in page.elements[box + 2 :]:
        if element["tag"] == "table":
            break
        if element["tag"] == "tr":
            rows.append([])
        elif element["tag"] in ("th", "td"):
            rows[-1].append(element["text"].strip())
        elif element["tag"] == "section":
            break
    return rows


def test_hyperparameters_that_differ_are_a_table_and_the_others_are_folded(sourced):
    differ = table_rows(sourced, "Hyperparameters that differ")
    assert differ == [
        ["key", "nsgan", "wgan", "ebgan"],
        [f"data.{SCRIPT}", "–", "–", f'"{SCRIPT}"'],
        ["loss.name", '"nsgan"', '"nsgan"', f'"{SCRIPT}"'],
        ["train.lr", "0.001", "0.002", "0.001"],
        ["tricks.r1.gamma", "–", "1.0", "–"],
    ]
    assert table_rows(sourced, "Hyperparameters that are equal") == [["key", "value"], ["train.steps", "9"]]
    box = next(e for e in sourced.elements if e["attributes"].get("aria-label") == "Hyperparameters that are equal")
    assert "details" in box["inside"] and "1 keys that are equal in all settings" in sourced.text


def test_settings_with_an_equal_schedule_share_its_panel(bare, folder):
    rate = {"from": 2e-3, "to": 0.0, "over": 100, "warmup": 10}
    table = {"steps": 200, "batch_size": 8, "generator": {"lr": rate, "betas": [0.0, rate | {"from": 0.9}]}}
    settings = [SETTING | {"name": n, "variant": n, "config": flatten({"train": table})} for n in RUN]
    settings[2]["config"] = flatten({"train": table | {"steps": 300}})
    panels = schedule_panels(typed(bare | {"settings": settings}))
    lr, beta2 = "train.generator.lr", "train.generator.betas[1]"
    assert [panel[:2] for panel in panels] == [
        (key, names) for names in ("nsgan, wgan", "ebgan") for key in (lr, beta2)
    ]
    page = Page(render_report(typed(bare | {"settings": settings}), folder))
    assert lr in [each["text"] for each in page.elements if each["tag"] == "h3"]
    curve = ScheduleUse(lr, Schedule(**rate), 200, 8).curves().lines[0].band
    assert list(curve[0][:5]) == [0, 3, 5, 8, 10]
    assert curve[2][:5] == pytest.approx([0, 6e-4, 1e-3, 1.6e-3, 2e-3])


def test_every_loss_has_its_paper_its_formulas_and_its_settings(sourced):
    assert FORMULAS in [e["text"].strip() for e in sourced.all("pre")]
    assert "The paper. Author, 2014, https://x.org Used by nsgan, wgan." in sourced.text
    assert f"Two lines {SCRIPT}." in sourced.text
    assert "The loss has no docstring, so its paper and formulas are unknown. Used by ebgan." in sourced.text


def test_the_text_of_every_file_is_there_and_runs_nothing(sourced):
    assert len(sourced.all("script")) == 1 and sourced.text.count("{{ 7*7 }}") == 1
    texts = [e["text"] for e in sourced.all("pre")]
    assert RECIPE.replace("\t", "    ") in texts and f"# {SCRIPT}\nx = '\\x1b[31m'\n" in texts
    summaries = [" ".join(e["text"].split()) for e in sourced.all("summary")]
    assert {f"{SCRIPT}.toml {'ab' * 32}", f"mine.py {'cd' * 32}"} <= {*summaries}


def test_results_without_configs_and_files_have_a_page_without_them(page, bare, folder):
    titles = {"Hyperparameters", "Loss functions", "Recipes and plugins"}
    assert not titles & {h["text"] for h in page.all("h2")}
    some = with_sources(bare)
    some["settings"][1] = bare["settings"][1]
    assert "Not recorded by the version that trained them: wgan." in read(some, folder).text


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.parent.name)
def test_what_older_versions_wrote_has_a_page_and_a_table(path, tmp_path, monkeypatch):
    monkeypatch.setattr(figures, "quality_against_cost", lambda *_: None)  # most of the time of a page
    results = read_results(path.parent)
    cells = [cell.model_copy(update={"curve": []}) for cell in results.cells]
    page = Page(render_report(results.model_copy(update={"cells": cells}), tmp_path))
    control = "baseline" if results.kind == "ablate" else results.settings[0].name
    assert f"Each setting minus {control}, seed by seed" in page.text
    assert len(table_rows(page, "Paired differences")) == 2 + len(results.settings) - 1
    assert len(table_rows(page, "Numbers by seed")) == 1 + len(results.cells)
    assert "Hyperparameters" not in {h["text"] for h in page.all("h2")}
    assert f"Each setting minus {control} over the seeds" in results_markdown(results)


def test_every_seed_has_a_row_with_all_scores(page, results):
    head, *rows = table_rows(page, "Numbers by seed")
    assert head == ["setting, seed", "status", FID, KID, "G steps", "seconds"] and len(rows) == len(results["cells"])
    cell = next(c for c in results["cells"] if (c["setting"], c["seed"]) == ("wgan", 1))
    row = next(row for row in rows if row[0] == "wgan, 1")
    assert [float(row[2]), float(row[3])] == pytest.approx([cell["scores"][p] for p in (FID, KID)], abs=0.005)
    assert row[1] == "done" and row[4] == "2,000"
    assert next(row for row in rows if row[0] == "ebgan, 0")[1:4] == ["failed", "–", "–"]


def test_differences_are_over_the_seeds_that_both_finished(page, results, folder):
    *_, wgan, ebgan = table_rows(page, "Paired differences")
    scores = {(c["setting"], c["seed"]): c["scores"].get(FID) for c in results["cells"]}
    found = sorted(scores["wgan", seed] - scores["nsgan", seed] for seed in range(3))
    assert wgan[:4] == ["wgan", f"{found[1]:+.2f}", f"{found[0]:+.2f} to {found[2]:+.2f}", "0 of 3"]
    assert ebgan == ["ebgan", *["–"] * 6]
    assert (
        "Each setting minus nsgan" in page.text and "with 3 seeds in 75 % of cases. With up to five seeds" in page.text
    )
    alone = {"settings": results["settings"][:1], "cells": results["cells"][:5], "summary": results["summary"][:1]}
    assert "Paired differences" not in read(without_curves(results | alone), folder).text


def unfinished(results: dict[str, Any]) -> dict[str, Any]:
    nothing = {
        "status": "unfinished",
        "finding": None,
        "cost": None,
        "curve": [],
        "findings": [],
        "grid": None,
        "scores": {},
    }
    return results | {"cells": [c | nothing for c in results["cells"]], "summary": [], "metrics": [], "floors": {}}


def test_before_anything_is_finished_there_is_a_page(bare, folder):
    page = read(unfinished(bare), folder)
    assert "15 of 15 cells are unfinished" in page.all("header")[0]["text"]
    assert "No cell has a score yet." in page.text and page.all("img") == []
    assert page.rows()["nsgan"][0] == "0 of 5, 5 unfinished"
    assert not [h for h in page.all("h2") if h["text"] in ("Losses", "Samples", "Quality against cost")]


def test_the_budget_is_said_as_it_was_given(bare, folder):
    page = read(bare | {"budget": {"unit": "minutes", "amount": 0.25}}, folder)
    assert "0.25 minutes each" in page.all("header")[0]["text"] and "one budget (0.25 minutes)" in page.text


def test_where_all_failed_that_is_what_the_page_says(bare, folder):
    lost = [c | {"status": "failed", "scores": {}, "finding": "NaN"} for c in bare["cells"]]
    summary = [s | dict.fromkeys(("median", "low", "high", "rank")) | {"n": 0, "overlaps": []} for s in bare["summary"]]
    page = read(bare | {"cells": lost, "summary": summary}, folder)
    assert [row[3] for row in list(page.rows().values())[:3]] == ["5 of 5"] * 3
    assert page.text.count("NaN") == 15 and page.all("strong") == []
    assert all("failed" in caption["text"] for caption in page.all("figcaption"))


def test_what_the_scores_were_measured_with_and_against_is_told(bare, folder):
    with_ = {
        "extractor": {"name": "digits", "sha256": "5" * 64},
        "data": {"splits": {"test": {"count": 2000, "digest": "ab" * 32}}},
    }
    drawn = ["seeds 0 to n - 1", "seeds 0 to n - 1; in turn"]  # a row without labels and one with
    details = {KID: {"spread": None, "reference_n": 2000, "details": {}}}
    cells = [
        cell | {"measured_with": with_ | {"samples": samples}, "details": details}
        for cell, samples in zip(bare["cells"], cycle(drawn), strict=False)
    ]
    page = read(bare | {"cells": cells}, folder)
    for words in (
        "digits, weights 5555555555555555",
        "2,000 images, digest abababababababab",
        "against 2,000 real images",
        "seeds 0 to n - 1, or seeds 0 to n - 1; in turn",
    ):
        assert words in page.text


def test_who_was_not_tuned_is_named(bare, folder):
    tuning = {
        "draws": 7,
        "seed": 10000,
        "split": "train",
        "settings": {name: {"chosen": i, "not_drawn": {}, "trials": []} for name, i in (("wgan", None), ("nsgan", 0))},
    }
    text = read(bare | {"tuning": tuning}, folder).text
    assert "for each setting except wgan. The best" in text and "Not tuned (values of their configs): wgan." in text


def test_a_grid_that_is_gone_is_said_to_be(bare, folder):
    gone = [c | {"grid": "nowhere/x.png"} if c["setting"] == "wgan" else c for c in bare["cells"]]
    page = read(bare | {"cells": gone}, folder)
    assert len(page.all("img")) == 2 and page.text.count("The grid cannot be read.") == 1


def test_one_seed_has_no_interval_and_none_is_strong(bare, folder):
    alone = [s | {"n": min(1, s["n"])} for s in bare["summary"]]
    page = read(bare | {"summary": alone}, folder)
    assert page.rows()["nsgan"][2] == "one seed" and page.all("strong") == []


@pytest.mark.parametrize(
    ("seeds", "words"),
    [
        ([1], "One seed has no interval."),
        ([2], "An interval contains the true median with 2 seeds in 50 % of cases."),
        ([1, 2, 3], "with 2 seeds in 50 %, with 3 seeds in 75 % of cases."),
        ([6], "in at least 78.1 %"),
    ],
)
def test_how_far_the_interval_of_so_many_seeds_can_be_trusted_is_said(seeds, words):
    assert words in interval_caveat(seeds)


def test_the_seeds_that_count_are_those_of_the_scores(bare, folder):
    """One setting has two seeds where others have five: nothing is said as if all had."""
    fewer = [s | {"n": 2} if s["setting"] == "nsgan" else s for s in bare["summary"]]
    page = read(bare | {"kind": "ablate", "summary": fewer}, folder)
    assert (
        "with 2 seeds in 50 %" in page.text
        and "33 % of switches without effect are marked better or worse" in page.text
    )


def test_what_is_not_finite_is_told_and_breaks_no_figure(bare, folder):
    lost = {"nsgan": ("high",), "wgan": ("low", "median", "high")}
    summary = [s | dict.fromkeys(lost.get(s["setting"], ()) if s["n"] else ()) for s in bare["summary"]]
    page = read(bare | {"summary": summary}, folder)
    rank, median, interval, *_ = page.rows()["wgan"]
    assert (rank.split()[0], median, interval) == ("2", "none", "none to none")
    assert page.rows()["nsgan"][2].endswith(" to none")
    numbers = [value for e in page.elements for name, value in e["attributes"].items() if name not in ("aria-label",)]
    assert not [value for value in numbers if re.search(r"\b(inf|nan)\b", value or "")]
    figures = [e["text"] for e in page.all("svg") if "against seconds" in e["attributes"].get("aria-label", "")]
    assert len(figures) == 2 and all("nsgan" in text and "wgan" not in text for text in figures)


def test_what_was_refused_tuned_and_measured_at_another_n_is_told(bare, folder):
    found = bare | {
        "refused": [{"setting": "wgan-gp", "reason": "batch norm in D"}],
        "tuning": {"draws": 7, "seed": 10000, "split": "train", "settings": {}},
        "cells": [c | {"at_floor": {KID: {"n": 2000, "floor": 0.5, "value": c["seed"]}}} for c in bare["cells"]],
    }
    page = read(found, folder)
    assert "wgan-gp: batch norm in D" in page.text and "7 hyperparameter draws" in page.text
    row = next(tr["text"].split() for tr in page.all("tr") if "2,000" in tr["text"] and "0.5" in tr["text"])
    assert row == ["nsgan", KID, "2,000", "0.5", "2"]
    lost = [c | {"at_floor": {KID: {"n": 2000, "floor": 0.5, "value": None}}} for c in bare["cells"]]
    rows = [tr["text"].split() for tr in read(bare | {"cells": lost}, folder).all("tr") if "2,000" in tr["text"]]
    assert ["nsgan", KID, "2,000", "0.5", "none"] in rows


def test_an_ablation_says_what_is_better_than_its_baseline_and_how_often_by_chance(bare, folder):
    ablation = renamed(bare | {"kind": "ablate"}, "wgan", "baseline")
    for entry in ablation["summary"]:
        entry["overlaps"] = []
    page = read(ablation, folder)
    assert page.rows()["nsgan"][2].endswith(", better") and "better" not in page.rows()["baseline"][2]
    assert "10 % of switches without effect are marked better or worse than the baseline" in page.text, (
        "of three seeds, as one has"
    )
    assert "by chance" in read(bare, folder).text and "baseline" not in read(bare, folder).text
    text = write_table(typed(ablation), folder).read_text(encoding="utf-8")
    assert ", better)" in text and "does not overlap the baseline's" in text
    assert [false_positive_caveat(n) for n in (1, 6)] == [[], []] and "10 %" in false_positive_caveat(3)[0]


def test_ten_variants_with_five_seeds_stay_under_three_megabytes(tmp_path):
    """Grids of 64 colour images of 64 pixels, and of noise, which no PNG makes smaller."""
    results = synthetic(tmp_path, NAMES, side=530, channels=3, files=1)
    grid = tmp_path / results["cells"][0]["grid"]
    assert grid.stat().st_size > 800_000
    for cell in results["cells"]:
        cell["curve"] = [r | {"step": r["step"] * 50} for r in cell["curve"]]
    page = read(results, tmp_path)
    assert len(page.all("img")) == 10 and len(NAMES) == 10 and len(results["cells"]) == 50
    assert 500_000 < (tmp_path / "report.html").stat().st_size < MEGABYTES * 1_000_000


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_a_missing_extra_is_one_line(package, bare, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{package}.*\[eval\]"):
        write_report(typed(bare), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_the_same_results_give_the_same_bytes(bare, folder):
    assert write_report(typed(bare), folder).read_bytes() == write_report(typed(bare), folder).read_bytes()
