"""The losses that read a score alone, against numbers worked out by hand.

softplus(0) = ln 2, softplus(ln 3) = ln 4, softplus(-ln 3) = ln(4/3).
"""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import nn

from ganzoo.batch import DiscriminatorOutput
from ganzoo.losses import KLGAN, LOSSES, LSGAN, NSGAN, WGAN, WGANGP, Hinge, Loss, Minimax, RaHinge, RaLSGAN, RpGAN

from .toys import scored

LN3 = log(3)


def values(terms: dict[str, torch.Tensor]) -> dict[str, float]:
    return {name: term.item() for name, term in terms.items()}


@pytest.mark.parametrize("loss", [Minimax(), NSGAN(), KLGAN(), LOSSES["dragan"]()], ids=lambda loss: loss.name)
def test_classifying_d(loss: NSGAN) -> None:
    # One real is doubted and one believed; of three fakes one is believed.
    terms = values(loss.d_loss(scored(0, LN3), scored(LN3, -LN3, 0)))
    real, fake = (log(2) + log(4 / 3)) / 2, (log(4) + log(4 / 3) + log(2)) / 3
    assert terms == pytest.approx({"real": real, "fake": fake})


def test_minimax_g() -> None:
    assert values(Minimax().g_loss(None, scored(LN3, -LN3))) == pytest.approx({"adv": -(log(4) + log(4 / 3)) / 2})


def test_nsgan_g() -> None:
    assert values(NSGAN().g_loss(None, scored(LN3, 0))) == pytest.approx({"adv": (log(4 / 3) + log(2)) / 2})


def test_klgan_g() -> None:
    assert values(KLGAN().g_loss(None, scored(LN3, -LN3, 6))) == pytest.approx({"adv": -2.0})
    assert values(KLGAN(real_label=0).g_loss(None, scored(LN3, -LN3, 6))) == pytest.approx({"adv": 2.0})


def test_klgans_g_minimizes_the_sum_of_minimax_and_nsgan() -> None:
    fake = scored(LN3, -0.5, 2)
    parts = [loss.g_loss(None, fake)["adv"] for loss in (Minimax(), NSGAN())]
    assert KLGAN().g_loss(None, fake)["adv"].item() == pytest.approx(sum(parts).item())


def test_klgan_with_the_optimal_d_is_the_reverse_kl_divergence() -> None:
    """Q = N(1, 1), P = N(0, 2^2): KL(Q || P) = ln 2 + (1 + 1) / 8 - 1 / 2, and D = log P / Q at Q's quantiles."""
    n = 20_000
    x = 1 + 2**0.5 * torch.erfinv(2 * (torch.arange(n, dtype=torch.float64) + 0.5) / n - 1)
    optimal = (x - 1).square() / 2 - x.square() / 8 - log(2)
    found = KLGAN().g_loss(None, DiscriminatorOutput(x, score=optimal))["adv"].item()
    assert found == pytest.approx(log(2) + 1 / 4 - 1 / 2, abs=1e-3)


def test_lsgan() -> None:
    real, fake = scored(2, 0), scored(1, -3)
    assert values(LSGAN().d_loss(real, fake)) == pytest.approx({"real": 0.5, "fake": 2.5})
    assert values(LSGAN().g_loss(None, fake)) == pytest.approx({"adv": 4.0})
    pearson = LSGAN(a=-1.0, b=1.0, c=0.0)
    assert values(pearson.d_loss(real, fake)) == pytest.approx({"real": 0.5, "fake": 2.0})
    assert values(pearson.g_loss(None, fake)) == pytest.approx({"adv": 2.5})


@pytest.mark.parametrize("loss", [WGAN(), WGANGP()], ids=lambda loss: loss.name)
def test_critics(loss: WGAN) -> None:
    assert values(loss.d_loss(scored(2, 0), scored(1, -4))) == pytest.approx({"real": -1.0, "fake": -1.5})
    assert values(loss.g_loss(None, scored(1, -4))) == pytest.approx({"adv": 1.5})


def test_wgan_clips_every_parameter_norms_too() -> None:
    D = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    nn.init.constant_(D[0].weight, -0.004)
    nn.init.constant_(D[0].bias, 5.0)
    WGAN().after_d_step(D)
    assert D[0].weight.unique().tolist() == pytest.approx([-0.004])
    assert D[0].bias.unique().tolist() == pytest.approx([0.01])
    assert D[1].weight.unique().tolist() == pytest.approx([0.01])
    WGAN(clip=0.001).after_d_step(D)
    assert D[0].weight.unique().tolist() == pytest.approx([-0.001])


