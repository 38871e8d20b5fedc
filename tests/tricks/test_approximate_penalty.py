"""Approximate R1 and R2 against the exact ones, which are their limit, and by what they compute."""

from __future__ import annotations

import pytest
import torch

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.builder import resolve_config
from ganzoo.errors import InputError
from ganzoo.losses import penalties
from ganzoo.networks import initialize, make_discriminator
from ganzoo.rng import RngScope
from ganzoo.tricks import TRICKS
from small_runs import small, toy_data

VALUES = 64


def discriminator():
    d = make_discriminator("dcgan", {"width": 4, "norm": "none", "activation": "elu"}, shape=(1, 8, 8))
    initialize(d, "he", 0, "d")
    return d.double()


def along_each_axis(name, *shape, device):
    """Noise with E n n^T = I exactly: sqrt(d) times each unit vector in turn."""
    n = torch.eye(VALUES, dtype=torch.float64) * VALUES**0.5
    return n.repeat(shape[0] // VALUES, 1).view(shape)


@pytest.mark.parametrize(("name", "exact"), [("approximate_r1", penalties.r1), ("approximate_r2", penalties.r2)])
def test_the_limit_is_the_exact_penalty(name, exact, monkeypatch):
    """Of weight gamma / (2 sigma^2), with an error that falls with sigma."""
    monkeypatch.setattr(rng, "normal", along_each_axis)
    d, gamma = discriminator(), 3.0
    three = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(0)).double()
    sides = [Batch(x.repeat_interleave(VALUES, 0)) for x in (three, three.flip(3) * 2)]
    expected = gamma / 2 * exact(d, sides[0] if name == "approximate_r1" else sides[1])
    errors = []
    for sigma in (1e-2, 1e-3, 1e-4):
        trick = TRICKS[name](weight=gamma / (2 * sigma**2), sigma=sigma)
        (value,) = trick.judged_terms(d, *map(d, sides)).values()
        errors.append(abs(value - expected).item() / expected.item())
    assert errors[0] < 0.1 and errors[1] < 0.2 * errors[0] and errors[2] < 1e-3
    slopes = [torch.autograd.grad(each, list(d.encoder.parameters())) for each in (value, expected)]
    for ours, theirs in zip(*slopes, strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-3 * theirs.abs().max().item(), rtol=0)


def test_the_formula_and_a_single_pass():
    d, passes = discriminator(), []
    real, fake = (Batch(torch.randn(4, 1, 8, 8).double()) for _ in range(2))
    judged = d(real), d(fake)

    def judge(batch):
        passes.append(batch.images)
        return d(batch)

    with RngScope(0, "d", 0):
        terms = TRICKS["approximate_r2"](weight=7.0, sigma=0.2).judged_terms(judge, *judged)
    (noisy,) = passes
    with RngScope(0, "d", 0):
        torch.testing.assert_close(noisy, fake.images + 0.2 * rng.normal("approximate_r2", 4, 1, 8, 8))
    expected = 7 * (judged[1].score - d(Batch(noisy)).score).square().mean()
    torch.testing.assert_close(terms["approximate_r2"], expected)


def test_a_weight_can_follow_a_schedule():
    trick = TRICKS["approximate_r1"](weight={"from": 4.0, "to": 2.0, "over": 4})
    assert trick.weight.now == 4.0
    trick.weight.set_step(2, 1)
    assert trick.weight.now == 3.0


def test_what_makes_the_difference_meaningless_is_refused():
    for settings, message in (
        ({"train": {"precision": "bf16"}}, "bf16 is too coarse; set train.precision='float32'"),
        ({"networks": {"discriminator": {"norm": "batch"}}}, "batch norm in D mixes samples"),
    ):
        tricks = {"approximate_r1": True}
        norm = settings.get("networks", {"discriminator": {"norm": "none"}})
        with pytest.raises(InputError, match=message):
            resolve_config(small("nsgan", **settings | {"networks": norm, "tricks": tricks}), toy_data())
