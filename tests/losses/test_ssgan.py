"""SSGAN: a discriminator of K + 1 classes with the last logit held at 0."""

from __future__ import annotations

from dataclasses import replace
from math import log

import pytest
import torch
from torch import Tensor

from ganzoo.batch import DiscriminatorOutput
from ganzoo.contracts.players import SHAPE
from ganzoo.losses import ACGAN, SSGAN

# exp sums to 4, so a real has probability 4/5; among the classes (1/4, 1/2, 1/4).
LOGITS = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64).log()


def judged(logits: Tensor, labels: list[int] | None = None, features: Tensor | None = None) -> DiscriminatorOutput:
    images = torch.zeros(len(logits), *SHAPE)
    table = None if labels is None else torch.tensor(labels)
    return DiscriminatorOutput(images, table, class_logits=logits, features=features)


def test_ssgan_terms_of_known_odds() -> None:
    terms = SSGAN().d_loss(judged(LOGITS.repeat(2, 1), [1, 0]), judged(LOGITS.repeat(3, 1)))
    values = {name: term.item() for name, term in terms.items()}
    assert values == pytest.approx({"class": (log(2) + log(4)) / 2, "real": -log(4 / 5), "fake": -log(1 / 5)})
    assert SSGAN(weight=0.5).d_loss(judged(LOGITS[None], [1]), judged(LOGITS[None]))["class"].item() == pytest.approx(
        log(2) / 2
    )


def test_ssgan_is_a_softmax_over_one_class_more_whose_logit_is_0() -> None:
    torch.manual_seed(0)
    logits = torch.randn(2, 7, 5, dtype=torch.float64) * 3
    labels = [0, 4, -1, 2, -1, -1, 1]
    p_real, p_fake = torch.cat([logits, logits.new_zeros(2, 7, 1)], 2).softmax(2)
    known = [(row, label) for row, label in enumerate(labels) if label >= 0]
    expected = {
        # p(y | x, not fake) of the labelled alone
        "class": -sum(log(p_real[row, label] / (1 - p_real[row, 5])) for row, label in known) / len(known),
        "real": -sum(log(1 - p) for p in p_real[:, 5]) / 7,
        "fake": -sum(log(p) for p in p_fake[:, 5]) / 7,
    }
    terms = SSGAN().d_loss(judged(logits[0], labels), judged(logits[1]))
    assert {name: term.item() for name, term in terms.items()} == pytest.approx(expected)


def test_ssgan_stays_finite_where_d_is_sure() -> None:
    sure = torch.tensor([[200.0, -200.0], [-200.0, -200.0]])
    terms = SSGAN().d_loss(judged(sure, [1, 0]), judged(sure))
    values = {name: term.item() for name, term in terms.items()}
    # log of two e^-200 is -200 + log 2; a difference of equal logits is log 2.
    assert values == pytest.approx({"class": (400 + log(2)) / 2, "real": (200 - log(2)) / 2, "fake": 100})


def test_ssgan_skips_the_unlabelled_in_the_class_term_alone() -> None:
    logits = LOGITS.repeat(4, 1).requires_grad_()
    terms = SSGAN().d_loss(judged(logits, [-1, 1, -1, -1]), judged(LOGITS[None]))
    assert terms["class"].item() == pytest.approx(log(2))
    terms["class"].backward(retain_graph=True)
    assert (logits.grad.abs().sum(1) > 0).tolist() == [False, True, False, False]
    terms["real"].backward()
    assert (logits.grad.abs().sum(1) > 0).all()


def test_ssgan_without_any_label_has_a_class_term_of_0() -> None:
    logits = LOGITS.repeat(2, 1).requires_grad_()
    term = SSGAN().d_loss(judged(logits, [-1, -1]), judged(LOGITS[None]))["class"]
    term.backward()  # still in the graph
    assert term.item() == 0 and torch.equal(logits.grad, torch.zeros(2, 3, dtype=torch.float64))


def test_ssgans_fakes_have_no_class() -> None:
    real, fake = judged(LOGITS[None], [1]), judged(LOGITS[None])
    assert SSGAN().d_loss(real, fake) == SSGAN().d_loss(real, replace(fake, labels=torch.tensor([2])))


def test_ssgans_g_matches_the_mean_features_and_nothing_else() -> None:
    real = judged(LOGITS.repeat(2, 1), features=torch.tensor([[0.0, 2.0], [4.0, 0.0]]))
    # Means (2, 1) and (1, -2): 1 + 9.
    fake = judged(LOGITS.repeat(3, 1), features=torch.tensor([[1.0, -3.0], [0.0, -3.0], [2.0, 0.0]]))
    assert {name: term.item() for name, term in SSGAN().g_loss(real, fake).items()} == {"feature_matching": 10.0}


def test_ssgans_class_term_is_acgans_of_reals() -> None:
    real = replace(judged(LOGITS.repeat(3, 1), [2, -1, 1]), score=torch.zeros(3))
    fake = replace(real, labels=torch.tensor([0, 0, 0]))
    assert SSGAN().d_loss(real, fake)["class"] == ACGAN().d_loss(real, fake)["class_real"]