def test_wgan_leaves_an_embedding_of_labels_alone() -> None:
    """Clipped to 0.01 beside pixels of 1 it would tell D next to nothing."""
    D = nn.ModuleList([nn.Embedding(3, 2), nn.Linear(2, 1)])
    before = D[0].weight.clone()
    WGAN().after_d_step(D)
    assert torch.equal(D[0].weight, before) and D[1].weight.abs().max() <= 0.01


def test_hinge_is_a_mean_of_hinges() -> None:
    # The hinge of the mean would be 0 for the reals and 0 for the fakes.
    assert values(Hinge().d_loss(scored(2, 0), scored(1, -3))) == pytest.approx({"real": 0.5, "fake": 1.0})
    assert values(Hinge().g_loss(None, scored(1, -3))) == pytest.approx({"adv": 1.0})


def test_rpgan_pairs_the_ith_real_with_the_ith_fake() -> None:
    real = scored(LN3, 0)
    assert values(RpGAN().d_loss(real, scored(0, 0))) == pytest.approx({"pair": (log(4 / 3) + log(2)) / 2})
    assert values(RpGAN().g_loss(real, scored(0, 0))) == pytest.approx({"pair": (log(4) + log(2)) / 2})
    assert values(RpGAN().d_loss(real, scored(LN3, 0))) == pytest.approx({"pair": log(2)})
    assert values(RpGAN().d_loss(real, scored(0, LN3))) == pytest.approx({"pair": (log(4 / 3) + log(4)) / 2})


def test_rahinge_compares_with_the_mean_of_the_other_side() -> None:
    real, fake = scored(2, 0), scored(1, -2)  # means 1 and -0.5
    assert values(RaHinge().d_loss(real, fake)) == pytest.approx({"real": 0.5 / 2, "fake": 1 / 2})
    assert values(RaHinge().g_loss(real, fake)) == pytest.approx({"real": (3.5 + 1.5) / 2, "fake": (1 + 4) / 2})


def test_ralsgan_compares_with_the_mean_of_the_other_side() -> None:
    real, fake = scored(2, 0), scored(1, -2)
    assert values(RaLSGAN().d_loss(real, fake)) == pytest.approx({"real": (1.5**2 + 0.5**2) / 2, "fake": (1 + 4) / 2})
    assert values(RaLSGAN().g_loss(real, fake)) == pytest.approx({"real": (3.5**2 + 1.5**2) / 2, "fake": (1 + 16) / 2})


@pytest.mark.parametrize("loss", [RaHinge(), RaLSGAN()])
def test_gradients_pass_through_the_mean(loss: Loss) -> None:
    """So that adding a constant to all scores changes nothing: the gradients of all scores have the sum 0."""
    scores = [torch.tensor(each, requires_grad=True) for each in ([2.0, 0.0], [1.0, -2.0])]
    real, fake = (DiscriminatorOutput(torch.zeros(2, 1, 4, 4), score=score) for score in scores)
    sum(loss.d_loss(real, fake).values()).backward()
    assert all(score.grad.any() for score in scores)
    assert sum(score.grad.sum() for score in scores).item() == pytest.approx(0, abs=1e-6)


SURE = {"nsgan": -1.0, "klgan": -1.0, "lsgan": -101.0, "wgan": -1.0, "hinge": -1.0}
DEAD = {"minimax": 0.0}


@pytest.mark.parametrize(("name", "slope"), (SURE | DEAD).items())
def test_gs_gradient_where_d_is_sure_of_a_fake(name: str, slope: float) -> None:
    """At D(g) = -100 the log of a sigmoid with an epsilon has no gradient left, nor has a sigmoid before a square."""
    score = torch.tensor([-100.0], requires_grad=True)
    LOSSES[name]().g_loss(None, DiscriminatorOutput(torch.zeros(1, 1, 4, 4), score=score))["adv"].backward()
    assert score.grad.item() == pytest.approx(slope, abs=1e-30)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.heads == ("score",)])
def test_raw_scores_of_any_size_give_finite_terms(name: str) -> None:
    loss, real, fake = LOSSES[name](), scored(1e4, -1e4), scored(-1e4, 1e4)
    terms = [*loss.d_loss(real, fake).values(), *loss.g_loss(real, fake).values()]
    assert all(term.isfinite() for term in terms)
