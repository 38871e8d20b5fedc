"""Authenticity and C_T: closed cases, the definitions as loops, and the sets that they are measured against."""

from __future__ import annotations

import math

import pytest
import torch

from ganzoo.errors import InputError
from ganzoo.evaluation import copying
from ganzoo.evaluation.copying import authenticity, ct, k_means, mann_whitney_z
from ganzoo.evaluation.features import FeatureReader, Features
from ganzoo.evaluation.real_data import RealData
from ganzoo.evaluation.references import load_references
from ganzoo.evaluation.scoring import score_samples
from ganzoo.evaluator import reads_training_images
from ganzoo.experiments.scoring import check_metrics
from tiny_extractor import data, drawer, pictures, tiny

NAMES = ["authenticity", "ct"]


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))


def described(features, held=None) -> Features:
    features = torch.as_tensor(features, dtype=torch.float32)
    n = len(features)
    nothing = torch.zeros(n, 0), torch.ones(n, 3), torch.full((n,), -1)
    return Features(features, *nothing, None if held is None else described(held))


def random(n: int, seed: int, size: int = 3) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


TRAIN, TEST, OTHER = random(600, 0), random(300, 1), random(300, 2)
CASES = {"copies": TRAIN[::2], "test images": TEST, "other real ones": OTHER, "far away": OTHER + 20}


def score(samples, train=TRAIN, test=TEST) -> tuple[float, float]:
    ours, real = described(samples), described(train, test)
    return authenticity(ours, real)["authenticity"].value, ct(ours, real)["ct"].value


def test_a_generator_that_returns_training_images_has_authenticity_0_and_ct_far_below_0():
    assert score(CASES["copies"])[0] == 0 and score(CASES["copies"])[1] < -10
    nearly = TRAIN[::2] + 1e-3 * random(300, 3)
    assert score(nearly)[0] == 0 and score(nearly)[1] < -10


def test_one_that_returns_test_images_has_ct_0_and_the_authenticity_of_real_images():
    share, z = score(CASES["test images"])
    assert z == 0 and share == pytest.approx(score(CASES["other real ones"])[0], abs=0.1)
    assert abs(score(CASES["other real ones"])[1]) < 1.5


def test_one_far_away_has_authenticity_1_and_ct_far_above_0():
    assert score(CASES["far away"])[0] == 1 and score(CASES["far away"])[1] > 10


def test_authenticity_by_the_definition():
    """Section 3.3: a sample is authentic if its nearest training image is nearer to another one than to the sample."""

    def nearest(point, others):
        return min((math.dist(point.tolist(), other.tolist()), i) for i, other in enumerate(others))

    samples, train = random(40, 3), random(50, 4)
    found = []
    for sample in samples:
        distance, i = nearest(sample, train)
        found.append(distance > nearest(train[i], torch.cat([train[:i], train[i + 1 :]]))[0])
    assert 0 < sum(found) < 40
    assert authenticity(described(samples), described(train))["authenticity"].value == sum(found) / 40


def test_a_copy_of_an_image_that_occurs_twice_is_no_new_image():
    train = torch.cat([TRAIN, TRAIN]) + 50
    rounded = train[:200] * (1 + 1e-7)
    assert authenticity(described(rounded), described(train))["authenticity"].value == 0


def test_an_image_is_not_its_own_neighbor_where_a_matrix_product_cannot_tell_it_from_a_near_one():
    one = 100 * random(300, 7)
    samples, train = described(one + 0.003), described(torch.cat([one, one + 0.006]))
    assert authenticity(samples, train)["authenticity"].value == 0


def test_the_z_score_by_pairs():
    ours, others = random(30, 5, 1)[:, 0].round(decimals=1), random(20, 6, 1)[:, 0].round(decimals=1)
    u = sum((a > b) + (a == b) / 2 for a in ours.tolist() for b in others.tolist())
    assert any(a == b for a in ours for b in others), "a case with ties"
    assert mann_whitney_z(ours, others) == pytest.approx((u - 300) / math.sqrt(30 * 20 * 51 / 12))
    assert mann_whitney_z(others, ours) == pytest.approx(-mann_whitney_z(ours, others))


def groups(*counts: int, seed: int) -> torch.Tensor:
    """Points around (0, 0), (100, 100), ...; the number of each is given."""
    return torch.cat([random(n, seed + i) + 100 * i for i, n in enumerate(counts)])


def test_ct_is_the_mean_over_cells_by_their_share_of_held_out_images():
    train, test = groups(300, 300, seed=0), groups(50, 150, seed=10)
    copied, far = train[:100], random(100, 20) * 3 + 100
    found = ct(described(torch.cat([copied, far])), described(train, test))["ct"]
    z = [
        mann_whitney_z(*(torch.cdist(each, own).min(1).values for each in pair))
        for own, pair in ((train[:300], (copied, test[:50])), (train[300:], (far, test[50:])))
    ]
    assert z[0] < -5 and z[1] > 3
    assert found.details == {"cells": 2, "cells_used": 2}
    assert found.value == pytest.approx(0.25 * z[0] + 0.75 * z[1], abs=0.1)


