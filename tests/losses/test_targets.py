"""Soft labels of D: the losses that classify have them, the others refuse them."""

from dataclasses import replace
from math import exp, log, log1p

import pytest
import torch
from torch.nn.functional import binary_cross_entropy_with_logits as cross_entropy

from ganzoo.batch import DiscriminatorOutput
from ganzoo.builder import resolve_config
from ganzoo.contracts.players import fakes, players, reals
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES, NSGAN, Minimax
from ganzoo.rng import RngScope
from small_runs import small, toy_data

WITH_TARGETS = ("minimax", "nsgan", "klgan", "dragan", "acgan", "infogan")


def scored(*scores: float) -> DiscriminatorOutput:
    return DiscriminatorOutput(torch.zeros(len(scores), 1, 1, 1), score=torch.tensor(scores))


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
    with RngScope(0, "d", 0):
        first, second = loss.d_loss(many, many), loss.d_loss(many, many)
    assert first["real"] != second["real"]
    assert first["real"].item() == pytest.approx(0.95 * sp(-1) + 0.05 * sp(1), abs=0.005)
    assert first["fake"].item() == pytest.approx(0.15 * sp(-1) + 0.85 * sp(1), abs=0.005)


def test_g_has_no_soft_labels():
    soft = NSGAN(real_target=(0.9, 0.9))
    assert torch.equal(soft.g_loss(None, scored(0.3))["adv"], NSGAN().g_loss(None, scored(0.3))["adv"])


@pytest.mark.parametrize("wrong", [(0.9, 0.8), (1.1, 1.3), (-0.5, 0.1)])
def test_a_range_that_is_none_is_refused(wrong):
    with pytest.raises(InputError, match="real_target must be increasing, with its middle"):
        NSGAN(real_target=wrong)


@pytest.mark.parametrize("name", WITH_TARGETS)
def test_every_loss_that_classifies_hands_its_targets_on(name):
    soft, real, fake = LOSSES[name](real_target=(0.9, 0.9), fake_target=(0.2, 0.2)), scored(2.0), scored(0.5)
    terms = Minimax.d_loss(soft, real, fake)
    assert terms["real"].item() == pytest.approx(0.9 * sp(-2) + 0.1 * sp(2))
    assert terms["fake"].item() == pytest.approx(0.2 * sp(-0.5) + 0.8 * sp(0.5))


@pytest.mark.parametrize("name", WITH_TARGETS)
def test_with_real_label_0_the_labels_change_places_for_both_players(name):
    """torch's own cross-entropy with the labels written out: 0 for a real and 1 for a fake in D's step, 0 in G's."""
    real, fake = scored(2.0, -1.0), scored(0.5, 3.0)
    turned, soft = LOSSES[name](real_label=0), LOSSES[name](real_label=0, real_target=(0.9, 0.9))
    assert turned.score_sign == -1 and LOSSES[name]().score_sign == 1
    terms = Minimax.d_loss(turned, real, fake)
    assert torch.allclose(terms["real"], cross_entropy(real.score, torch.zeros(2)))
    assert torch.allclose(terms["fake"], cross_entropy(fake.score, torch.ones(2)))
    assert torch.allclose(Minimax.d_loss(soft, real, fake)["real"], cross_entropy(real.score, torch.full((2,), 0.1)))
    saturating = name == "minimax"
    label = torch.ones(2) if saturating else torch.zeros(2)
    (adversarial,) = (Minimax if saturating else NSGAN).g_loss(turned, None, fake).values()
    assert torch.allclose(adversarial, cross_entropy(fake.score, label) * (-1 if saturating else 1))


@pytest.mark.parametrize("name", WITH_TARGETS)
def test_real_label_0_is_the_same_game_with_ds_sign_turned_round(name):
    settings = {"real_target": (0.7, 1.2), "fake_target": (0.0, 0.3)}
    loss = LOSSES[name](real_label=1)
    turned, standard = (LOSSES[name](real_label=label, **settings) for label in (0, 1))
    G, D = players(loss)
    real, fake = reals(loss, 6), fakes(loss, G, 6)

    def terms(loss, sign):
        judged = [replace(D(batch), score=sign * D(batch).score) for batch in (real, fake)]
        with RngScope(0, "d", 0):
            return loss.d_loss(*judged) | {f"g/{key}": value for key, value in loss.g_loss(None, judged[1]).items()}

    one, other = terms(turned, 1), terms(standard, -1)
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    assert not torch.equal(one["real"], terms(standard, 1)["real"])


@pytest.mark.parametrize("setting", [{"real_target": [0.9, 0.9]}, {"real_label": 0}], ids=["real_target", "real_label"])
@pytest.mark.parametrize("name", sorted(LOSSES.keys() - set(WITH_TARGETS)))
def test_a_loss_without_targets_refuses_them(name, setting):
    with pytest.raises(InputError, match=rf"loss\.{next(iter(setting))}"):
        resolve_config(small("nsgan", loss={"name": name} | setting), toy_data())


def test_a_label_that_is_none_is_refused():
    with pytest.raises(InputError, match="real_label must be 0 or 1, not 2"):
        NSGAN(real_label=2)
    with pytest.raises(InputError, match=r"loss\.real_label"):
        resolve_config(small("nsgan", loss={"real_label": 2}), toy_data())
