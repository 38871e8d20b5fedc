"""The scores as LaTeX and CSV, and `ganzoo compare --format`, which prints what is in a folder."""

from __future__ import annotations

import csv
import io
import json
import re

import pytest
from extras import need
from synthetic_results import FID, KID, renamed, synthetic, typed

from ganzoo import cli
from ganzoo.experiments.report.export import latex, scores_as_csv, scores_as_latex
from ganzoo.experiments.report.html import FORMS, render_as
from ganzoo.experiments.report.table import COSTS, results_table

need("jinja2", "matplotlib")

EVIL = "a_b & 50% {x} $y$ #1 ~ ^ \\ \n end"


@pytest.fixture
def results(tmp_path):
    made = synthetic(tmp_path, ["nsgan", "wgan", "ebgan"], side=20)
    return made | {"cells": [cell | {"curve": []} for cell in made["cells"]]}


def summary(results, name, protocol):
    return next(row for row in results["summary"] if (row["setting"], row["protocol"]) == (name, protocol))


def test_csv_has_every_number_of_the_table(results):
    rows = list(csv.DictReader(io.StringIO(scores_as_csv(results_table(typed(results))))))
    assert [row["setting"] for row in rows] == ["nsgan", "wgan", "ebgan"]
    for protocol in (FID, KID):
        for key in ("median", "low", "high"):
            assert float(rows[0][f"{protocol} {key}"]) == pytest.approx(summary(results, "nsgan", protocol)[key])
        assert (rows[1][f"{protocol} seeds"], rows[1][f"{protocol} rank"]) == ("3", "2")
        assert (rows[2][f"{protocol} seeds"], rows[2][f"{protocol} rank"], rows[2][f"{protocol} median"]) == (
            "0",
            "",
            "",
        )
    assert rows[0][f"{FID} floor"] == "1.2" and [row["failed"] for row in rows] == ["0", "2", "5"]
    assert list(rows[0])[-len(COSTS) :] == list(COSTS.values()) and rows[0]["images"] == "128000"


def test_latex_is_a_booktabs_table_of_all_scores(results):
    for row in results["summary"]:
        row |= {"n": 4 * bool(row["n"]), "overlaps": []}
    text = scores_as_latex(results_table(typed(results)))
    head, *body = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert text.startswith("\\begin{tabular}{lrr}\n\\toprule\n") and text.endswith("\\bottomrule\n\\end{tabular}\n")
    assert head == rf"setting & {FID} $\downarrow$ & {KID} $\downarrow$ \\"
    first = summary(results, "nsgan", FID)
    assert body[0].startswith(
        rf"nsgan & \textbf{{{first['median']:.2f}}} ({first['low']:.2f} to {first['high']:.2f}) & "
    )
    assert body[2] == r"ebgan & -- & -- \\" and body[3] == r"real images (floor) & 1.20 & 0.00040 \\"
    assert {line.count(" & ") for line in (head, *body)} == {2}


def test_what_has_a_meaning_in_latex_or_csv_is_escaped(results):
    table = results_table(typed(renamed(results, "nsgan", EVIL)))
    assert latex("-1") == "-1" and latex("–") == "--"
    row = next(line for line in scores_as_latex(table).splitlines() if line.startswith("a"))
    assert row.startswith(
        r"a\_b \& 50\% \{x\} \$y\$ \#1 \textasciitilde{} \textasciicircum{} \textbackslash{} \textbackslash{}n end & "
    )
    (name, *_), *_ = list(csv.reader(io.StringIO(scores_as_csv(table))))[1:]
    assert name == EVIL.replace("\n", r"\n")


def test_what_is_not_finite_is_none_and_a_minus_is_in_math_mode(results):
    lost = [s | ({"high": None} if s["setting"] == "nsgan" else {}) for s in results["summary"]]
    table = results_table(typed(results | {"summary": lost, "floors": {FID: -3.0}}))
    assert re.search(r"nsgan & [\d.]+ \([\d.]+ to none\)", scores_as_latex(table))
    assert "real images (floor) & $-$3.0" in scores_as_latex(table)
    assert next(csv.DictReader(io.StringIO(scores_as_csv(table))))[f"{FID} high"] == "none"


@pytest.fixture
def folder(results, tmp_path):
    (tmp_path / "results.json").write_text(json.dumps(results))
    return tmp_path


def ganzoo(*words: object) -> int:
    return cli.run([str(word) for word in words])


@pytest.mark.parametrize("form", FORMS)
def test_a_finished_folder_is_printed_and_nothing_is_trained_or_written(form, folder, capsys):
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert ganzoo("compare", "--out", folder, "--format", form) == 0
    printed = capsys.readouterr()
    assert printed.out.rstrip("\n") == render_as(folder, form).rstrip("\n") and not printed.err
    assert {"latex": r"\toprule", "csv": "setting,", "markdown": "| setting |", "html": "</html>"}[form] in printed.out
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "OUT", "--format", "latexx"], "did you mean 'latex'?"),
        (["--out", "OUT/cells", "--format", "csv"], "has no results.json"),
        (["nsgan", "--out", "OUT", "--format", "csv"], "keep only --out"),
        (["--seeds", "3", "--out", "OUT", "--format", "csv"], "keep only --out"),
        (["--set", "train.steps=3", "--out", "OUT", "--format", "csv"], "keep only --out"),
    ],
)
def test_wrong_words_are_one_line_and_exit_2(words, says, folder, capsys):
    assert ganzoo("compare", *(word.replace("OUT", str(folder)) for word in words)) == 2
    printed = capsys.readouterr()
    assert says in printed.err and printed.err.count("\n") == 1 and not printed.out
