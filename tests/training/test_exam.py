"""The score and the test error that a run measures at the side."""

from __future__ import annotations

import sys

import pytest

from ganzoo import api, cli
from ganzoo.build import resolve
from ganzoo.evaluation import EXTRACTORS
from ganzoo.evaluation.extractor import default
from ganzoo.training import exam
from ganzoo.training.loop import make_trainer
from ganzoo.training.run import Run
from small_runs import small, toy_data
from tiny_extractor import tiny as tiny_extractor


@pytest.fixture
def tiny(monkeypatch):
    """A quick extractor in the place of the one that fits the data."""
    monkeypatch.setitem(EXTRACTORS, default(toy_data()), tiny_extractor)


def weights(run):
    return {p.name: p.read_bytes() for p in (run / "release").glob("*.safetensors")}


def test_a_score_at_every_so_many_steps_changes_nothing_else(tiny, tmp_path):
    train = {"steps": 6, "log_every": 4}
    without = api.train(small("nsgan", train=train), toy_data(), tmp_path / "without")
    config = small("nsgan", train=train | {"eval_every": 3, "eval_n": 10})
    scored = api.train(config, toy_data(), tmp_path / "scored")
    found = {record["step"]: record.get("scores") for record in Run(scored).records()}
    assert found.keys() == {1, 3, 4, 6} and found[1] is None and found[4] is None
    (name,) = found[3]
    assert name.startswith("kid-") and name.endswith("@10/train") and found[6][name] != found[3][name]
    assert weights(without) == weights(scored)


@pytest.mark.parametrize(("minibatch", "batch"), [("stddev", 4), ("none", 256)])
def test_a_d_that_sees_a_whole_batch_is_judged_in_those_of_its_training(minibatch, batch, monkeypatch):
    sizes = []
    monkeypatch.setattr(exam, "held_out", lambda config: toy_data())
    monkeypatch.setattr(exam, "classification_error", lambda d, data, n: sizes.append(n) or 0.0)
    config = small("ssgan", networks={"discriminator": {"minibatch": minibatch}}, train={"batch": 4, "save_every": 1})
    data = toy_data()
    exam.Exam(make_trainer(resolve(config, data), data)).take(1)
    assert sizes == [batch]


def test_a_missing_extra_is_said_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch_fidelity.metric_kid", None)
    assert cli._run(["train", "nsgan", "--eval-every", "2", "--out", str(tmp_path / "run"), "--quiet"]) == 2
    assert "pip install 'ganzoo-torch[eval]'" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_d_that_is_to_name_classes_has_its_test_error_in_the_log(tmp_path):
    networks = {"networks": {"generator": {"width": 4}, "discriminator": {"width": 4}}, "data": {"limit": 200}}
    config = small("ssgan", **networks, train={"steps": 4, "save_every": 2, "log_every": 3})
    run = api.train(config, out=tmp_path / "run")
    found = {record["step"]: record.get("scores") for record in Run(run).records()}
    assert found[1] is None and found[3] is None
    assert all(0 < found[step]["test_error"] < 1 for step in (2, 4))
