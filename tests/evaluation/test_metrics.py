"""Each score against a closed form, or a loop that is written as its paper says."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganzoo.errors import InputError
from ganzoo.evaluation import metrics
from ganzoo.evaluation.features import Features
from ganzoo.evaluation.metrics import METRICS, kid_of_subsets
from ganzoo.evaluation.neighbors import density_and_coverage, nearest_indices


def described(features, logits=None, labels=None) -> Features:
    features = torch.as_tensor(features, dtype=torch.float32)
    n = len(features)
    return Features(
        features,
        torch.zeros(n, 0) if logits is None else torch.as_tensor(logits, dtype=torch.float32),
        torch.ones(n, 3),
        torch.full((n,), -1) if labels is None else torch.as_tensor(labels),
    )


def random(n: int, size: int, seed: int) -> torch.Tensor:
    return torch.randn(n, size, generator=torch.Generator().manual_seed(seed))


def with_moments(x: np.ndarray, mean: np.ndarray, root: np.ndarray) -> np.ndarray:
    """`x` moved so that its sample mean is `mean` and its sample covariance `root` times its transpose."""
    x = x - x.mean(0)
    white = x @ np.linalg.inv(np.linalg.cholesky(np.cov(x, rowvar=False))).T
    return white @ root.T + mean


def test_fid_is_the_closed_form_for_gaussians():
    one, two = (random(200, 3, seed).double().numpy() for seed in (0, 1))
    turn = np.linalg.qr(random(3, 3, 2).double().numpy())[0]
    a, b = np.array([1.0, 2.0, 0.5]), np.array([3.0, 0.1, 1.0])  # standard deviations along common axes
    mean = np.array([1.0, -2.0, 0.5])
    ours = described(with_moments(one, mean, turn @ np.diag(a)))
    theirs = described(with_moments(two, np.zeros(3), turn @ np.diag(b)))
    expected = (mean**2).sum() + ((a - b) ** 2).sum()
    assert metrics.fid(ours, theirs)["fid"].value == pytest.approx(expected, rel=1e-5)
    assert metrics.fid(ours, ours)["fid"].value == pytest.approx(0, abs=1e-5)


def test_fid_of_covariances_that_do_not_commute():
    """Tr (S1^1/2 S2 S1^1/2)^1/2, by symmetric eigenvalues, where torch-fidelity takes those of the product."""
    a, b = random(50, 4, 0) @ random(4, 4, 1), random(50, 4, 2) @ random(4, 4, 3) + 1
    s1, s2 = (np.cov(x.double().numpy(), rowvar=False) for x in (a, b))
    values, vectors = np.linalg.eigh(s1)
    root = vectors * np.sqrt(values) @ vectors.T
    trace = np.sqrt(np.linalg.eigvalsh(root @ s2 @ root)).sum()
    mean = ((a.double().mean(0) - b.double().mean(0)) ** 2).sum()
    expected = float(mean) + np.trace(s1) + np.trace(s2) - 2 * trace
    assert metrics.fid(described(a), described(b))["fid"].value == pytest.approx(expected, rel=1e-6)


def kid_by_loops(x: np.ndarray, y: np.ndarray) -> float:
    def kernel(a, b):
        return (a @ b / len(a) + 1) ** 3

    m = len(x)
    within = sum(kernel(s[i], s[j]) for s in (x, y) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
    return within - 2 * sum(kernel(a, b) for a in x for b in y) / m**2


def test_kid_is_the_unbiased_estimate():
    x, y = random(20, 5, 0), random(20, 5, 1) + 0.5
    value = kid_of_subsets(x, y, subsets=1, size=20)
    assert value.value == pytest.approx(kid_by_loops(x.double().numpy(), y.double().numpy()), rel=1e-4)
    assert value.spread == 0


def test_kid_of_features_that_all_lie_far_out_loses_no_figure():
    """Those of a classifier do: kernel values of a million, whose differences are about one."""
    g = torch.Generator().manual_seed(0)
    x, y = (torch.randn(400, 8, generator=g) + 20 for _ in "xy")
    value = kid_of_subsets(x, y, subsets=1, size=400).value
    assert value == pytest.approx(kid_by_loops(x.double().numpy(), y.double().numpy()), rel=1e-7)


def test_kid_takes_subsets_of_a_thousand_or_of_half_the_smaller_set(monkeypatch):
    small, large = described(random(60, 5, 0)), described(random(2500, 5, 1))
    assert metrics.kid(small, large)["kid"].details == {"subsets": 100, "subset_size": 30}
    monkeypatch.setattr(metrics, "KID_SUBSETS", 2)
    kid = metrics.kid(large, large)["kid"]
    assert kid.details["subset_size"] == 1000 and kid.spread > 0


def test_the_inception_score_by_hand():
    """Half the images surely of one class, half of another: exp(log 2) = 2 where both halves are in the one part."""
    sure = torch.tensor([[50.0, 0.0], [0.0, 50.0]])
    feature = torch.tensor([[0.0], [1.0]])
    assert METRICS["is"].least == 20, "of parts of one image each it would be 1 whatever they show"
    many = metrics.inception_score(described(random(4000, 1, 0), sure.repeat(2000, 1)), described(feature))["is"]
    assert many.value == pytest.approx(2, abs=0.01) and many.details == {"splits": 10}


def test_the_inception_score_by_its_formula(monkeypatch):
    monkeypatch.setattr(metrics, "INCEPTION_SPLITS", 1)
    logits = random(7, 4, 0)
    p = logits.double().softmax(1).numpy()
    divergences = [sum(row[k] * math.log(row[k] / p[:, k].mean()) for k in range(4)) for row in p]
    found = metrics.inception_score(described(random(7, 2, 1), logits), described(p))["is"].value
    assert found == pytest.approx(math.exp(sum(divergences) / 7), rel=1e-5)


def distance(a, b) -> float:
    return math.dist(a.tolist(), b.tolist())


def radius(points, i: int, k: int) -> float:
    """From point i to the k-th nearest other one."""
    return sorted(distance(points[i], points[j]) for j in range(len(points)) if j != i)[k - 1]


def share(points, centres, k: int) -> float:
    """The share of `points` that lie within reach of the k-th neighbour of a centre."""
    reach = [radius(centres, i, k) for i in range(len(centres))]
    return sum(any(distance(p, c) <= r for c, r in zip(centres, reach, strict=True)) for p in points) / len(points)


def test_precision_and_recall_by_loops():
    fake, real = random(30, 2, 0) * 0.8 + 1.5, random(40, 2, 1)
    found = metrics.precision_and_recall(described(fake), described(real))
    precision, recall = share(fake, real, 3), share(real, fake, 3)
    assert 0 < recall < 1 and 0 < precision < 1 and recall != precision, "a case that tells the two apart"
    assert found["precision"].value == pytest.approx(precision) and found["recall"].value == pytest.approx(recall)


def test_density_and_coverage_by_prdc_s_definitions():
    fake, real = random(30, 2, 0) * 0.5, random(40, 2, 1)
    reach = [radius(real, i, 5) for i in range(40)]
    members = [[distance(f, r) < reach[i] for f in fake] for i, r in enumerate(real)]
    density, coverage = sum(map(sum, members)) / (5 * 30), sum(map(any, members)) / 40
    assert density > 1 > coverage, "a case that tells the two apart"
    assert density_and_coverage(fake, real) == pytest.approx((density, coverage))
    found = metrics.density_coverage(described(fake), described(real))
    assert (found["density"].value, found["coverage"].value) == pytest.approx((density, coverage))


def test_density_and_coverage_of_closed_cases():
    """Real points 0, 1, ..., 9 on a line, k = 1: each neighbourhood is the open interval of length 2 around it."""
    real = torch.arange(10.0)[:, None]
    assert density_and_coverage(real, real, k=1) == (1, 1), "the ends of an interval are not in it"
    assert density_and_coverage(real + 0.5, real, k=1) == pytest.approx((1.9, 1)), "9.5 is in one, the others in two"
    assert density_and_coverage(torch.full((4, 1), 3.0), real, k=1) == pytest.approx((1, 0.1)), "all samples alike"
    assert density_and_coverage(torch.full((4, 1), 99.0), real, k=1) == (0, 0)


def test_neighbours_of_features_that_all_lie_far_out_are_the_same(monkeypatch):
    """As those of a classifier do: at 1,000 a product of float32 loses distances of 1."""
    fake, real = (random(n, 4, seed) * 0.5 for seed, n in enumerate((60, 80)))
    whole = density_and_coverage(fake, real), metrics.precision_and_recall(described(fake), described(real))
    far = fake + 1000, real + 1000
    assert density_and_coverage(*far) == pytest.approx(whole[0], abs=0.02)
    found = metrics.precision_and_recall(*map(described, far))
    for name, value in whole[1].items():
        assert found[name].value == pytest.approx(value.value, abs=0.02)
    assert (nearest_indices(*far, 3) == nearest_indices(fake, real, 3)).float().mean() > 0.98


def test_blocks_change_nothing(monkeypatch):
    fake, real = random(30, 2, 0), random(40, 2, 1)
    whole = density_and_coverage(fake, real), metrics.precision_and_recall(described(fake), described(real))
    neighbours = nearest_indices(fake, real, 3)
    monkeypatch.setattr("ganzoo.evaluation.neighbors.BLOCK_ELEMENTS", 120)
    assert (density_and_coverage(fake, real), metrics.precision_and_recall(described(fake), described(real))) == whole
    assert torch.equal(nearest_indices(fake, real, 3), neighbours)
    by_hand = sorted(range(40), key=lambda j: distance(fake[0], real[j]))[:3]
    assert neighbours[0].tolist() == by_hand


def test_class_accuracy_counts_only_known_classes():
    logits = torch.eye(3)[[0, 1, 2, 0]]
    samples = described(random(4, 2, 0), logits, [0, 1, 0, -1])
    found = metrics.class_accuracy(samples, samples)["class_accuracy"]
    assert found.value == pytest.approx(2 / 3) and found.details == {"labelled": 3}


def test_without_torch_fidelity_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch_fidelity.metric_fid", None)
    with pytest.raises(InputError, match=r"'torch-fidelity': pip install 'ganzoo-torch\[eval\]'"):
        metrics.fid(described(random(3, 2, 0)), described(random(3, 2, 1)))
