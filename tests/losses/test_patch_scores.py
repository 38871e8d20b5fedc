"""Scores of patches, (N, 1, h, w), as a PatchGAN gives them, in a loop of one's own: a mean over all of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor, nn

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.contracts.players import reals
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES, Minimax

PATCHES = sorted(name for name, loss in LOSSES.items() if loss.heads == ("score",) and name != "coulomb")
N, SIDE = 6, 3


class PatchD(nn.Module):
    """Images (N, 1, 6, 6) -> scores (N, 1, 3, 3)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 1, 2, stride=2, dtype=torch.float64)

    def forward(self, samples: Batch) -> DiscriminatorOutput:
        return DiscriminatorOutput(samples.images, score=self.conv(samples.images).square())


def images(seed: int) -> Tensor:
    return torch.rand(N, 1, 6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) * 2 - 1


def terms(name: str, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
    loss = LOSSES[name]()
    found = {f"d/{key}": term for key, term in loss.d_loss(real, fake).items()}
    return found | {f"g/{key}": term for key, term in loss.g_loss(real, fake).items()}


def scored(scores: Tensor) -> DiscriminatorOutput:
    return DiscriminatorOutput(torch.zeros(len(scores), 1, 1, 1), score=scores)


@pytest.mark.parametrize("name", PATCHES)
def test_the_terms_are_the_means_over_all_patches(name):
    judge = PatchD()
    real, fake = judge(Batch(images(0))), judge(Batch(images(1)))
    assert real.score.shape == (N, 1, SIDE, SIDE)
    flat = terms(name, scored(real.score.flatten()), scored(fake.score.flatten()))
    for key, term in terms(name, real, fake).items():
        assert term.shape == () and torch.allclose(term, flat[key], rtol=1e-12), key


@pytest.mark.parametrize("name", PATCHES)
def test_both_players_and_the_penalty_reach_every_weight(name):
    loss, judge = LOSSES[name](), PatchD()
    fakes = images(1).requires_grad_()
    real, fake = Batch(images(0)), Batch(fakes)
    d = loss.d_loss(judge(real), judge(Batch(fakes.detach()))) | loss.penalty(judge, real, Batch(fakes.detach()))
    sum(d.values()).backward()
    assert judge.conv.weight.grad.abs().min() > 0 and fakes.grad is None
    sum(loss.g_loss(judge(real), judge(fake)).values()).backward()
    assert fakes.grad.abs().max() > 0


def test_every_loss_with_a_score_is_tested():
    assert {*PATCHES, "acgan", "infogan", "coulomb"} == {n for n, loss in LOSSES.items() if "score" in loss.heads}


@pytest.mark.parametrize("name", ["acgan", "infogan"])
def test_classes_and_codes_stay_one_row_an_image(name):
    loss, judge = LOSSES[name](), PatchD()
    company = reals(loss, N)
    logits = torch.randn(N, 3, dtype=torch.float64), torch.randn(N, max(loss.code_outputs, 1), dtype=torch.float64)
    given = {"class_logits": logits[0], "code_logits": logits[1]}
    real, fake = (
        DiscriminatorOutput(
            company.images, company.labels, company.code, score=judge(Batch(images(seed))).score, **given
        )
        for seed in (0, 1)
    )
    whole = terms(name, real, fake)
    flat = terms(name, replace(real, score=real.score.flatten()), replace(fake, score=fake.score.flatten()))
    assert whole.keys() == flat.keys() >= {"d/real", "d/fake", "g/adv"}
    for key, term in whole.items():
        assert term.shape == () and torch.allclose(term, flat[key], rtol=1e-12), key


def test_a_drawn_target_is_one_per_sample_and_the_same_for_its_patches(monkeypatch):
    monkeypatch.setattr(rng, "uniform", lambda name, *shape, device="cpu": torch.arange(float(N)).view(shape) / N)
    loss, scores = Minimax(real_target=(0.5, 1.0)), torch.full((N, 1, SIDE, SIDE), 2.0)
    per_sample = loss.d_loss(scored(scores[:, 0, 0, 0]), scored(scores))["real"]
    assert torch.allclose(loss.d_loss(scored(scores), scored(scores))["real"], per_sample)


def test_coulomb_says_that_it_has_one_potential_per_image():
    real = fake = PatchD()(Batch(images(0)))
    with pytest.raises(InputError, match=r"coulomb: .* one score per image, \(N,\), not \(6, 1, 3, 3\)"):
        LOSSES["coulomb"]().d_loss(real, fake)
