"""Readings of D's scores in the log: r_t by each loss's border, and held-out reals."""

from __future__ import annotations

import pytest
import torch

from ganzoo import api
from ganzoo.batch import DiscriminatorOutput
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES
from ganzoo.training import evaluation
from ganzoo.training.log_record import score_metrics
from ganzoo.training.run_dir import RunDir
from small_runs import small, toy_data


def readings(loss, scores) -> dict[str, float]:
    judged = [DiscriminatorOutput(torch.zeros(4, 1), score=torch.tensor(s)) for s in (scores, [0.0] * 4)]
    return {name: value.item() for name, value in score_metrics(judged, loss).items()}


@pytest.mark.parametrize(
    ("name", "settings", "scores", "r_t"),
    [
        ("nsgan", {}, [0.1, 2.0, -0.1, 3.0], 0.5),
        ("nsgan", {"real_label": 0}, [0.1, 2.0, -0.1, 3.0], -0.5),
        ("minimax", {}, [0.0, 0.0, 1.0, 1.0], 0.5),
        ("dragan", {}, [1.0, 1.0, 1.0, 1.0], 1.0),
        ("hinge", {}, [0.5, 0.5, 0.5, -0.5], 0.5),
        ("lsgan", {}, [0.6, 0.6, 0.4, 0.4], 0.0),
        ("lsgan", {"a": -1.0, "b": 1.0, "c": 0.0}, [0.6, 0.6, 0.4, -0.4], 0.5),
    ],
)
def test_r_t_is_the_mean_sign_of_the_reals_about_the_border_of_the_loss(name, settings, scores, r_t):
    found = readings(LOSSES[name](**settings), scores)
    assert found["score/r_t"] == r_t


@pytest.mark.parametrize("name", ["wgan", "wgan-gp", "rpgan", "coulomb"])
def test_scores_without_a_border_have_no_r_t(name):
    assert readings(LOSSES[name](), [1.0] * 4).keys() == {"score/real", "score/fake", "score/apart"}


def terms(run) -> list[dict[str, float]]:
    return [record["terms"] for record in RunDir(run).records()]


def test_a_run_logs_held_out_reals_and_resumes_exactly(tmp_path):
    def config(steps):
        return small("nsgan", train={"steps": steps, "save_every": 2})

    whole = terms(api.train(config(4), out=tmp_path / "whole"))
    run = api.train(config(2), out=tmp_path / "run")
    api.resume(run, steps=4)
    assert terms(run) == whole and all(0 < record["score/held_out"] < 1 for record in whole)


@pytest.mark.parametrize(("variant", "data"), [("wgan", True), ("ebgan", False), ("ssgan", False)])
def test_every_loss_with_scores_has_held_out_reals(variant, data, tmp_path):
    run = api.train(small(variant, train={"steps": 1}, data={"max_images": 200}), out=tmp_path / "run")
    assert ("score/held_out" in terms(run)[-1]) == data


def test_data_without_a_test_split_or_with_a_broken_one_are_trained_on(tmp_path, monkeypatch):
    run = api.train(small("nsgan", train={"steps": 1}), toy_data(), tmp_path / "memory")
    assert "score/held_out" not in terms(run)[-1] and "score/r_t" in terms(run)[-1]

    def missing(config):
        raise InputError("no such file")

    monkeypatch.setattr(evaluation, "load_test_split", missing)
    assert "score/held_out" not in terms(api.train(small("nsgan", train={"steps": 1}), out=tmp_path / "broken"))[-1]
