"""Modes against hand-made samples, naive loops, simulation and the ceilings of the protocol."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from ganzoo.data import Dataset, load
from ganzoo.data.sources.mixtures import MIXTURES, Mixture
from ganzoo.errors import InputError
from ganzoo.evaluation import EXTRACTORS, modes
from ganzoo.evaluation.extractor import Extractor, ExtractorOutput
from ganzoo.evaluation.modes import count_modes, floor, mixture_scores, read_digits, stacked_scores

SQUARE = Mixture(np.array([[0.0, 0.0], [1, 0], [0, 1], [1, 1]]), 0.1)
DIGITS_OF_MNIST = torch.tensor([5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]) / 60_000
"""How often each digit is among MNIST's 60,000."""


def test_by_hand():
    points = torch.tensor([[0, 0.2], [0, -0.29], [0.31, 0], [1, 0], [7.0, 7], [0, 1], [0.5, 0.5], [1.2, 0.2]])
    found = mixture_scores(SQUARE, points)
    # Of high quality: two at the first mode, two at the second ((1.2, 0.2) is 2.83 sigma away), one at the third.
    assert (found["modes"], found["high_quality"]) == (3, 5 / 8)
    assert found["reverse_kl"] == pytest.approx(math.log(4) + 0.4 * math.log(0.4) * 2 + 0.2 * math.log(0.2))


def test_against_a_naive_loop():
    points = np.random.default_rng(0).uniform(-1.3, 1.3, (2000, 2)).astype(np.float32)
    points[:200] = MIXTURES["ring"].centres[np.arange(200) % 5] + 0.02
    counts, good = [0] * 8, 0
    for x, y in points.tolist():
        away = [math.hypot(x - a, y - b) for a, b in MIXTURES["ring"].centres.tolist()]
        if min(away) <= 0.03:
            good, counts[away.index(min(away))] = good + 1, counts[away.index(min(away))] + 1
    entropy = -sum(c / good * math.log(c / good) for c in counts if c)
    found = count_modes("ring", torch.from_numpy(points).view(-1, 2, 1, 1))
    assert found["modes"] == sum(c > 0 for c in counts) and found["high_quality"] == good / 2000
    assert found["reverse_kl"] == pytest.approx(math.log(8) - entropy)


def test_ends_of_the_scale():
    one = mixture_scores(SQUARE, torch.zeros(10, 2))
    assert one["modes"] == 1 and one["reverse_kl"] == pytest.approx(math.log(4))
    none = mixture_scores(SQUARE, torch.full((10, 2), 9.0))
    assert none == {"modes": 0, "high_quality": 0.0, "reverse_kl": math.inf}
    broken = mixture_scores(SQUARE, torch.full((10, 2), math.nan))
    assert (broken["modes"], broken["high_quality"]) == (0, 0.0)


@pytest.mark.parametrize(("name", "divergence"), [("ring", 0.0014), ("grid", 0.0048)])
def test_the_ceilings_of_the_protocol(name, divergence):
    g, found = torch.Generator().manual_seed(1), []
    for _ in range(300):
        points, _ = MIXTURES[name].draw(modes.COUNTS[name], g)
        found.append(list(mixture_scores(MIXTURES[name], torch.from_numpy(points)).values()))
    count, quality, kl = torch.tensor(found, dtype=torch.float64).mean(0).tolist()
    assert count == len(MIXTURES[name].centres)
    assert quality == pytest.approx(1 - math.exp(-4.5), abs=5e-4), "of a plane Gaussian within three sigma: 98.9 %"
    assert kl == pytest.approx(divergence, abs=1.5e-4)


def test_the_test_split_reaches_the_ceiling():
    data = load("grid", split="test")
    found = count_modes(data, torch.from_numpy(data.images[:2500]))
    assert found["modes"] == 25 and found["high_quality"] > 0.98 and found["reverse_kl"] < 0.01


def test_data_of_some_modes_are_measured_against_those():
    data = load("ring", classes=["6", "2"])
    assert count_modes(data, torch.from_numpy(data.images[:500]))["modes"] == 2
    assert count_modes(data, torch.tensor([1.0, 0]).view(1, 2, 1, 1))["high_quality"] == 0


def simulated(p, n=26_000, times=100):
    g, found = torch.Generator().manual_seed(2), []
    for _ in range(times):
        drawn = torch.multinomial(p, n, replacement=True, generator=g)
        h = torch.bincount(drawn, minlength=len(p)).double() / n
        found.append(float((h[h > 0] * (h[h > 0] * len(p)).log()).sum()))
    return np.mean(found), np.std(found)


