"""The headline as GitHub Markdown."""

from __future__ import annotations

import re

import pytest
from synthetic_results import FID, KID, renamed, synthetic, typed

from ganzoo.experiments.budget import Budget
from ganzoo.experiments.report import html
from ganzoo.experiments.report.markdown import escape_text, format_budget, format_cost


@pytest.fixture
def results(tmp_path):
    return synthetic(tmp_path, ["nsgan", "lsgan", "wgan", "ebgan"], side=20)


def write_table(results, folder):
    """Of results as they are read from a file."""
    return html.write_table(typed(results), folder)


def tables(text: str) -> list[list[list[str]]]:
    """The cells of each table, told apart as GitHub does."""
    found = [part.splitlines() for part in text.strip().split("\n\n") if part.startswith("|")]
    return [[[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in part] for part in found]


def test_the_table_says_what_results_say(results, tmp_path):
    path = write_table(results, tmp_path)
    assert path == tmp_path / "table.md"
    (head, _, *rows, floor), others, paired = tables(path.read_text(encoding="utf-8"))
    shown = {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows}
    best = next(s for s in results["summary"] if s["setting"] == "nsgan" and s["protocol"] == FID)
    text = shown["nsgan"][f"{FID}, lower is better"]
    assert [float(number) for number in re.findall(r"[\d.]+", text)] == pytest.approx(
        [best["median"], best["low"], best["high"]], abs=0.005
    )
    assert shown["ebgan"]["failed"] == "5 of 5" and shown["ebgan"][f"{FID}, lower is better"] == "–"
    assert shown["wgan"]["failed"] == "2 of 5" and shown["wgan"]["images"] == "128,000"
    assert floor[1] == "1.20"
    assert others[0] == ["setting", f"{KID}, lower is better"] and others[-1] == ["real images (floor)", "0.00040"]
    assert [row[0] for row in others[2:-1]] == [row[0] for row in rows]
    assert [row[0] for row in paired[2:]] == [row[0] for row in rows if row[0] != "nsgan"], "nsgan is the control"
    fids, base = ([c["scores"][FID] for c in results["cells"] if c["setting"] == name] for name in ("lsgan", "nsgan"))
    lowest, _, middle, _, highest = sorted(one - other for one, other in zip(fids, base, strict=True))
    lsgan, wgan, ebgan = (next(row for row in paired if row[0] == name) for name in ("lsgan", "wgan", "ebgan"))
    assert lsgan[1] == f"{middle:+.2f} ({lowest:+.2f} to {highest:+.2f}), better in 1 of 5"
    assert wgan[1].endswith("better in 0 of 3") and ebgan[1:] == ["–", "–"]


def test_the_protocol_stands_above_it(results, tmp_path):
    first = write_table(results, tmp_path).read_text(encoding="utf-8").splitlines()[0]
    for words in ("mnist", "2,000 steps", "seeds 0, 1, 2, 3, 4", "10,000 samples against test", "averaged weights"):
        assert words in first


def test_only_the_first_is_bold_and_the_text_says_what_that_means(results, tmp_path):
    for entry in results["summary"]:
        entry |= {"overlaps": [], "n": 4 * bool(entry["n"])}
    text = write_table(results, tmp_path).read_text(encoding="utf-8")
    assert [row[0] for row in tables(text)[0] if "**" in row[1]] == ["nsgan"]
    assert "bold: rank 1 with an interval that overlaps no other, if all settings have 4 seeds or more" in text
    results["summary"][0]["overlaps"] = ["lsgan"]
    assert "**" not in write_table(results, tmp_path).read_text(encoding="utf-8").split("\n\n")[1]


def test_what_is_not_finite_is_said_to_be_none_and_comes_last(results, tmp_path):
    for entry in results["summary"]:
        if entry["setting"] == "nsgan":
            entry |= {"median": None, "high": None, "rank": 3, "overlaps": ["lsgan"]}
    text = write_table(results, tmp_path).read_text(encoding="utf-8")
    found, *_ = tables(text)
    row = next(row for row in found if row[0] == "nsgan")
    assert row[1].startswith("none (") and row[1].endswith(" to none)") and '"none" is a number' in text


def test_floors_at_other_numbers_and_computed_ones_stand_below(results, tmp_path):
    few = {KID: {"n": 2000, "floor": 0.5, "value": None}}
    many = {FID: {"spread": None, "reference_n": 9, "details": {"kl_floor_data": 0.0236, "k": 3}}}
    for cell in results["cells"]:
        cell |= {"at_floor": few, "details": many} if cell["status"] == "done" else {}
    text = write_table(results, tmp_path).read_text(encoding="utf-8")
    assert tables(text)[2][2] == ["nsgan", KID, "2,000", "0.5", "none"] and "k: 3" not in text
    assert text.split("\n\n")[4] == escape_text(f"{FID}, kl_floor_data: 0.0236"), "before the paired differences"


def test_it_says_how_the_settings_were_tuned_and_which_were_not(results, tmp_path):
    settings = {name: {"chosen": i, "not_drawn": {}, "trials": []} for name, i in (("nsgan", 1), ("lsgan", None))}
    tuned = results | {"tuning": {"draws": 7, "seed": 10000, "split": "train", "settings": settings}}
    assert "tuned with 7 draws per setting (except lsgan)." in write_table(tuned, tmp_path).read_text(encoding="utf-8")


def test_no_name_breaks_the_table(results, tmp_path):
    name = "a|b\n<script>*x*`y`[z](u)$1$"
    first, found, paired = tables(write_table(renamed(results, "nsgan", name), tmp_path).read_text(encoding="utf-8"))
    for table, rows in ((first, 7), (found, 7), (paired, 5)):
        assert {len(line) for line in table} == {len(table[0])} and len(table) == rows
    shown = next(line[0] for line in found if "script" in line[0])
    assert re.sub(r"\\(.)", r"\1", shown) == name.replace("\n", " ")
    assert not re.search(r"(?<!\\)[<*`\[$]", shown)


def test_the_config_keys_that_differ_stand_below(results, tmp_path):
    for setting, gamma in zip(results["settings"], (None, 1.0, 2.0, None), strict=True):
        setting["config"] = {"train.steps": 5, "data.spec": "a|b"} | (
            {} if gamma is None else {"tricks.r1.gamma": gamma}
        )
    *_, found = tables(write_table(results, tmp_path).read_text(encoding="utf-8"))
    assert found[0] == ["config key", "nsgan", "lsgan", "wgan", "ebgan"]
    assert found[2:] == [["`tricks.r1.gamma`", "–", "`1.0`", "`2.0`", "–"]]


def test_before_there_is_a_score_there_is_a_table(results, tmp_path):
    empty = results | {"summary": [], "metrics": [], "floors": {}, "cells": []}
    (found,) = tables(write_table(empty, tmp_path).read_text(encoding="utf-8"))
    assert len(found) == 2 + 4 + 1 and {len(line) for line in found} == {len(found[0])}


@pytest.mark.parametrize(
    ("amount", "words"),
    [(0.25, "0.25"), (0.001, "0.001"), (5.0, "5"), (2.5, "2.5"), (2000, "2,000"), (12345678, "12,345,678")],
)
def test_no_figure_of_a_budget_is_lost(amount, words, results, tmp_path):
    budget = {"unit": "minutes", "amount": amount}
    assert format_budget(Budget(**budget)) == f"{words} minutes"
    assert f" {words} minutes each" in write_table(results | {"budget": budget}, tmp_path).read_text(encoding="utf-8")


def test_costs_are_whole_from_ten_on():
    assert [format_cost(v) for v in (None, 0, 3, 3.14159, 83.4, 128000)] == ["–", "0", "3", "3.1", "83", "128,000"]
    assert escape_text("fid-digits@10k/test") == "fid-digits@10k/test", "no backslash where none is needed"
