"""What a program calls: `ganzoo.train`, `resume`, `load`, `evaluate`, `compare`."""

from __future__ import annotations

import json
import shlex

import pytest
from stand_ins import here

import ganzoo
from ganzoo import cli
from ganzoo.errors import InputError
from ganzoo.experiments import local_pool
from ganzoo.training.run_dir import RunDir
from small_runs import SMALL, small, toy_data

TINY = {"extends": "nsgan", **SMALL}


class Twice(ganzoo.Trainer):
    """D steps a second time."""

    def update_order(self) -> None:
        self.d_step()
        super().update_order()


def test_every_name_is_there():
    assert [name for name in ganzoo.__all__ if not getattr(ganzoo, name)] == []
    assert {"train", "resume", "load", "evaluate", "compare", "Sampler", "Trainer"} <= set(dir(ganzoo))


@pytest.mark.parametrize("config", [TINY, small("nsgan")], ids=["table", "config"])
def test_steps_and_seed_replace_those_of_a_config(config, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = RunDir(ganzoo.train(config, toy_data(), steps=2, seed=3))
    assert run.folder.name == "nsgan-memory-s3"
    assert (run.config().train.steps, run.config().seed, run.config().train.batch_size) == (2, 3, 4)


def test_the_options_of_the_command_are_arguments(tmp_path):
    config = {**TINY, "data": {"max_images": 20}}
    given = {"steps": 1, "seed": 2, "device": "cpu", "precision": "bf16", "threads": 1}
    run = RunDir(ganzoo.train(config, "digits", tmp_path / "run", **given))
    train = run.config().train
    assert (train.steps, train.device, train.precision, train.threads) == (1, "cpu", "bf16", 1)
    assert (run.config().seed, run.config().data.spec, run.config().dataset.count) == (2, "digits", 20)
    ganzoo.resume(run.folder, data="digits", steps=2, device="cpu")
    assert run.records()[-1]["step"] == 2


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"data": "diigts"}, "no data set is called 'diigts'; did you mean 'digits'"),
        ({"device": "gpu"}, "device 'gpu' is not available here"),
        ({"precision": "fp8"}, "train.precision: .*'float32', 'bf16' or 'auto'"),
        ({"threads": -1}, "train.threads: .* greater than or equal to 0, not -1"),
    ],
)
def test_a_wrong_argument_is_refused_as_the_option_is(given, words, tmp_path):
    with pytest.raises(InputError, match=words):
        ganzoo.train(TINY, out=tmp_path / "run", **given)
    assert not (tmp_path / "run").exists()


def test_auto_threads_are_those_of_the_option(tmp_path, monkeypatch):
    monkeypatch.setattr(ganzoo.api.cpu_threads, "auto_threads", lambda wanted, processes: (1, "one core is free"))
    run = RunDir(
        ganzoo.train(
            {**TINY, "train": SMALL["train"] | {"threads": 5}}, toy_data(), tmp_path / "run", steps=1, threads="auto"
        )
    )
    assert run.config().train.threads == 1


def test_outside_a_notebook_nothing_is_printed_unless_asked(tmp_path, capsys):
    ganzoo.train(TINY, toy_data(), tmp_path / "one", steps=1)
    assert capsys.readouterr() == ("", "")
    ganzoo.train(TINY, toy_data(), tmp_path / "two", steps=1, quiet=False)
    assert "step 1/1" in capsys.readouterr().err


def test_steps_replace_those_of_a_recipe_and_are_checked(tmp_path):
    with pytest.raises(InputError, match=r"train.steps: .* greater than 0, not 0"):
        ganzoo.train("nsgan", out=tmp_path / "run", steps=0)
    with pytest.raises(InputError, match="train: expected a table, not 3"):
        ganzoo.train({"extends": "nsgan", "train": 3}, out=tmp_path / "run", steps=5)
    assert not (tmp_path / "run").exists()


def test_a_run_is_resumed_to_more_steps_and_with_a_table_of_what_changes(tmp_path):
    folder = ganzoo.train(TINY, toy_data(), tmp_path / "run", steps=1)
    assert ganzoo.resume(folder, data=toy_data(), steps=2) == folder
    ganzoo.resume(folder, {"train": {"steps": 3}}, data=toy_data())
    assert RunDir(folder).config().train.steps == 3 and RunDir(folder).records()[-1]["step"] == 3
    with pytest.raises(InputError, match=r"latent\.dim: 8 -> 9"):
        ganzoo.resume(folder, {"latent": {"dim": 9}}, data=toy_data())
    with pytest.raises(InputError, match="train: expected a table, not 3"):
        ganzoo.resume(folder, {"train": 3}, data=toy_data())


def test_a_subclass_of_the_trainer_trains_and_resumes_the_run(tmp_path):
    folder = ganzoo.train(TINY, toy_data(), tmp_path / "run", steps=1, trainer=Twice)
    ganzoo.resume(folder, data=toy_data(), steps=3, trainer=Twice)
    assert [record["d_steps"] for record in RunDir(folder).records()] == [2, 4, 6]


def test_evaluate_takes_a_run_or_a_sampler(tmp_path):
    table = {"extends": "mixtures/nsgan", "train": {"batch_size": 8, "device": "cpu", "threads": 1}}
    folder = ganzoo.train(table, out=tmp_path / "run", steps=1)
    by_path, by_sampler = (ganzoo.evaluate(each, n=40)["modes"].value for each in (folder, ganzoo.load(folder)))
    assert by_path == by_sampler >= 0


def test_a_comparison_from_python_is_that_of_its_command(tmp_path, monkeypatch):
    monkeypatch.setattr(local_pool.LocalPool, "run_jobs", lambda self, jobs, report: here(jobs, report, None))
    settings = {"train": {"batch_size": 8, "threads": 1, "device": "cpu"}, "latent": {"distribution": "uniform"}}
    given = {"budget": "steps=1", "seeds": 1, "data": "ring", "n": 50, "metrics": ["modes"]}
    folder = ganzoo.compare(["nsgan", "hinge"], tmp_path / "out", settings=settings, **given)
    results = json.loads((folder / "results.json").read_text())
    assert [cell["status"] for cell in results["cells"]] == ["done", "done"]
    assert (folder / "table.md").is_file() and (folder / "report.html").is_file()
    monkeypatch.setattr(
        local_pool.LocalPool, "run_jobs", lambda self, jobs, report: pytest.fail(str(jobs)) if jobs else None
    )
    assert cli.run([*shlex.split(results["command"])[1:], "--quiet"]) == 0, "every cell is finished"
    again = json.loads((folder / "results.json").read_text())
    assert again["protocol"] == results["protocol"] and shlex.split(again["command"]) == shlex.split(results["command"])


def test_wrong_input_of_a_comparison_is_refused_before_anything_is_written(tmp_path):
    with pytest.raises(InputError, match="no variant is called 'nsgna'; did you mean 'nsgan'"):
        ganzoo.compare(["nsgna"], tmp_path / "out", budget="steps=1")
    with pytest.raises(InputError, match="budget"):
        ganzoo.compare(["nsgan"], tmp_path / "out", budget="1")
    assert not (tmp_path / "out").exists()
