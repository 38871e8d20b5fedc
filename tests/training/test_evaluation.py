"""The score and the test error that a run measures at the side."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import ganzoo
from ganzoo import api, cli
from ganzoo.builder import resolve_config
from ganzoo.data import Dataset
from ganzoo.evaluation import EXTRACTORS
from ganzoo.evaluation.extractor import default_extractor
from ganzoo.evaluator import requested_classes, seed_sampler
from ganzoo.training import evaluation, loop, session
from ganzoo.training.loop import make_trainer
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data
from tiny_extractor import tiny as tiny_extractor


@pytest.fixture
def tiny(monkeypatch):
    """A quick extractor in the place of the one that fits the data."""
    monkeypatch.setitem(EXTRACTORS, default_extractor(toy_data()), tiny_extractor)


def weights(run):
    return {p.name: p.read_bytes() for p in (run / "release").glob("*.safetensors")}


def test_a_score_at_every_so_many_steps_changes_nothing_else(tiny, tmp_path):
    train = {"steps": 6, "log_every": 4}
    without = api.train(small("nsgan", train=train), toy_data(), tmp_path / "without")
    config = small("nsgan", train=train | {"eval_every": 3, "eval_samples": 10})
    scored = api.train(config, toy_data(), tmp_path / "scored")
    found = {record["step"]: record.get("scores") for record in RunDir(scored).records()}
    assert found.keys() == {1, 3, 4, 6} and found[1] is None and found[4] is None
    (name,) = found[3]
    assert name.startswith("kid-") and name.endswith("@10/train") and found[6][name] != found[3][name]
    assert weights(without) == weights(scored)


def test_the_time_of_a_score_is_no_time_of_training(tiny, monkeypatch, tmp_path):
    clock = SimpleNamespace(now=0.0)
    clock.perf_counter = lambda: clock.now
    monkeypatch.setattr(session, "time", clock)

    def took(seconds, work):
        def slow(*given):
            clock.now += seconds
            return work(*given)

        return slow

    monkeypatch.setattr(loop.Trainer, "train_step", took(1.0, loop.Trainer.train_step))
    monkeypatch.setattr(evaluation.OnlineEvaluator, "measure", took(100.0, evaluation.OnlineEvaluator.measure))
    config = small("nsgan", train={"steps": 4, "eval_every": 2, "eval_samples": 10})
    records = list(RunDir(api.train(config, toy_data(), tmp_path / "run")).records())
    assert [record["seconds"] for record in records] == [1.0, 2.0, 3.0, 4.0] and clock.now == 204.0
    assert {record["images_per_second"] for record in records} == {4.0}, "a batch of 4 in a second"
    resumed = list(RunDir(api.resume(tmp_path / "run", data=toy_data(), steps=6)).records())
    assert [record["seconds"] for record in resumed[4:]] == [5.0, 6.0]


@pytest.mark.parametrize(
    ("kept", "counts"), [(None, [20, 10, 5, 5]), (8, [10, 10, 10, 10])], ids=["all labels", "eight labels"]
)
def test_the_samples_of_a_curve_have_the_classes_of_the_data(kept, counts, tiny, monkeypatch):
    """The frequencies are those of the images that have a label."""
    labels = [0, 1, 0, 2, 0, 1, 0, 3] * 5
    data = Dataset.from_tensor(toy_data().images, labels, [*"abcd"])
    data = data if kept is None else data.partly_labelled(kept)
    asked = []
    monkeypatch.setattr(
        evaluation, "draw_images", lambda g, inputs, seeds: asked.extend(inputs.labels.tolist()) or images(seeds)
    )
    images = lambda seeds: data.samples(list(seeds)).images  # noqa: E731
    networks = {} if kept is None else {"discriminator": {"condition": "none"}}
    config = small("acgan", train={"steps": 1, "eval_every": 1, "eval_samples": 40}, networks=networks)
    evaluation.TrainingEvaluation(make_trainer(resolve_config(config, data), data)).run(1)
    assert np.bincount(asked, minlength=4).tolist() == counts


@pytest.mark.parametrize("variant", ["nsgan", "cgan"])
def test_a_curve_draws_what_the_sampler_would(variant, tiny, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        evaluation.OnlineEvaluator, "measure", lambda self, draw: drawn.append(draw(range(9))) or {"kid": 0.0}
    )
    config = small(variant, train={"steps": 1, "eval_every": 1, "eval_samples": 9})
    data = toy_data()
    sampler = ganzoo.load(api.train(config, data, tmp_path / "run"))
    wanted = seed_sampler(sampler, requested_classes(sampler, data, 9))(range(9))
    assert torch.allclose(drawn[0], wanted, atol=1e-5)


@pytest.mark.parametrize(("minibatch", "batch"), [("stddev", 4), ("none", 256)])
def test_a_d_that_sees_a_whole_batch_is_judged_in_those_of_its_training(minibatch, batch, monkeypatch):
    sizes = []
    monkeypatch.setattr(evaluation, "load_test_split", lambda config: toy_data())
    monkeypatch.setattr(evaluation, "classification_error", lambda d, data, n: sizes.append(n) or 0.0)
    config = small(
        "ssgan", networks={"discriminator": {"minibatch_features": minibatch}}, train={"batch_size": 4, "save_every": 1}
    )
    data = toy_data()
    evaluation.TrainingEvaluation(make_trainer(resolve_config(config, data), data)).run(1)
    assert sizes == [batch]


def test_a_missing_extra_is_said_before_anything_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "torch_fidelity.metric_kid", None)
    assert cli.run(["train", "nsgan", "--eval-every", "2", "--out", str(tmp_path / "run"), "--quiet"]) == 2
    assert "pip install 'ganzoo-torch[eval]'" in capsys.readouterr().err and not (tmp_path / "run").exists()


def test_a_d_that_is_to_name_classes_has_its_test_error_in_the_log(tmp_path):
    networks = {"networks": {"generator": {"width": 4}, "discriminator": {"width": 4}}, "data": {"max_images": 200}}
    config = small("ssgan", **networks, train={"steps": 4, "save_every": 2, "log_every": 3})
    run = api.train(config, out=tmp_path / "run")
    found = {record["step"]: record.get("scores") for record in RunDir(run).records()}
    assert found[1] is None and found[3] is None
    assert all(0 < found[step]["test_error"] < 1 for step in (2, 4))
