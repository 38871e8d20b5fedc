"""ACGAN and InfoGAN: what is read beside the score."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log

import pytest
import torch
from torch import Tensor

from ganzoo.batch import DiscriminatorOutput
from ganzoo.losses import ACGAN, NSGAN, InfoGAN
from ganzoo.losses.base import CodeSpec

from .toys import scored

# softmax = (1/4, 1/2, 1/4); a softmax applied twice would give (0.30, 0.39, 0.30).
LOGITS = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64).log()


def classified(*labels: int) -> DiscriminatorOutput:
    logits = LOGITS.repeat(len(labels), 1).requires_grad_()
    return replace(scored(*[0.0] * len(labels)), labels=torch.tensor(labels), class_logits=logits)


def test_acgan_both_players_lower_the_same_cross_entropy() -> None:
    real, fake = classified(1, 0), classified(0, 2)
    d, g = ACGAN().d_loss(real, fake), ACGAN().g_loss(None, fake)
    assert d["class_real"].item() == pytest.approx((log(2) + log(4)) / 2)
    assert d["class_fake"].item() == pytest.approx(log(4))
    assert g["class"].item() == pytest.approx(log(4))
    assert {name: d[name].item() for name in ("real", "fake")} == pytest.approx({"real": log(2), "fake": log(2)})
    assert g["adv"].item() == pytest.approx(NSGAN().g_loss(None, fake)["adv"].item())


def test_acgan_weight_and_switch() -> None:
    real, fake = classified(1), classified(0)
    assert ACGAN(weight=0.5).d_loss(real, fake)["class_real"].item() == pytest.approx(log(2) / 2)
    assert ACGAN(weight=0.5).g_loss(None, fake)["class"].item() == pytest.approx(log(4) / 2)
    assert ACGAN(classify_fakes=False).d_loss(real, fake).keys() == {"real", "fake", "class_real"}


def test_acgan_skips_the_unlabelled() -> None:
    some, none = classified(-1, 1, -1, -1), classified(-1, -1)
    terms = ACGAN().d_loss(some, none)
    assert terms["class_real"].item() == pytest.approx(log(2))
    assert terms["class_fake"].item() == 0
    terms["class_fake"].backward()  # still in the graph
    assert torch.equal(none.class_logits.grad, torch.zeros(2, 3, dtype=torch.float64))


def coded(outputs: list[float], code: list[float]) -> DiscriminatorOutput:
    outputs, code = (torch.tensor([row, row], dtype=torch.float64) for row in (outputs, code))
    return replace(scored(0, 0), code_logits=outputs.requires_grad_(), code=code)


def test_infogan_categorical_and_continuous_codes() -> None:
    loss = InfoGAN(categorical=3, continuous=2)
    assert (loss.code, loss.code_outputs) == (CodeSpec(3, 2), 5)
    # Means 0.5 and -1 against codes 1 and 0: 1/2 (0.25 + 1), summed over codes.
    fake = coded([0.0, log(2), 0.0, 0.5, -1.0], [1, 0, 0, 1.0, 0.0])
    expected = {"categorical": log(4), "continuous": 0.625}
    for terms in (loss.d_loss(scored(0), fake), loss.g_loss(None, fake)):
        assert {name: terms[name].item() for name in expected} == pytest.approx(expected)
    assert loss.g_loss(None, fake)["adv"].item() == pytest.approx(log(2))


def test_infogan_learned_variance() -> None:
    loss = InfoGAN(categorical=3, continuous=2, learned_variance=True)
    assert loss.code_outputs == 7
    fake = coded([0.0, 0.0, 0.0, 0.5, -1.0, 1.0, -2.0], [1, 0, 0, 1.0, 0.0])
    expected = 0.5 * (0.25 / exp(1) + 1 + 1 / exp(-2) - 2)
    assert loss.g_loss(None, fake)["continuous"].item() == pytest.approx(expected)


def test_infogan_learned_variance_is_best_at_the_true_error() -> None:
    loss = InfoGAN(categorical=0, continuous=1, learned_variance=True)
    fake = coded([0.3, log(0.49)], [1.0])  # an error of 0.7, a variance of 0.49
    loss.g_loss(None, fake)["continuous"].backward()
    assert fake.code_logits.grad[:, 1].abs().max() < 1e-12


def test_infogan_weight_is_one_for_both_kinds() -> None:
    fake = coded([0.0, log(2), 0.0, 0.5, -1.0], [1, 0, 0, 1.0, 0.0])
    terms = InfoGAN(categorical=3, continuous=2, weight=0.1).d_loss(scored(0), fake)
    assert terms["categorical"].item() == pytest.approx(0.1 * log(4))
    assert terms["continuous"].item() == pytest.approx(0.0625)


@pytest.mark.parametrize(("categorical", "continuous"), [(10, 0), (0, 2)])
def test_infogan_with_one_kind_of_code(categorical: int, continuous: int) -> None:
    loss = InfoGAN(categorical=categorical, continuous=continuous)
    size = categorical + continuous
    fake = coded([0.5] * size, [1.0] + [0.0] * (size - 1))
    total = sum(loss.g_loss(None, fake).values())
    total.backward()
    assert total.isfinite() and fake.code_logits.grad.abs().max() > 0


def test_infogans_term_reaches_the_images() -> None:
    """The information term must not be cut out of G's graph."""
    images = torch.zeros(2, 1, 1, 5, dtype=torch.float64, requires_grad=True)
    code: Tensor = torch.tensor([[1.0, 0, 0, 1, 0]] * 2, dtype=torch.float64)
    fake = DiscriminatorOutput(images, code=code, score=torch.zeros(2), code_logits=images.flatten(1))
    loss = InfoGAN(categorical=3, continuous=2)
    (slope,) = torch.autograd.grad(sum(loss.g_loss(None, fake).values()), images)
    third = 1 / 3
    assert slope[0].flatten().tolist() == pytest.approx([x / 2 for x in (third - 1, third, third, -1, 0)])
