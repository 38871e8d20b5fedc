"""Floors are computed once: for the same pair of real sets, read in the same way, they come from the cache."""

from __future__ import annotations

import json
import multiprocessing
import os

import pytest
import torch

from ganzoo.data import load
from ganzoo.evaluation import modes, scoring
from ganzoo.evaluation.features import FeatureReader
from ganzoo.evaluation.modes import score_modes
from ganzoo.evaluation.references import load_references
from ganzoo.evaluation.score import ReferenceScores
from ganzoo.evaluation.score import floor_text as floor
from ganzoo.evaluation.scoring import score_samples
from tiny_extractor import data, drawer, pictures, tiny

NAMES = ["fid", "precision", "recall", "checkerboard"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))
    return tmp_path / "cache" / "floors"


@pytest.fixture
def computed(monkeypatch):
    """The pairs of sets that scores were computed of, with the metrics."""
    calls, compute = [], scoring.compute_metrics

    def counting(names, samples, real):
        if names := list(names):
            calls.append((names, len(samples), len(real)))
        return compute(names, samples, real)

    monkeypatch.setattr(scoring, "compute_metrics", counting)
    return calls


def measured(n=40, *, names=NAMES, train=None, test=None, extractor=None, seed=9):
    reader = FeatureReader(extractor or tiny())
    found = load_references(reader, train or data(90), test or data(60, 1, "test"), n)
    return score_samples(reader.samples(drawer(pictures(n, seed)), n), found, "test", names, reader.extractor)


def test_the_second_evaluation_computes_no_floor_and_says_the_same(computed):
    first = measured()
    assert len(computed) == 4, "the samples and the floors, against either split"
    computed.clear()
    assert measured() == first
    assert len(computed) == 2
    other = measured(seed=5)
    assert [row.floor for row in other] == [row.floor for row in first] and other != first


def test_only_what_is_not_there_yet_is_computed(computed):
    measured(names=["checkerboard"])
    computed.clear()
    rows = measured(names=["checkerboard", "fid"])
    assert [names for names, *_ in computed] == [["checkerboard", "fid"], ["fid"], ["fid"], ["fid"]]
    assert all(row.floor is not None for row in rows)


@pytest.mark.parametrize(
    "change",
    [
        {"n": 39},
        {"train": data(90, 2)},
        {"test": data(60, 3, "test")},
        {"extractor": tiny(sha256="1" * 64)},
        {"extractor": tiny(border=2)},
    ],
    ids=["n", "train", "test", "extractor", "preprocessing"],
)
def test_another_n_data_or_extractor_has_floors_of_its_own(change, home):
    measured()
    before = set(home.iterdir())
    measured(**change)
    assert len(before) == 2 and len(set(home.iterdir()) - before) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b'{"format": 1, "of"', b"\xff\xfe", b"[]", b'{"format": 1}', b'{"format": 1, "of": ["x"], "floors": {}}'],
)
def test_a_damaged_file_or_a_strange_one_is_written_anew(content, home):
    first, files = measured(), sorted(home.iterdir())
    whole = [path.read_bytes() for path in files]
    for path in files:
        path.write_bytes(content)
    assert measured() == first
    assert [path.read_bytes() for path in sorted(home.iterdir())] == whole


def test_the_floors_of_another_pair_are_not_taken():
    mine, other = ReferenceScores("a", "b"), ReferenceScores("b", "a")
    other.save({"fid": 1.0})
    mine.path.write_bytes(other.path.read_bytes())
    assert mine.get(["fid"], lambda names: {"fid": 2.0}) == {"fid": 2.0}


def test_a_floor_that_is_not_finite_comes_back_as_it_is():
    ReferenceScores("a").get(["x", "y"], lambda _: {"x": float("inf"), "y": 0.1 + 0.2})
    assert ReferenceScores("a").get(["x", "y"], pytest.fail) == {"x": float("inf"), "y": 0.1 + 0.2}


def test_what_another_process_keeps_meanwhile_stays():
    def compute(names):
        ReferenceScores("a").save({"other": 1.0})
        return {"mine": 2.0}

    assert ReferenceScores("a").get(["mine"], compute) == {"mine": 2.0}
    assert ReferenceScores("a").load() == {"other": 1.0, "mine": 2.0}


def keep_many(letter):
    for i in range(40):
        found = ReferenceScores("both").get([f"{letter}{i}", "shared"], lambda names: {n: float(len(n)) for n in names})
        assert found["shared"] == 6.0


@pytest.mark.skipif(os.name != "posix", reason="a fork spares the seconds that torch takes to import")
def test_processes_that_write_at_once_leave_a_whole_file(home):
    both = [multiprocessing.get_context("fork").Process(target=keep_many, args=(letter,)) for letter in "ab"]
    for process in both:
        process.start()
    for process in both:
        process.join(60)
    assert [process.exitcode for process in both] == [0, 0]
    assert [path.name for path in home.iterdir()] == [ReferenceScores("both").path.name], "nothing is left beside it"
    kept = json.loads(ReferenceScores("both").path.read_text())["floors"]
    assert kept.pop("shared") == 6.0 and set(kept) <= {f"{name}{i}" for name in "ab" for i in range(40)}


def test_known_modes_are_counted_once_too(monkeypatch):
    ring, counted, measure = load("ring"), [], modes.count_modes
    monkeypatch.setattr(modes, "count_modes", lambda real, points: counted.append(len(points)) or measure(real, points))
    draw = lambda seeds: ring.samples(list(seeds)).images  # noqa: E731
    first = score_modes(draw, ring, ring, None, 200, 100)
    assert score_modes(draw, ring, ring, None, 200, 100) == first and counted == [200, 200, 200]
    score_modes(draw, ring, ring, ["modes"], 150, 100)
    assert counted[3:] == [150, 150]


def test_samples_are_held_against_what_g_was_to_learn_and_the_floor_against_the_split(monkeypatch):
    train, test, against, measure = load("ring"), load("ring").subset(40), [], modes.count_modes
    monkeypatch.setattr(modes, "count_modes", lambda real, points: against.append(real) or measure(real, points))
    score_modes(lambda seeds: train.samples(list(seeds)).images, train, test, None, 60, 30)
    assert [each is train for each in against] == [True, False, False], (
        "the samples; as many reals; as many samples again"
    )


def test_where_there_are_too_few_points_the_modes_are_counted_again_at_the_number_of_the_floor():
    """Of 60 samples the last 20 miss; the floor is that of 40 points."""
    points = load("ring")
    draw = lambda seeds: points.samples(list(seeds)).images + 99.0 * (torch.tensor(seeds) >= 40).view(-1, 1, 1, 1)  # noqa: E731
    rows = {row.metric: row for row in score_modes(draw, points, points.subset(40), None, 60, 25)}
    share = rows["high_quality"]
    assert (share.n, share.floor_n) == (60, 40) and share.value_at_floor == pytest.approx(1.5 * share.value)
    assert rows["reverse_kl"].value_at_floor == pytest.approx(rows["reverse_kl"].value)
    assert floor(share) == f"{share.floor:.4g} at n = 40, where the samples have {share.value_at_floor:.4g}"
    assert {row.value_at_floor for row in score_modes(draw, points, points.subset(40), None, 40, 25)} == {None}
