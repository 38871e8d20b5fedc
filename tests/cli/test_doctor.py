"""`ganzoo doctor` on runs that were written down rather than trained."""

from __future__ import annotations

import json
import sys

import pytest
from PIL import Image

from ganzoo import api, cli
from ganzoo.cli.diagnose import WIDTH, spark
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data


def ganzoo(*words: object) -> int:
    return cli.run([str(word) for word in words])


def printed(capsys) -> str:
    """Everything on stdout, with the wrapped lines joined."""
    return " ".join(capsys.readouterr().out.split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return api.train(small("nsgan", train={"steps": 6}), toy_data(), tmp_path_factory.mktemp("doctor") / "run")


@pytest.fixture
def ill(run, tmp_path):
    """The same run with a gradient that exploded in its log."""
    records = RunDir(run).records()
    for record in records[1:]:
        record["terms"]["norm/d"] = 4000.0
    sick = RunDir(tmp_path / "ill")
    sick.create(RunDir(run).config())
    for record in records:
        sick.append(record)
    return sick


def test_a_healthy_run(run, tmp_path, capsys):
    picture = tmp_path / "new/x.png"
    assert ganzoo("doctor", run, "--out", picture) == 0
    text = printed(capsys)
    assert "nsgan, logged to step 6 of 6 (6 D steps, 6 G steps)" in text
    assert "pixel diversity" in text and "diversity: mean distance of two samples over that of two real images" in text
    assert "no failure found" in text and str(picture) in text
    assert Image.open(picture).size == (960, 720)


def test_what_the_log_shows_is_said_though_nothing_was_said_while_training(ill, capsys):
    assert ganzoo("doctor", ill.folder) == 0
    text = printed(capsys)
    assert "[gradient-explodes] step 6: a gradient norm is far above its first value" in text
    assert "(norm/d 4e+03, norm/d at first " in text and "; lower both learning rates" in text
    assert (ill.folder / "doctor.png").exists()


def test_rules_that_have_too_few_records_are_named(run, tmp_path, capsys):
    assert ganzoo("doctor", run, "--out", tmp_path / "x.png") == 0
    text = printed(capsys)
    few = "too few records (6) for: samples-alike, oscillates, d-is-fooled (needs 25); d-loss-spreads (needs 40)"
    assert f"no failure found {few}" in text
    assert ganzoo("doctor", run, "--json") == 0
    needs = json.loads(capsys.readouterr().out)["too_few_records"]
    assert needs == {"samples-alike": 25, "oscillates": 25, "d-is-fooled": 25, "d-loss-spreads": 40}


def rewritten(folder, config, records):
    """A run with this config and log."""
    made = RunDir(folder)
    made.create(config)
    for record in records:
        made.append(record)
    return folder


def test_what_needs_no_history_is_said_of_a_run_that_has_hardly_begun(run, tmp_path, capsys):
    """Rates of 1000: G's loss at 2e8, no gradient, and far too few records for any other rule."""
    records = RunDir(run).records()[:3]
    for record in records:
        record["terms"] |= {"g/adv": 4.7e9, "norm/g": 0.0}
    folder = rewritten(tmp_path / "run", RunDir(run).config(), records)
    assert ganzoo("doctor", folder, "--json") == 0
    found = json.loads(capsys.readouterr().out)["findings"]
    assert [(each["rule"], each["step"]) for each in found] == [("loss-explodes", 1), ("gradient-vanishes", 1)]


def test_a_d_that_has_won_with_soft_targets_is_named(run, tmp_path, capsys):
    """Its loss cannot fall below the entropy of 0.9."""
    records = RunDir(run).records()
    for record in records:
        record["terms"] |= {"d/real": 0.3253, "d/fake": 0.0004, "score/apart": 1.0}
    config = RunDir(run).config()
    soft = config.model_copy(update={"loss": config.loss | {"real_target": [0.9, 0.9]}})
    for settings, rules in ((soft, ["d-has-won"]), (config, [])):
        folder = rewritten(tmp_path / str(len(rules)), settings, records)
        assert ganzoo("doctor", folder, "--json") == 0
        assert [each["rule"] for each in json.loads(capsys.readouterr().out)["findings"]] == rules


def test_what_was_said_while_training_is_said_once(ill, capsys):
    ill.append_finding(
        {"step": 5, "rule": "gradient-explodes", "text": "said", "figures": {}, "fatal": False, "rollbacks": 0}
    )
    assert ganzoo("doctor", ill.folder, "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)["findings"]
    assert (found["rule"], found["text"]) == ("gradient-explodes", "said")


def test_a_number_that_is_not_finite_leaves_a_gap(ill, capsys):
    record = RunDir(ill.folder).records()[-1]
    ill.append(record | {"step": 7, "terms": record["terms"] | {"d/real": None, "norm/g": None}})
    assert ganzoo("doctor", ill.folder) == 0
    assert "[not-finite] step 7: a number became NaN or infinite (d/real = nan, norm/g = nan)" in printed(capsys)


def test_without_matplotlib_the_plots_stay_and_a_line_says_how_to_get_the_picture(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert ganzoo("doctor", run, "--out", tmp_path / "x.png") == 0
    text = printed(capsys)
    assert "no plot" in text and "pip install 'ganzoo-torch[eval]'" in text and "D's loss" in text


def test_a_picture_of_another_kind_is_refused_before_anything_is_said(run, tmp_path, capsys):
    for name in ("x.txt", "x"):
        assert ganzoo("doctor", run, "--out", tmp_path / name) == 2
        printed = capsys.readouterr()
        line = f"ganzoo: --out {tmp_path / name}: expected a name that ends in .png or .html\n"
        assert printed.err == line and not printed.out


def test_what_is_no_run_is_refused(tmp_path, run, capsys):
    assert ganzoo("doctor", tmp_path) == 2
    assert "is not a run" in capsys.readouterr().err
    empty = RunDir(tmp_path / "empty")
    empty.create(RunDir(run).config())
    assert ganzoo("doctor", empty.folder) == 2
    assert "has logged nothing yet" in capsys.readouterr().err


@pytest.mark.parametrize("line", ['{"step": 3, "te', "[]", "{}", "\udcff"])
def test_a_line_of_the_log_that_is_broken_is_named(line, ill, capsys):
    text = ill.metrics.read_text().splitlines()
    ill.metrics.write_text("\n".join([*text[:2], line, *text[2:]]) + "\n", errors="surrogateescape")
    assert ganzoo("doctor", ill.folder, "--json") == 2
    said = capsys.readouterr().err
    assert f"{ill.metrics}, line 3: not a JSON table with a step" in said and said.count("\n") == 1


def test_a_spark_line_runs_from_its_lowest_to_its_highest():
    assert spark([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert spark([float("nan"), 1.0, 1.0]) == " ▁▁" and len(spark(list(range(1000)))) == WIDTH


def test_the_output_fits_80_columns(run, monkeypatch, capsys):
    monkeypatch.chdir(run.parent)
    assert ganzoo("doctor", run.name) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def test_a_run_is_drawn_over_the_band_of_its_loss(ill, capsys, tmp_path):
    page = tmp_path / "x.html"
    assert ganzoo("doctor", ill.folder, "--out", page) == 0
    text = printed(capsys)
    assert "healthy runs of nsgan on digits (none on memory)" in text and "D's gradient ▲▲" in text.replace("·", "")
    assert "most like the failure" in text and "Its cause: " in text and " Try: " in text and "next nearest: " in text
    html = page.read_text(encoding="utf-8")
    assert html.count("<svg") == 1 and "D&#39;s gradient" in html and "most like the failure" in html
    assert "http://" not in html.replace("http://www.w3.org/", "") and "https://" not in html and "<script" not in html


def test_the_comparison_is_part_of_the_json(ill, capsys):
    assert ganzoo("doctor", ill.folder, "--json") == 0
    found = json.loads(capsys.readouterr().out)["atlas"]
    assert found["like_failure"] and len(found["nearest"]) == 3
    assert found["nearest"][0].keys() == {"name", "distance", "cause", "remedy"}
    assert found["signals"]["norm/d"]["inside"] is False


def test_a_loss_that_the_atlas_lacks_is_said_to_be_missing(run, tmp_path, capsys):
    config = RunDir(run).config()
    other = config.model_copy(update={"loss": {"name": "vaegan"}})
    folder = rewritten(tmp_path / "run", other, RunDir(run).records())
    assert ganzoo("doctor", folder, "--json") == 0
    assert "(none of loss 'vaegan')" in json.loads(capsys.readouterr().out)["atlas"]["band"]


def csv(tmp_path, rows: int = 40):
    path = tmp_path / "log.csv"
    lines = [f"{step * 10},{0.7 - step / 200},{0.8 + step / 100},{1e4 if step > 9 else 3}" for step in range(rows)]
    path.write_text("\n".join(["iter,loss_D,loss_G,grad", *lines]) + "\n")
    return path


def test_the_curves_of_another_program_are_diagnosed(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = csv(tmp_path)
    asked = ("doctor", "--csv", path.name, "--map", "step=iter,d=loss_D,g=loss_G,norm/d=grad")
    assert ganzoo(*asked, "--loss", "lsgan", "--out", "x.png") == 0
    text = printed(capsys)
    assert "log.csv: 40 rows, to step 390" in text and "healthy runs of lsgan on digits" in text
    assert "[gradient-explodes] step 140" in text and "most like the failure" in text
    assert Image.open("x.png").size == (960, 720)
    assert ganzoo(*asked, "--steps", 3900, "--json") == 0
    found = json.loads(capsys.readouterr().out)["atlas"]
    assert found["band"].startswith("all ") and found["band"].endswith("healthy runs")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["log.csv", "x.png"]


def test_wrong_uses_of_csv_are_one_line(run, tmp_path, capsys):
    path = csv(tmp_path)
    for words, line in (
        ((), "give a run, as in: ganzoo doctor runs/mine; or a file: --csv FILE --map d=loss_D,g=loss_G"),
        ((run, "--csv", path), "give a run, as in"),
        (("--csv", path), "has no column 'step'; its columns: iter, loss_D, loss_G, grad; see --map"),
        (("--csv", path, "--map", "step=iter,d=loss_D", "--steps", 5), "--steps 5: "),
        (("--csv", tmp_path / "none.csv"), "none.csv"),
    ):
        assert ganzoo("doctor", *words) == 2
        said = capsys.readouterr()
        assert line in said.err and said.err.count("\n") == 1 and not said.out
