"""Vendi score: closed cases, and the definition by the matrix of similarities."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganzoo.evaluation.features import FeatureReader, Features
from ganzoo.evaluation.references import load_references
from ganzoo.evaluation.scoring import score_samples
from ganzoo.evaluation.vendi import vendi, vendi_score
from tiny_extractor import data, drawer, pictures, tiny


def described(features) -> Features:
    features = torch.as_tensor(features, dtype=torch.float32)
    n = len(features)
    return Features(features, torch.zeros(n, 0), torch.ones(n, 3), torch.full((n,), -1))


def random(n: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("k", [1, 2, 5])
@pytest.mark.parametrize("each", [1, 3, 40])
def test_k_groups_of_identical_images_count_as_k(k, each):
    groups = 3 * torch.eye(8, dtype=torch.float64)[:k].repeat(each, 1)
    assert vendi_score(groups) == pytest.approx(k)


def test_groups_of_unequal_size_count_as_the_exponential_of_their_entropy():
    """Three quarters of one image and a quarter of another: exp(-3/4 log 3/4 - 1/4 log 1/4)."""
    rows = torch.eye(4, dtype=torch.float64)[[0, 0, 0, 1]]
    assert vendi_score(rows) == pytest.approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))


def test_two_images_at_an_angle():
    """The eigenvalues of [[1, c], [c, 1]] / 2 are (1 + c) / 2 and (1 - c) / 2."""
    c = 0.6
    rows = torch.tensor([[1.0, 0.0], [0.6, 0.8]], dtype=torch.float64)
    high, low = (1 + c) / 2, (1 - c) / 2
    assert vendi_score(rows) == pytest.approx(math.exp(-high * math.log(high) - low * math.log(low)))


@pytest.mark.parametrize(("n", "size"), [(30, 5), (5, 30), (12, 12)])
def test_by_the_definition(n, size):
    rows = random(n, size, 0).numpy()
    unit = rows / np.sqrt((rows**2).sum(1, keepdims=True))
    similarity = np.array([[a @ b for b in unit] for a in unit])
    eigenvalues = np.linalg.eigvalsh(similarity / n)
    entropy = -sum(v * math.log(v) for v in eigenvalues if v > 1e-12)
    assert vendi_score(torch.from_numpy(rows)) == pytest.approx(math.exp(entropy))


def test_similarity_is_measured_from_the_mean_of_the_real_images():
    """Four groups around a point far out: 4 from there, 1 from 0, where all have nearly the same direction."""
    directions = torch.cat([torch.eye(2), -torch.eye(2)])
    real = directions.repeat(10, 1) + 1000
    found = vendi(described(real[[0, 1]]), described(real))["vendi"]
    assert found.value == pytest.approx(2, abs=1e-3) and found.details["uncentered"] == pytest.approx(1, abs=1e-3)


def test_fewer_different_images_score_lower_and_the_floor_is_of_real_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))
    reader, train, test = FeatureReader(tiny()), data(300), data(200, 1, "test")
    found = load_references(reader, train, test, 200)
    few = pictures(200, 3)[torch.arange(200) % 3]
    (row,) = score_samples(reader.samples(drawer(few), 200), found, "test", ["vendi"], tiny())
    assert (row.name, row.better) == ("vendi-tiny@200/test", "higher") and row.value <= 3 + 1e-9 < row.floor
    assert row.floor == vendi(reader.data(train.subset(200)), reader.data(test))["vendi"].value
