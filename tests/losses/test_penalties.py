"""Gradient penalties and the tricks made of them, against critics whose slope is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput
from ganzoo.contracts.players import ToyD
from ganzoo.errors import InputError
from ganzoo.losses import DRAGAN, WGANGP, Loss, penalties
from ganzoo.losses.penalties import around, between, dragan_penalty, gradient_penalty, r1, r2
from ganzoo.rng import RngScope
from ganzoo.tricks import TRICKS, Phase, Trick
from ganzoo.tricks.gradient_penalty import R1, R2

from .toys import linear, quadratic

SHAPES = [(1, 4, 4), (3, 8, 8), (2, 1, 1), (2,)]

Penalty = Callable[[DiscriminatorFn, Batch, Batch], Tensor]
PENALTIES: dict[str, Penalty] = {
    "gp": gradient_penalty,
    "dragan": lambda judge, real, fake: dragan_penalty(judge, real),
    "r1": lambda judge, real, fake: r1(judge, real),
    "r2": lambda judge, real, fake: r2(judge, fake),
}


def batch(n: int, shape: tuple[int, ...], seed: int = 0) -> Batch:
    g = torch.Generator().manual_seed(seed)
    return Batch(torch.rand(n, *shape, generator=g, dtype=torch.float64) * 2 - 1)


def with_factors(monkeypatch: pytest.MonkeyPatch, *factors: float) -> None:
    values = torch.tensor(factors, dtype=torch.float64)
    monkeypatch.setattr(penalties, "per_sample", lambda name, x: values.view(-1, *(1,) * (x.ndim - 1)))


# A linear critic: the slope is w wherever it is taken.


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("n", [1, 7])
def test_penalties_of_a_linear_critic(shape: tuple[int, ...], n: int) -> None:
    real, fake = batch(n, shape), batch(n, shape, seed=1)
    weight = torch.randn(real.images[0].numel(), dtype=torch.float64)
    expected = {"gp": (weight.norm() - 1) ** 2, "dragan": (weight.norm() - 1) ** 2} | dict.fromkeys(
        ("r1", "r2"), weight.norm() ** 2
    )
    for name, penalty in PENALTIES.items():
        assert penalty(linear(weight), real, fake).item() == pytest.approx(expected[name].item(), rel=1e-12)


def test_the_losses_and_tricks_add_their_weights() -> None:
    real, fake = batch(3, (1, 4, 4)), batch(3, (1, 4, 4), seed=1)
    judge = linear(torch.full((16,), 0.75, dtype=torch.float64))  # |w| = 3
    for part, terms in {
        "gp": WGANGP().penalty(judge, real, fake),
        "dragan_gp": DRAGAN().penalty(judge, real, fake),
    }.items():
        assert {name: term.item() for name, term in terms.items()} == pytest.approx({part: 10 * (3 - 1) ** 2})
    assert WGANGP(weight=2.0).penalty(judge, real, fake)["gp"].item() == pytest.approx(8)
    assert DRAGAN(weight=2.0, k=0.5).penalty(judge, real, fake)["dragan_gp"].item() == pytest.approx(12.5)
    # gamma / 2: with the bare gamma it would be 90.
    assert R1().d_terms(judge, real, fake)["r1"].item() == pytest.approx(45)
    assert R2(gamma=1.0).d_terms(judge, real, fake)["r2"].item() == pytest.approx(4.5)


# A quadratic critic: the slope at x is x, so a penalty shows where it was taken.


@pytest.mark.parametrize("shape", SHAPES)
def test_gradient_penalty_is_taken_per_sample_between_real_and_fake(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...]
) -> None:
    factors = (0.1, 0.5, 0.9)
    with_factors(monkeypatch, *factors)
    real, fake = batch(3, shape), batch(3, shape, seed=1)
    expected = 0.0
    for a, x, g in zip(factors, real.images, fake.images, strict=True):
        expected += ((a * x + (1 - a) * g).pow(2).sum().sqrt().item() - 1) ** 2 / 3
    assert gradient_penalty(quadratic, real, fake).item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_between_draws_one_factor_a_sample(shape: tuple[int, ...]) -> None:
    real, fake = batch(50, shape), batch(50, shape, seed=1)
    a = ((between(real, fake).images - fake.images) / (real.images - fake.images)).flatten(1)
    assert between(real, fake).images.shape == real.images.shape
    assert torch.allclose(a, a[:, :1].expand_as(a), atol=1e-6)
    assert a.min() >= -1e-6 and a.max() <= 1 + 1e-6 and a[:, 0].std() > 0.2


def test_zero_centred_penalties_are_taken_at_reals_and_at_fakes() -> None:
    real, fake = batch(3, (1, 4, 4)), batch(3, (1, 4, 4), seed=1)
    for trick, at in ((R1(gamma=2.0), real), (R2(gamma=2.0), fake)):
        (term,) = trick.d_terms(quadratic, real, fake).values()
        assert term.item() == pytest.approx(sum(x.pow(2).sum().item() for x in at.images) / 3)


@pytest.mark.parametrize("name", ["gp", "r1", "r2"])
def test_repeating_the_batch_with_its_factors_changes_nothing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real, fake = batch(3, (1, 4, 4)), batch(3, (1, 4, 4), seed=1)
    with_factors(monkeypatch, 0.1, 0.5, 0.9)
    once = PENALTIES[name](quadratic, real, fake)
    with_factors(monkeypatch, 0.1, 0.5, 0.9, 0.1, 0.5, 0.9)
    twice = PENALTIES[name](quadratic, *(s.apply(lambda t: torch.cat([t, t])) for s in (real, fake)))
    assert twice.item() == pytest.approx(once.item(), rel=1e-12)


@pytest.mark.parametrize("name", PENALTIES)
def test_points_carry_the_labels_of_their_batch(name: str) -> None:
    seen = []

    def judge(samples: Batch) -> DiscriminatorOutput:
        seen.append(samples.labels.tolist())
        return quadratic(samples)

    real = Batch(batch(2, (1, 4, 4)).images, labels=torch.tensor([3, 4]))
    fake = Batch(batch(2, (1, 4, 4), seed=1).images, labels=torch.tensor([5, 6]))
    PENALTIES[name](judge, real, fake)
    assert seen == [[5, 6] if name == "r2" else [3, 4]]


# The second derivative, which is what trains D.


@pytest.mark.parametrize("name", PENALTIES)
def test_derivatives_in_ds_weights(name: str) -> None:
    real, fake = batch(3, (1, 1, 3)), batch(3, (1, 1, 3), seed=1)
    torch.manual_seed(0)
    first, last = torch.randn(4, 3, dtype=torch.float64), torch.randn(4, dtype=torch.float64)

    def penalty(first: Tensor, last: Tensor) -> Tensor:
        def judge(s: Batch) -> DiscriminatorOutput:
            return DiscriminatorOutput(s.images, score=torch.tanh(s.images.flatten(1) @ first.T) @ last)

        with RngScope("same numbers"):
            return PENALTIES[name](judge, real, fake)

    weights = (first.requires_grad_(), last.requires_grad_())
    assert torch.autograd.gradcheck(penalty, weights)
    assert torch.autograd.gradgradcheck(penalty, weights)


@pytest.mark.parametrize("name", PENALTIES)
@pytest.mark.parametrize("slopeless", ["zero last layer", "dead units"])
def test_a_zero_slope_gives_no_nan(name: str, slopeless: str) -> None:
    D = nn.Sequential(nn.Flatten(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 1), nn.Flatten(0))
    nn.init.constant_(*((D[3].weight, 0.0) if slopeless == "zero last layer" else (D[1].bias, -100.0)))
    real, fake = (s.apply(Tensor.float) for s in (batch(3, (1, 4, 4)), batch(3, (1, 4, 4), seed=1)))
    term = PENALTIES[name](lambda s: DiscriminatorOutput(s.images, score=D(s.images)), real, fake)
    term.backward()
    assert term.item() == (0.0 if name in ("r1", "r2") else 1.0)
    assert all(p.grad is None or p.grad.isfinite().all() for p in D.parameters())


@pytest.mark.parametrize("name", PENALTIES)
def test_reduced_precision_does_not_reach_the_penalty(name: str) -> None:
    torch.manual_seed(0)
    D = ToyD(WGANGP())
    real, fake = (s.apply(Tensor.float) for s in (batch(4, (1, 4, 4)), batch(4, (1, 4, 4), seed=1)))
    with RngScope("same numbers"):
        exact = PENALTIES[name](D, real, fake)
    with RngScope("same numbers"), torch.autocast("cpu", dtype=torch.bfloat16):
        assert D(real).score.dtype == torch.bfloat16
        term = PENALTIES[name](D, real, fake)
    assert term.dtype == torch.float32 and torch.equal(term, exact)
    half = PENALTIES[name](D, real.apply(Tensor.half), fake.apply(Tensor.half))
    assert half.dtype == torch.float32


def test_d_learns_from_both_the_terms_and_the_penalty() -> None:
    """A penalty that is never added, or the only thing that is, would leave one of the two sums without effect."""
    loss, real, fake = WGANGP(), batch(4, (1, 4, 4)), batch(4, (1, 4, 4), seed=1)
    D = ToyD(loss).double()

    def slope(*terms: dict[str, Tensor]) -> Tensor:
        total = sum(term for part in terms for term in part.values())
        return torch.cat([g.flatten() for g in torch.autograd.grad(total, list(D.encoder.parameters()))])

    with RngScope("a"):
        both = slope(loss.d_loss(D(real), D(fake)), loss.penalty(D, real, fake))
    with RngScope("a"):
        alone = slope(loss.d_loss(D(real), D(fake))), slope(loss.penalty(D, real, fake))
    assert torch.allclose(both, alone[0] + alone[1])
    assert min(part.norm() for part in alone) > 1e-3


# DRAGAN's points.

IMAGES = Batch(torch.rand(64, 3, 8, 8) - 0.5)  # std 0.29, far from the ends of the range


def test_dragans_uniform_noise_is_two_sided_and_as_wide_as_the_data() -> None:
    moved = around(IMAGES, "uniform").images - IMAGES.images
    std = IMAGES.images.std(correction=0)
    assert moved.abs().max() <= std / 2 + 1e-6 and moved.abs().max() > 0.49 * std
    assert abs(moved.mean()) < 0.02 * std
    assert moved.std().item() == pytest.approx((std / 12**0.5).item(), rel=0.02)


def test_dragans_uniform_noise_stays_in_the_range_of_images_only() -> None:
    ends = torch.tensor([-1.0, 1.0])
    images = Batch(ends.repeat(8).view(4, 1, 2, 2))
    points = Batch(ends.repeat(8).view(8, 2, 1, 1))
    assert around(images, "uniform").images.abs().max() <= 1
    assert around(points, "uniform").images.abs().max() > 1


def test_dragans_points_stay_near_what_d_sees_where_noise_took_it_out_of_the_range() -> None:
    """As noisy as the reals that D sees under instance noise: not cut off where they are not."""
    seen = Batch(IMAGES.images + 2)
    moved = around(seen, "uniform").images - seen.images
    assert moved.std().item() == pytest.approx((seen.images.std() / 12**0.5).item(), rel=0.03)
    assert around(seen, "uniform").images.max() <= seen.images.max()


def test_dragans_gaussian_noise() -> None:
    moved = around(IMAGES, "gaussian").images - IMAGES.images
    assert moved.std().item() == pytest.approx(0.08, rel=0.02) and abs(moved.mean()) < 0.002


def test_dragans_one_sided_noise_has_a_factor_a_sample() -> None:
    moved = (around(IMAGES, "one-sided").images - IMAGES.images).flatten(1)
    std = IMAGES.images.std(correction=0)
    assert moved.min() >= -1e-6 and moved.max() <= 0.5 * std + 1e-6
    assert moved.mean().item() == pytest.approx((std / 8).item(), rel=0.2)  # the images brighten
    # The largest of 192 uniform numbers is near 1, so a row's maximum shows its factor.
    factors = moved.max(1).values / (0.5 * std)
    assert factors.std() > 0.2


def test_dragan_looks_around_reals_with_the_noise_it_is_asked_for() -> None:
    real, fake = batch(4, (1, 4, 4)), batch(4, (1, 4, 4), seed=1)
    terms = []
    for noise in ("uniform", "gaussian", "one-sided"):
        with RngScope("a"):
            terms.append(DRAGAN(noise=noise).penalty(quadratic, real, fake)["dragan_gp"].item())
        with RngScope("a"):
            norms = around(real, noise).images.flatten(1).norm(dim=1)
        assert terms[-1] == pytest.approx(10 * (norms - 1).square().mean().item())
    assert len(set(terms)) == 3


@pytest.mark.parametrize("loss", [WGANGP(), DRAGAN(), DRAGAN(noise="gaussian"), DRAGAN(noise="one-sided")])
def test_random_numbers_come_from_the_stream(loss: Loss) -> None:
    real, fake = batch(4, (1, 4, 4)), batch(4, (1, 4, 4), seed=1)

    def term(key: str) -> float:
        rng.uniform("somebody else's", 3)
        with RngScope(key):
            return sum(loss.penalty(quadratic, real, fake).values()).item()

    assert term("a") == term("a") != term("b")


# Tricks.


def test_tricks_are_registered_in_one_order_and_say_what_they_need() -> None:
    for name, trick in TRICKS.items():
        assert trick.name == name and isinstance(trick.phase, Phase)
        assert "https://" in trick.__doc__
    for trick in (R1, R2):
        assert trick.heads == ("score",) and trick.per_sample_gradients
    with pytest.raises(ValueError, match="a trick called 'r1' exists already"):
        type("Again", (Trick,), {"name": "r1"})


def test_hooks_do_nothing_by_default() -> None:
    trick, real, fake = Trick(), batch(2, (1, 4, 4)), batch(2, (1, 4, 4), seed=1)
    assert trick.mix(real, fake) == (real, fake) and trick.view(real) is real
    assert trick.d_terms(quadratic, real, fake) == {} == trick.g_terms(quadratic, None, quadratic(fake))
    trick.after_g_step()


@pytest.mark.parametrize("trick", [R1, R2])
def test_a_negative_gamma_is_refused(trick: type[R1] | type[R2]) -> None:
    with pytest.raises(InputError, match="weight must be at least 0"):
        trick(gamma=-1.0)
