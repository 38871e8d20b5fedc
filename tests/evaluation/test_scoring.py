"""Floors, references, and what a score says of itself."""

from __future__ import annotations

import json
import math

import pytest

from ganzoo.errors import InputError
from ganzoo.evaluation import metrics
from ganzoo.evaluation.features import FeatureReader
from ganzoo.evaluation.references import load_references, reference_sets
from ganzoo.evaluation.score import Evaluation, Score, short_count
from ganzoo.evaluation.scoring import score_samples
from tiny_extractor import data, drawer, pictures, tiny


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))


def test_the_name_is_the_protocol():
    score = Score("fid", 1.0, 10_000, "lower", "digits", "test")
    assert score.name == "fid-digits@10k/test"
    assert Score("fid", 1.0, 2500, "lower", "lite0@128px", "train").name == "fid-lite0@128px@2500/train"
    assert Score("is", 1.0, 50_000, "higher", "inception").name == "is-inception@50k"
    assert Score("checkerboard", 1.0, 999, "near 1", split="test").name == "checkerboard@999/test"
    assert Score("modes", 8, 2500, "higher").name == "modes@2500"
    assert [short_count(n) for n in (1000, 1500, 26_000, 2)] == ["1k", "1500", "26k", "2"]


def test_json_is_complete_and_valid():
    rows = [Score("modes", 8, 2500, "higher"), Score("kl", math.inf, 2500, "lower", details={"x": math.nan})]
    table = json.loads(json.dumps(Evaluation(rows, {"seconds": 1}).as_json(), allow_nan=False))
    assert table["format"] == 1 and table["modes"] == 8 and table["kl"] is None and table["seconds"] == 1
    assert table["scores"][0]["name"] == "modes@2500" and table["scores"][1]["details"] == {"x": None}


def test_a_score_is_found_by_what_tells_it_apart():
    one, two = (Score("fid", 1.0, 10, "lower", "x", split) for split in ("test", "train"))
    found = Evaluation([one, two], {})
    assert found["fid/test"] is one and found["fid-x@10/train"] is two
    with pytest.raises(KeyError, match="2 scores match 'fid'"):
        found["fid"]


def measured(n, train, test, split="test", names=("fid", "is", "precision"), labels=False):
    reader = FeatureReader(tiny())
    samples = reader.samples(drawer(pictures(n, 9, brightness=0.3)), n, (["a", "b", "c"] * n)[:n] if labels else [])
    rows = score_samples(samples, load_references(reader, train, test, n), split, list(names), reader.extractor)
    return samples, reader, {row.name: row for row in rows}


def test_the_floor_is_of_training_images_against_the_test_reference():
    train, test = data(90), data(60, 1, "test")
    samples, reader, rows = measured(50, train, test)
    real, held = (reader.data(each.subset(50)) for each in (test, train))
    fid = rows["fid-tiny@50/test"]
    assert fid.value == metrics.fid(samples, real)["fid"].value
    assert fid.floor == metrics.fid(held, real)["fid"].value
    assert (fid.floor_n, fid.reference_n, fid.floor_reference_n, fid.value_at_floor) == (50, 50, 50, None)
    assert fid.floor < fid.value, "these samples are too bright"
    assert rows["is-tiny@50"].floor == metrics.inception_score(held, real)["is"].value
    assert rows["is-tiny@50"].reference_n is None


def test_both_splits_get_their_distance_and_only_that():
    _, _, rows = measured(50, data(90), data(60, 1, "test"))
    assert list(rows) == ["fid-tiny@50/test", "is-tiny@50", "precision-tiny@50/test", "fid-tiny@50/train"]
    _, _, rows = measured(50, data(90), data(60, 1, "test"), split="train")
    assert list(rows) == ["fid-tiny@50/train", "is-tiny@50", "precision-tiny@50/train", "fid-tiny@50/test"]


def test_a_small_reference_is_used_whole():
    _, _, rows = measured(50, data(90), data(20, 1, "test"))
    fid = rows["fid-tiny@50/test"]
    assert (fid.n, fid.reference_n, fid.floor_n, fid.value_at_floor) == (50, 20, 50, None)


def test_a_floor_at_another_n_comes_with_the_score_at_that_n():
    train, test = data(30), data(60, 1, "test")
    samples, reader, rows = measured(50, train, test)
    fid, real = rows["fid-tiny@50/test"], reader.data(test.subset(50))
    assert (fid.floor_n, fid.n) == (30, 50)
    assert fid.value_at_floor == metrics.fid(samples.first(30), real)["fid"].value != fid.value


def test_one_split_is_halved_for_its_floor():
    train = data(60)
    samples, reader, rows = measured(50, train, None, "train")
    even, odd = (reader.data(half) for half in train.split_in_half())
    fid = rows["fid-tiny@50/train"]
    assert (fid.reference_n, fid.floor_n, fid.floor_reference_n) == (50, 30, 30)
    assert fid.floor == metrics.fid(odd, even)["fid"].value
    assert fid.value_at_floor == metrics.fid(samples.first(30), even)["fid"].value
    assert measured(25, train, None, "train")[2]["fid-tiny@25/train"].value_at_floor is None, "halves of 25 or more"


def test_class_accuracy_and_its_floor():
    train, test = data(90), data(60, 1, "test")
    names = ["fid", "class_accuracy", "is"]
    for split in ("test", "train"):
        _, reader, rows = measured(48, train, test, split, names, labels=True)
        score = rows["class_accuracy-tiny@48"]
        assert 0 < score.value < 1 and score.details == {"labelled": 48}
        held = reader.data(test.subset(48))
        assert score.floor == metrics.class_accuracy(held, held)["class_accuracy"].value, "no extractor learned these"
        assert [row.partition("-")[0] for row in rows] == [*names, "fid"]
    _, _, rows = measured(48, train, data(60, 1, "test", labels=False), names=["class_accuracy"], labels=True)
    assert rows["class_accuracy-tiny@48"].floor is None, "real images without labels have none"


@pytest.mark.parametrize(
    ("names", "n", "complaint"),
    [
        (["class_accuracy"], 20, "class_accuracy needs a model that takes labels"),
        (["fid", "coverage"], 5, "coverage needs at least 6 real images; only 5 are used, as many as samples"),
    ],
)
def test_what_cannot_be_computed_is_refused(names, n, complaint):
    with pytest.raises(InputError, match=complaint):
        measured(n, data(90), data(60, 1, "test"), names=names)


def test_the_sets_that_are_read():
    train, test = data(30), data(20, 1, "test")
    assert [len(each) for each in reference_sets(train, test, 25)] == [25, 20]
    assert [len(each) for each in reference_sets(train, None, 25)] == [25, 15, 15]
