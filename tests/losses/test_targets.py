"""Soft labels of D: the losses that classify have them, the others refuse them."""

from math import exp, log, log1p

import pytest
import torch

from ganzoo.build import resolve
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES, NSGAN, Minimax
from ganzoo.records import Judged
from ganzoo.streams import Stream
from small_runs import small, toy_data


def scored(*scores: float) -> Judged:
    return Judged(torch.zeros(len(scores), 1, 1, 1), score=torch.tensor(scores))


def sp(t: float) -> float:
    return log1p(exp(t))


@pytest.mark.parametrize("loss", [Minimax, NSGAN])
def test_one_sided_smoothing_by_hand(loss):
    terms = loss(real_target=(0.9, 0.9)).d_loss(scored(2.0, -1.0), scored(0.5))
    assert terms["real"].item() == pytest.approx((0.9 * sp(-2) + 0.1 * sp(2) + 0.9 * sp(1) + 0.1 * sp(-1)) / 2)
    assert terms["fake"].item() == pytest.approx(sp(0.5))


def test_a_smoothed_d_is_best_at_the_target():
    score = torch.linspace(-6, 6, 2401)
    losses = [NSGAN(real_target=(0.9, 0.9)).d_loss(scored(s), scored(0.0))["real"].item() for s in score.tolist()]
    best = score[torch.tensor(losses).argmin()].item()
    assert best == pytest.approx(log(0.9 / 0.1), abs=0.02)


def test_soft_labels_are_drawn_a_sample_and_anew():
    loss, many = NSGAN(real_target=(0.7, 1.2), fake_target=(0.0, 0.3)), scored(*[1.0] * 20000)
    with Stream(0, "d", 0):
        first, second = loss.d_loss(many, many), loss.d_loss(many, many)
    assert first["real"] != second["real"]
    assert first["real"].item() == pytest.approx(0.95 * sp(-1) + 0.05 * sp(1), abs=0.005)
    assert first["fake"].item() == pytest.approx(0.15 * sp(-1) + 0.85 * sp(1), abs=0.005)


def test_g_has_no_soft_labels():
    soft = NSGAN(real_target=(0.9, 0.9))
    assert torch.equal(soft.g_loss(None, scored(0.3))["adv"], NSGAN().g_loss(None, scored(0.3))["adv"])


@pytest.mark.parametrize("wrong", [(0.9, 0.8), (1.1, 1.3), (-0.5, 0.1)])
def test_a_range_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match="real_target must rise and have its middle"):
        NSGAN(real_target=wrong)


@pytest.mark.parametrize("name", sorted(LOSSES.keys() - {"minimax", "nsgan"}))
def test_a_loss_without_targets_refuses_them(name):
    with pytest.raises(InputError, match=r"loss\.real_target"):
        resolve(small("nsgan", loss={"name": name, "real_target": [0.9, 0.9]}), toy_data())