def test_the_floor_of_a_perfect_uniform_generator():
    uniform = torch.full((1000,), 1e-3)
    mean, spread = simulated(uniform)
    assert floor(uniform, 26_000) == pytest.approx(mean, abs=4 * spread / 100**0.5)
    assert floor(uniform, 26_000) == pytest.approx(0.0193, abs=1e-4)
    assert spread == pytest.approx(0.0009, abs=1.5e-4)


def test_the_floor_of_a_perfect_copy_of_mnist():
    p = torch.einsum("a,b,c->abc", *[DIGITS_OF_MNIST] * 3).flatten()
    mean, spread = simulated(p)
    assert floor(p, 26_000) == pytest.approx(mean, abs=4 * spread / 100**0.5)
    assert floor(p, 26_000) == pytest.approx(0.0235, abs=2e-4)


def test_the_floor_of_few_draws_by_enumeration():
    # Two of three modes: both draws on one mode (KL = log 3) with 0.38, else on two (log 3/2).
    same = 0.5**2 + 0.3**2 + 0.2**2
    expected = same * math.log(3) + (1 - same) * math.log(1.5)
    assert floor(torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), 2) == pytest.approx(expected)


def test_triples_are_counted():
    triples = torch.tensor([[0, 0, 7], [0, 0, 7], [9, 1, 0], [0, 1, 9]])
    found = stacked_scores(triples, torch.full((10,), 0.1))
    assert found["modes"] == 3
    assert found["kl"] == pytest.approx(math.log(1000) - 1.5 * math.log(2))
    assert (
        found["kl_floor_uniform"]
        == pytest.approx(found["kl_floor_data"])
        == pytest.approx(floor(torch.ones(1000) / 1000, 4))
    )


def by_brightness(images):
    """A classifier of grey squares: the level in the middle is the digit."""
    assert images.shape[1:] == (1, 32, 32)
    level = ((images[:, 0, 16, 16] + 1) * 4.5).round()
    return ExtractorOutput(level[:, None], -(level[:, None] - torch.arange(10)).abs())


BRIGHTNESS = Extractor("digits", by_brightness, "0" * 64, channels=1, size=32, native=32, border=2)


def squares(triples, size=32):
    return (triples / 4.5 - 1)[:, :, None, None].expand(-1, 3, size, size)


def test_each_channel_is_read_in_batches():
    triples = torch.arange(1000)[torch.randperm(1000)]
    triples = torch.stack([triples // 100, triples // 10 % 10, triples % 10], 1)
    for size in (28, 32, 64):
        assert torch.equal(read_digits(BRIGHTNESS, squares(triples.float(), size), batch=64), triples)


def stacks(labels, classes=1000):
    images = torch.zeros(len(labels), 3, 32, 32, dtype=torch.uint8)
    return Dataset.from_tensor(images, labels, [f"{i:03}" for i in range(classes)], name="stacked-digits")


def test_stacks_are_measured_by_the_classifier_against_the_digits_of_the_data(monkeypatch):
    monkeypatch.setitem(EXTRACTORS, "digits", lambda: BRIGHTNESS)
    found = count_modes(stacks(torch.tensor([111, 118])), squares(torch.tensor([[1.0, 2, 3], [9, 9, 9]])))
    assert (found["modes"], found["kl"]) == (2, pytest.approx(math.log(500)))
    share = torch.zeros(10, dtype=torch.float64)
    share[[1, 8]] = torch.tensor([5 / 6, 1 / 6], dtype=torch.float64)
    assert found["kl_floor_data"] == pytest.approx(floor(torch.einsum("a,b,c->abc", *[share] * 3).flatten(), 2))


@pytest.mark.parametrize(
    ("data", "samples", "says"),
    [
        (
            "digits",
            torch.zeros(3, 1, 32, 32),
            "the modes of digits are not known; use ring, grid, stacked-digits",
        ),
        ("grid", torch.zeros(3, 1, 32, 32), r"have shape \(1, 32, 32\), but grid has \(2, 1, 1\)"),
    ],
)
def test_what_cannot_be_measured(data, samples, says):
    with pytest.raises(InputError, match=says):
        count_modes(data, samples)


def test_a_part_of_the_stacks_has_other_modes():
    part = stacks(torch.tensor([3, 4, 5])).of_classes(["003", "004"])
    with pytest.raises(InputError, match=r"leave data\.classes out"):
        modes.digit_frequencies(part)