@pytest.mark.parametrize(("samples", "used"), [(21, 2), (20, 1)])
def test_a_cell_with_20_samples_or_fewer_is_left_out(samples, used):
    train, test = groups(300, 300, seed=0), groups(100, 100, seed=10)
    copies = torch.cat([train[:samples], test[100:], OTHER[:100] + 100])
    found = ct(described(copies), described(train, test))["ct"]
    assert found.details == {"cells": 2, "cells_used": used}
    assert (found.value < -2) == (used == 2), "those samples are copies, the others are not"


def test_the_cells_are_those_of_k_means_and_an_empty_one_keeps_its_center():
    points = groups(200, 100, seed=3)
    centers = k_means(points, 2).sort(dim=0).values
    assert torch.allclose(centers, torch.stack([points[:200].mean(0), points[200:].mean(0)]), atol=1e-4)
    same = torch.ones(40, 3)
    assert torch.equal(k_means(same, 3), torch.ones(3, 3))


def measured(images, train, test, n, split="train"):
    reader = FeatureReader(tiny())
    found = load_references(reader, train, test, n, training=True)
    return {row.metric: row for row in score_samples(reader.samples(drawer(images), n), found, split, NAMES, tiny())}


@pytest.mark.parametrize("split", ["train", "test"])
def test_all_training_images_are_read_whatever_the_split_is(split):
    """120 samples of 500 training images: those that no subset of 120 has are copies, too."""
    train, test = data(500), data(300, 1, "test")
    copied = torch.from_numpy(train.images[1:241:2])
    rows = measured(copied, train, test, 120, split)
    assert rows["authenticity"].name == "authenticity-tiny@120/train" and rows["ct"].name == "ct-tiny@120/train"
    assert rows["authenticity"].value == 0 < rows["authenticity"].floor and rows["ct"].value < -8
    assert (rows["authenticity"].reference_n, rows["authenticity"].floor_n) == (500, 120)
    assert (rows["authenticity"].better, rows["ct"].better) == ("higher", "near 0")


def test_the_floors_are_those_of_held_out_images():
    train, test = data(300), data(200, 1, "test")
    rows = measured(pictures(200, 9), train, test, 200)
    reader = FeatureReader(tiny())
    whole, held = reader.data(train), reader.data(test)
    assert rows["authenticity"].floor == authenticity(held, whole)["authenticity"].value
    assert rows["authenticity"].value_at_floor is None
    even, odd = held.rows(slice(0, None, 2)), held.rows(slice(1, None, 2))
    expected = ct(odd, described(whole.features, even.features))["ct"].value
    assert rows["ct"].floor == expected and abs(expected) < 3
    assert rows["ct"].floor_n == 100 and rows["ct"].value_at_floor is not None
    assert measured(torch.from_numpy(test.images), train, test, 200)["ct"].value == pytest.approx(0, abs=0.1)


def test_data_with_one_split_have_authenticity_and_no_ct():
    train = data(90)
    reader = FeatureReader(tiny())
    found, samples = (
        load_references(reader, train, None, 50, training=True),
        reader.samples(drawer(pictures(50, 9)), 50),
    )
    (row,) = score_samples(samples, found, "train", ["authenticity"], tiny())
    whole = reader.data(train)
    even, odd = whole.rows(slice(0, None, 2)), whole.rows(slice(1, None, 2))
    assert (row.reference_n, row.floor_n, row.floor_reference_n) == (90, 45, 45)
    assert row.floor == authenticity(odd, even)["authenticity"].value
    assert row.value_at_floor == authenticity(samples.first(45), even)["authenticity"].value
    with pytest.raises(InputError, match=r"^ct needs a test split, which the data lack$"):
        score_samples(samples, found, "train", ["ct"], tiny())


def test_a_comparison_refuses_ct_before_it_trains_on_data_with_one_split():
    with pytest.raises(InputError, match="ct needs a test split"):
        check_metrics(["authenticity", "ct"], RealData(data(90), None), 30, 1, [], FeatureReader(tiny()))
    check_metrics(["authenticity", "ct"], RealData(data(90), data(60, 1, "test")), 30, 1, [], FeatureReader(tiny()))


def test_other_data_than_those_of_the_training_show_no_copies():
    reader = FeatureReader(tiny())
    found, samples = load_references(reader, data(90), None, 50), reader.samples(drawer(pictures(50, 9)), 50)
    with pytest.raises(InputError, match=r"^authenticity needs the images that the model was trained on$"):
        score_samples(samples, found, "train", ["authenticity"], tiny())


@pytest.mark.parametrize(
    ("metrics", "slow", "images", "read"),
    [
        (None, False, 90, True),
        (None, True, 90, False),
        (None, True, 50, True),
        (["ct"], True, 90, True),
        (["fid"], False, 90, False),
    ],
)
def test_by_default_a_slow_extractor_does_not_read_more_training_images_than_samples(metrics, slow, images, read):
    reader = FeatureReader(tiny(slow=slow))
    assert reads_training_images(metrics, RealData(data(images), None), 50, reader) == read
    assert not reads_training_images(metrics, RealData(data(images), None, own=False), 50, reader)


def test_both_explain_themselves_and_are_computed_without_torch_fidelity():
    for name in NAMES:
        metric = copying.METRICS[name]
        assert "neither authenticity nor ct separates copying from underfitting" in metric.note.lower().replace(
            "\n", " "
        )
        assert not metric.extra
