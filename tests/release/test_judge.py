"""What a card says in figures, on the embedded digits."""

from __future__ import annotations

import pytest

import ganzoo
from ganzoo import api
from ganzoo.evaluation.extractor import find_extractor
from ganzoo.image_io import to_uint8
from small_runs import small
from tools.judge_release import class_shares, judge


@pytest.fixture(scope="module")
def sampler(tmp_path_factory):
    config = small("cgan", train={"steps": 1}, networks={"init": "he"})
    return ganzoo.load(api.train(config, out=tmp_path_factory.mktemp("judge") / "run"))


def test_the_shares_are_those_of_a_count_by_hand(sampler):
    extractor, counts = find_extractor("digits"), [0] * 10
    for seed in range(30):
        image = to_uint8(sampler.sample(1, seed=seed, classes=[seed % 10])).float() / 127.5 - 1
        counts[extractor(image).logits[0].argmax()] += 1
    shares = class_shares(sampler, 30)
    assert list(shares) == [str(digit) for digit in range(10)]
    assert list(shares.values()) == pytest.approx([count / 30 for count in counts])


def test_every_score_comes_with_its_protocol_and_floor(sampler):
    found = judge(sampler, 40)
    scores = {score["name"]: score for score in found["scores"]}
    assert {"precision-digits@40/test", "coverage-digits@40/test", "class_accuracy-digits@40"} <= scores.keys()
    assert scores["coverage-digits@40/test"]["floor"] is not None
    assert found["evaluation"]["extractor"]["name"] == "digits"


def test_shares_of_classes_that_nobody_knows_are_not_counted(tmp_path):
    run = api.train(small("nsgan", train={"steps": 1}, data={"spec": "ring"}), out=tmp_path / "ring")
    assert class_shares(ganzoo.load(run), 30) == {}
