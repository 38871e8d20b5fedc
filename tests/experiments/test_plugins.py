"""`--plugin` in comparisons: the user's file runs where the cells do, and belongs to the command that repeats them."""

from __future__ import annotations

import json

import pytest
from stand_ins import here, how, request, shared, written
from test_local_pool import WORKER

from ganzoo import cli
from ganzoo.atomic_io import sha256_hex
from ganzoo.experiments import local_pool, runner
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.ray_cluster import run_remote_job, unpack
from ganzoo.losses import LOSSES
from ganzoo.parts import load_plugins
from ganzoo.training.run_dir import RunDir

MINE = """
from ganzoo.losses import NSGAN

class Mine(NSGAN):
    '''Mine, 2026, https://arxiv.org/abs/0'''
    name = "mine"
"""
POINTS = ["--data", "ring", "--seeds", 1, "-n", 50, "--set", "train.batch_size=8"]


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    monkeypatch.setattr(runner, "write_report", lambda results, folder: folder)


@pytest.fixture
def files(tmp_path):
    """A plugin, and a variant that needs it."""
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "own.toml").write_text('extends = "nsgan"\n[loss]\nname = "mine"\n')
    return tmp_path / "mine.py", tmp_path / "own.toml"


@pytest.fixture
def jobs(monkeypatch):
    """The jobs that a command gives to its workers, which do nothing."""
    given = []
    monkeypatch.setattr(local_pool.LocalPool, "run_jobs", lambda self, jobs, report: given.extend(jobs))
    return given


def ganzoo(*words: object) -> int:
    """A command in a process that knows no plugin yet."""
    LOSSES.pop("mine", None)
    return cli.run([str(word) for word in words])


def test_a_worker_of_another_machine_runs_what_the_command_has_read(files, tmp_path):
    """What Ray calls there, where the file is not."""
    plugin, variant = files
    sources = load_plugins([plugin])
    plugin.unlink()

    def away(jobs, report):
        for job in jobs:
            outcome, content = run_remote_job(job, WORKER)
            job.folder.mkdir(parents=True)
            unpack(content, job.folder)
            report(job, outcome)

    asked = request(tmp_path, (str(variant),), tables=shared(tmp_path), seeds=1, plugins=sources)
    runner.run_comparison(Plan(asked, how), away, say=lambda line: None)
    assert [cell["status"] for cell in written(asked.out)["cells"]] == ["done"]
    assert RunDir(asked.out / "cells/own-s0").config().loss["name"] == "mine"


def test_a_comparison_with_a_plugin_names_it_in_the_command_and_keeps_to_it(files, tmp_path, monkeypatch, capsys):
    (plugin, variant), out = files, tmp_path / "out"
    monkeypatch.setattr(local_pool.LocalPool, "run_jobs", lambda self, jobs, report: here(jobs, report, None))
    words = ["compare", variant, *POINTS, "--budget", "steps=2", "--plugin", plugin, "--out", out, "--quiet"]
    assert ganzoo(*words) == 0
    results = json.loads((out / "results.json").read_text())
    assert f" --plugin {plugin} " in results["command"]
    assert results["protocol"]["plugins"] == {"mine.py": sha256_hex(MINE.encode())}
    assert ganzoo(*results["command"].split()[1:], "--quiet") == 0
    plugin.write_text(MINE + "\n")
    assert ganzoo(*words) == 2 and "protocol.plugins.mine.py" in capsys.readouterr().err


def test_an_ablation_takes_plugins_too_and_several(files, tmp_path, jobs):
    plugin, variant = files
    other = MINE.replace("Mine", "Other").replace("mine", "other")
    (tmp_path / "other.py").write_text(other)
    words = ["--switch", "replay", "--set", "train.steps=2", "--plugin", plugin, "--plugin", tmp_path / "other.py"]
    assert ganzoo("ablate", variant, *POINTS, *words, "--out", tmp_path / "out", "--quiet") == 0
    sources = {str(plugin): MINE, str(tmp_path / "other.py"): other}
    assert [job.plugins for job in jobs] == [sources, sources], "the baseline and the switch"


NO_RECIPE = "mine has no recipe: using that of nsgan, with loss.name = 'mine'"


def test_the_name_of_a_loss_stands_for_nsgans_recipe_with_it(files, tmp_path, jobs):
    words = ["--budget", "steps=2", "--plugin", files[0], "--out", tmp_path / "out", "--quiet"]
    with pytest.warns(UserWarning, match=NO_RECIPE):
        assert ganzoo("compare", "nsgan", "mine", *POINTS, *words) == 0
    base, mine = (job.config for job in jobs)
    assert mine == base.model_copy(update={"variant": "mine", "about": mine.about, "loss": mine.loss})
    assert (base.loss["name"], mine.loss["name"]) == ("nsgan", "mine")
    assert mine.about == "Mine, 2026, https://arxiv.org/abs/0 On the recipe of nsgan."


def test_an_ablation_takes_that_name(files, tmp_path, jobs):
    words = ["--switch", "replay", "--budget", "steps=2", "--plugin", files[0], "--out", tmp_path / "out", "--quiet"]
    with pytest.warns(UserWarning, match=NO_RECIPE):
        assert ganzoo("ablate", "mine", *POINTS, *words) == 0
    assert [job.config.loss["name"] for job in jobs] == ["mine", "mine"]
    assert [job.config.variant for job in jobs] == ["mine", "mine"]


def test_a_dry_run_takes_that_name_and_its_settings_are_checked(files, capsys):
    words = ["train", "mine", "--data", "ring", "--plugin", files[0], "--dry-run"]
    with pytest.warns(UserWarning, match=NO_RECIPE):
        assert ganzoo(*words) == 0
    assert '"variant": "mine"' in capsys.readouterr().out
    with pytest.warns(UserWarning, match=NO_RECIPE):
        assert ganzoo(*words, "--set", "loss.real_targt=[0.9, 0.9]") == 2
    assert "loss.real_targt'; did you mean 'loss.real_target'?" in capsys.readouterr().err


def test_it_trains_by_that_name_and_its_run_says_what_it_is(files, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    words = ["--data", "ring", "--steps", 1, "--set", "train.batch_size=4", "--plugin", files[0]]
    with pytest.warns(UserWarning, match=NO_RECIPE):
        assert ganzoo("train", "mine", *words) == 0
    config = RunDir(tmp_path / "runs/mine-ring-s0").config()
    assert (config.variant, config.loss["name"]) == ("mine", "mine")
    assert ganzoo("train", "mnie", *words) == 2
    assert "no variant is called 'mnie'; did you mean 'mine'?" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "line"), [("1 / 0", ":1"), ("def", ":1"), ("\0", "")])
def test_a_plugin_that_fails_is_one_line_and_exit_2(text, line, tmp_path, capsys):
    (tmp_path / "bad.py").write_text(text)
    words = ["--budget", "steps=2", "--plugin", tmp_path / "bad.py", "--out", tmp_path / "out"]
    assert ganzoo("compare", "nsgan", *POINTS, *words) == 2
    said = capsys.readouterr().err
    assert f"--plugin {tmp_path / 'bad.py'}{line}: " in said and said.count("\n") == 1
    assert not (tmp_path / "out").exists()
