"""`ganzoo compare` and `ganzoo ablate` as they are typed."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ganzoo import cli
from ganzoo.evaluation import EXTRACTORS
from ganzoo.experiments import local_pool
from tiny_extractor import tiny

SMALL = [
    word
    for setting in (
        "latent.dim=2",
        "networks.generator.width=8",
        "networks.discriminator.width=8",
        "train.batch_size=8",
    )
    for word in ("--set", setting)
]


def ganzoo(*words: object) -> int:
    return cli.run([str(word) for word in words])


def test_points_are_compared_by_their_modes_in_one_command_and_then_only_added_to(tmp_path, capsys):
    words = ["--data", "ring", "--budget", "steps=3", "-n", 200, "--out", tmp_path / "out", *SMALL]
    assert ganzoo("compare", "nsgan", "--seeds", 1, *words) == 0
    printed = capsys.readouterr()
    opening, finished = printed.err.splitlines()
    assert opening.startswith("1 run: 1 setting, 1 seed, steps=3 each, 1 at a time, in ") and "Ctrl-C" in opening
    assert "report.html" in printed.out and finished.startswith("[1/1] nsgan-s0: modes@200")
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert [metric["metric"] for metric in results["metrics"]] == ["modes", "high_quality", "reverse_kl"]
    assert results["floors"]["modes@200"] == 8 and results["protocol"]["n"] == 200
    page = (tmp_path / "out/report.html").read_text()
    assert "modes@200" in page and results["command"] in page
    typed = results["command"].split()[1:]
    assert typed[-2:] == ["--set", f"train.threads={results['protocol']['threads']}"], "--jobs is not in it"
    assert ganzoo(*typed) == 0, "the command that the results name is the one that made them"
    assert json.loads((tmp_path / "out/results.json").read_text())["cells"] == results["cells"]
    assert ganzoo(*typed, "-n", 300) == 2 and "protocol.n: 200 -> 300" in capsys.readouterr().err


def test_an_ablation_takes_the_steps_of_the_recipe_and_the_switches_of_the_table(tmp_path, monkeypatch, capsys):
    begun = []
    monkeypatch.setattr(local_pool.LocalPool, "run_jobs", lambda self, jobs, report: begun.extend(jobs))
    words = ["--switch", "replay", "--switch", "r1", "--switch", "all", "--seeds", 1, "--out", tmp_path / "out"]
    assert ganzoo("ablate", "nsgan", "--data", "ring", "--set", "train.steps=7", *words) == 0
    configs = {job.folder.name: job.config for job in begun}
    assert {"baseline-s0", "replay-s0", "all-s0"} <= configs.keys()
    assert {config.train.steps for config in configs.values()} == {7}
    assert not configs["baseline-s0"].tricks and list(configs["replay-s0"].tricks) == ["replay"]
    assert len(configs["all-s0"].tricks) > 2
    refused = json.loads((tmp_path / "out/results.json").read_text())["refused"]
    assert any(each["setting"].startswith("all without ") for each in refused)
    listed = [f"{each['setting']}: {each['reason']}" for each in refused]
    assert [line.removeprefix("not trained: ") for line in capsys.readouterr().err.splitlines()[1:]] == listed
    last = (tmp_path / "out/table.md").read_text(encoding="utf-8").split("Not trained:\n\n")[1]
    assert len(last.splitlines()) == len(refused) and last.startswith(f"- all without {refused[0]['setting'][12:]}: ")


@pytest.mark.parametrize("budget", ["steps=4", "minutes=1"])
def test_where_a_player_may_step_again_only_minutes_are_equal(budget, tmp_path, monkeypatch):
    begun = []
    monkeypatch.setattr(local_pool.LocalPool, "run_jobs", lambda self, jobs, report: begun.extend(jobs))
    words = ["--switch", "thresholds", "--switch", "all", "--seeds", 1, "--out", tmp_path / "out", "--budget", budget]
    assert ganzoo("ablate", "nsgan", "--data", "ring", "--quiet", *words) == 0
    limits = {job.folder.name: job.config.train.loss_thresholds.d for job in begun}
    refused = {each["setting"] for each in json.loads((tmp_path / "out/results.json").read_text())["refused"]}
    if budget == "steps=4":
        assert limits == {"baseline-s0": None, "all-s0": None}
        assert {"thresholds", "all without thresholds"} <= refused
    else:
        assert limits == {"baseline-s0": None, "thresholds-s0": 1.0, "all-s0": 1.0}


def test_a_score_is_asked_only_of_the_rows_that_can_have_it(tmp_path, monkeypatch):
    """Without labels there is no class to be right about."""
    begun = []
    monkeypatch.setattr(local_pool.LocalPool, "run_jobs", lambda self, jobs, report: begun.extend(jobs))
    words = ["--seeds", 1, "--budget", "steps=3", "-n", 20, "--metrics", "fid,class_accuracy", "--quiet"]
    assert ganzoo("compare", "nsgan", "cgan", *words, "--out", tmp_path / "out") == 0
    asked = {job.folder.name: job.measure.metrics for job in begun}
    assert asked == {"nsgan-s0": ["fid"], "cgan-s0": ["fid", "class_accuracy"]}
    assert json.loads((tmp_path / "out/results.json").read_text())["protocol"]["metrics"] == ["fid", "class_accuracy"]


def test_the_extractor_that_was_asked_for_scores_every_cell_and_its_time_is_said_once(tmp_path, monkeypatch, capsys):
    begun = []
    monkeypatch.setattr(local_pool.LocalPool, "run_jobs", lambda self, jobs, report: begun.extend(jobs))
    monkeypatch.setitem(EXTRACTORS, "tiny", lambda: tiny(slow=True))
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))  # without features of reals from an earlier run
    words = ["compare", "nsgan", "lsgan", "--seeds", 2, "--budget", "steps=3", "-n", 20, "--out", tmp_path / "out"]
    assert ganzoo(*words, "--extractor", "tiny") == 0
    assert {job.measure.extractor for job in begun} == {"tiny"}
    results = json.loads((tmp_path / "out/results.json").read_text())
    assert results["protocol"]["extractor"] == "tiny" and "--extractor tiny" in results["command"]
    # Four cells of 20 samples, and 20 images of either split.
    assert capsys.readouterr().err.splitlines()[0] == "tiny on the CPU: about 0 minutes for 120 images"
    assert ganzoo(*words, "--extractor", "tiny") == 0
    assert "tiny on the CPU" not in capsys.readouterr().err


def test_a_single_image_is_refused_before_anything_is_written(tmp_path, capsys):
    np.savez(tmp_path / "one.npz", images=np.zeros((1, 32, 32, 3), np.uint8))
    words = ["--data", f"npz:{tmp_path / 'one.npz'}", "--budget", "steps=3", "--out", tmp_path / "out"]
    assert ganzoo("compare", "nsgan", *words) == 2
    assert "one has one image; a score needs two" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["compare", "--budget", "steps=3"], "which variants?"),
        (["compare", "nsgan"], "which budget?"),
        (["compare", "nsgan", "--budget", "3"], "expected steps=N"),
        (["compare", "nsgan", "--budget", "hours=3"], "expected steps=N"),
        (["compare", "nsgam", "--budget", "steps=3"], "did you mean 'nsgan'?"),
        (["compare", "nsgan", "--budget", "steps=3", "--seeds", "0"], "--seeds must be at least 1"),
        (["compare", "nsgan", "--budget", "steps=3", "--data", "rong"], "did you mean 'ring'?"),
        (["compare", "nsgan", "--budget", "steps=3", "--data", "ring", "--metrics", "fid"], "needs images"),
        (["compare", "nsgan", "--budget", "steps=3", "--data", "ring", "--metrics", "modez"], "did you mean 'modes'?"),
        (["compare", "nsgan", "--budget", "steps=3", "--data", "ring", "-n", "1"], "at least 2 samples"),
        (
            ["compare", "nsgan", "--budget", "steps=3", "--data", "ring", "--metrics", "kl"],
            "no count of modes for ring",
        ),
        (["compare", "nsgan", "--budget", "steps=3", "--metrics", "kid", "-n", "3"], "kid needs at least 4 samples"),
        (["compare", "nsgan", "--budget", "steps=3", "--metrics", "class_accuracy"], "a model that takes labels"),
        (["compare", "nsgan", "--budget", "steps=3", "--extractor", "digit"], "did you mean 'digits'?"),
        (
            ["compare", "nsgan", "--budget", "steps=3", "--data", "ring", "--extractor", "digits"],
            "without an extractor",
        ),
        (["compare", "nsgan", "--budget", "steps=3", "--data", "ring", "--set", "train.eval_every=5"], "are points"),
        (["compare", "nsgan", "--budget", "steps=3", "--set", "train.bach=3"], "did you mean 'train.batch_size'?"),
        (["compare", "nsgan", "--budget", "steps=3", "--plugin", "/no.py"], "no such Python file"),
        (["compare", "nsgan", "--budget", "minutes=1", "--jobs", "2"], "one cell at a time"),
        (["compare", "nsgan", "--budget", "minutes=1", "--cluster", "local"], "one cell at a time"),
        (["ablate", "nsgan"], "which switches?"),
        (["ablate", "nsgan", "--switch", "replya"], "did you mean 'replay'?"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(words, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ganzoo(*words, "--out", "out") == 2
    printed = capsys.readouterr()
    assert says in printed.err and printed.err.count("\n") == 1 and "Traceback" not in printed.err
    assert not printed.out and not list(tmp_path.iterdir())
