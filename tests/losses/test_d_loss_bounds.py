"""`d_loss_bounds` is what D's terms really come to at their lowest, and where D gives every sample one score."""

from __future__ import annotations

import itertools

import pytest
import torch

from ganzoo.batch import DiscriminatorOutput
from ganzoo.losses import LOSSES
from ganzoo.losses.base import CLASSIFIES, HARD_TARGETS, Loss
from ganzoo.rng import RngScope
from ganzoo.training.failure_rules import diagnose

CASES = [
    ("minimax", {}),
    ("nsgan", {"real_target": (0.9, 0.9)}),
    ("nsgan", {"real_target": (0.8, 0.8), "fake_target": (0.1, 0.1)}),
    ("nsgan", {"real_target": (0.7, 1.2), "fake_target": (0.0, 0.3)}),
    ("nsgan", {"real_target": (0.9, 0.9), "real_label": 0}),
    ("klgan", {}),
    ("dragan", {"real_target": (0.95, 0.95)}),
    ("lsgan", {}),
    ("lsgan", {"a": -1.0, "b": 1.0, "c": 0.0}),
    ("lsgan", {"b": 100.0}),
    ("hinge", {}),
    ("rpgan", {}),
    ("rahinge", {}),
    ("ralsgan", {}),
]
SCORES = [*torch.linspace(-9, 9, 37).tolist(), -60.0, 50.0, 100.0]


def objective(loss: Loss, real: float, fake: float) -> float:
    """D's terms where all reals have one score and all fakes another."""
    n = 4000  # targets may be drawn
    with RngScope(0, "test"):
        terms = loss.d_loss(
            *(DiscriminatorOutput(torch.zeros(n, 1), score=torch.full((n,), score)) for score in (real, fake))
        )
    return sum(map(float, terms.values()))


@pytest.mark.parametrize(("name", "settings"), CASES, ids=str)
def test_bounds_are_what_d_reaches_on_some_score(name, settings):
    loss = LOSSES[name](**settings)
    lowest, chance = loss.d_loss_bounds
    near = pytest.approx
    assert min(objective(loss, *pair) for pair in itertools.product(SCORES, SCORES)) == near(lowest, rel=0.02, abs=1e-3)
    assert min(objective(loss, score, score) for score in SCORES) == near(chance, rel=0.02)


@pytest.mark.parametrize(
    ("name", "settings"), [*CASES, ("acgan", {"real_target": (0.9, 0.9)}), ("infogan", {})], ids=str
)
def test_a_d_that_has_won_is_found_whatever_the_targets(name, settings):
    loss = LOSSES[name](**settings)
    lowest, chance = loss.d_loss_bounds

    def found(share):
        value = lowest + share * (chance - lowest)
        terms = {"d/pair": value} if name == "rpgan" else {"d/real": 0.7 * value, "d/fake": 0.3 * value}
        records = [{"step": i, "terms": terms | {"score/apart": 1.0}} for i in range(6)]
        return {finding.rule for finding in diagnose(records, loss.watch, loss.d_loss_bounds)}

    assert found(0.0) == found(0.01) == {"d-has-won"}
    assert found(0.1) == found(0.5) == found(1.0) == set()


def test_a_loss_that_says_nothing_is_judged_as_one_with_hard_targets():
    class Mine(Loss):
        watch = (*Loss.watch, *CLASSIFIES)

    assert Mine().d_loss_bounds == HARD_TARGETS == pytest.approx(LOSSES["nsgan"]().d_loss_bounds)
