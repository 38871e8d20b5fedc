"""FID-infinity: Gaussians of known moments, and a FID that is a line in 1 / n."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import torch_fidelity.metric_fid

from ganzoo.evaluation import metrics
from ganzoo.evaluation.features import FeatureReader, Features
from ganzoo.evaluation.fid_infinity import fid_infinity, subset_sizes
from ganzoo.evaluation.references import load_references
from ganzoo.evaluation.scoring import missing_reason, score_samples
from tiny_extractor import data, drawer, pictures, tiny


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path))


def described(features) -> Features:
    features = torch.as_tensor(features, dtype=torch.float32)
    n = len(features)
    return Features(features, torch.zeros(n, 0), torch.ones(n, 3), torch.full((n,), -1))


def random(n: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


def value(samples: torch.Tensor, real: torch.Tensor) -> float:
    return fid_infinity(described(samples), described(real))["fid_infinity"].value


@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1.0), (0.5, 1.0), (0.0, 1.5), (0.3, 0.8)])
def test_it_is_the_distance_of_gaussians_of_known_moments(shift, scale):
    """N(shift, scale^2) against N(0, 1) in 16 dimensions: 16 shift^2 + 16 (scale - 1)^2."""
    real, samples = random(100_000, 16, 0), scale * random(2000, 16, 1) + shift
    true = 16 * (shift**2 + (scale - 1) ** 2)
    plain = metrics.fid(described(samples), described(real))["fid"].value
    assert abs(value(samples, real) - true) < 0.05 + 0.05 * true
    if true == 0:
        assert plain > 0.025, "a case in which the bias shows"
        assert abs(value(samples, real)) < plain / 2


def test_a_line_in_one_over_n_is_extrapolated_exactly(monkeypatch):
    sizes = []

    def line(ours, theirs, verbose):
        sizes.append(ours)
        return {"frechet_inception_distance": 3.0 + 70.0 / ours}

    monkeypatch.setattr(torch_fidelity.metric_fid, "fid_features_to_statistics", len)
    monkeypatch.setattr(torch_fidelity.metric_fid, "fid_statistics_to_metric", line)
    found = fid_infinity(described(random(1000, 4, 0)), described(random(50, 4, 1)))["fid_infinity"]
    assert found.value == pytest.approx(3.0) and found.details == {"slope": pytest.approx(70.0), "smallest": 100}
    assert sizes == [100, 164, 228, 292, 357, 421, 485, 550, 614, 678, 742, 807, 871, 935, 1000]


def test_the_smallest_subset_is_the_paper_s():
    """5,000 of 50,000 with the 2,048 features of Inception, at regular intervals."""
    paper = np.linspace(5000, 50_000, 15).astype("int32")
    assert np.abs(subset_sizes(50_000, 2048) - paper).max() <= 120
    assert subset_sizes(10_000, 128)[0] == 1000 and subset_sizes(10_000, 2048)[0] == 5120


def test_copies_of_the_real_images_are_below_zero_and_no_distance_is_negative_by_rule():
    """All real images as samples have FID 0 and subsets more, so the line ends below 0."""
    real = random(1000, 8, 0)
    assert -0.05 < value(real, real) < 0
    assert metrics.fid(described(real), described(real))["fid"].value == pytest.approx(0, abs=1e-5)


def test_it_has_the_floor_and_the_other_split_of_fid():
    reader = FeatureReader(tiny())
    train, test = data(400), data(300, 1, "test")
    found = load_references(reader, train, test, 300)
    samples = reader.samples(drawer(pictures(300, 3, brightness=0.3)), 300)
    one, other = score_samples(samples, found, "test", ["fid_infinity"], tiny())
    assert (one.name, other.name) == ("fid_infinity-tiny@300/test", "fid_infinity-tiny@300/train")
    held = reader.data(train.subset(300))
    assert one.floor == fid_infinity(held, reader.data(test))["fid_infinity"].value < one.value


@pytest.mark.parametrize(("n", "why"), [(99, "at least 100 samples; there are 99"), (100, None)])
def test_too_few_samples_are_refused(n, why):
    check(n, tiny(), why)


def test_five_samples_for_each_feature_are_needed(monkeypatch):
    """As many as the smallest subset has at most half of them: with 60 features 300."""
    wide = tiny()
    wide.network.features = wide.network.features.repeat(1, 10)
    wide.network.classes = wide.network.classes.repeat(10, 1)
    check(299, wide, "at least 300 samples for 60 features; there are 299")
    check(300, wide, None)


def check(n, extractor, why):
    reader = FeatureReader(extractor)
    found = load_references(reader, data(320), data(300, 1, "test"), n)
    samples = reader.samples(drawer(pictures(n, 3)), n)
    assert missing_reason("fid_infinity", samples, found, "test", extractor) == (why and f"fid_infinity needs {why}")
