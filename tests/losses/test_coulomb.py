"""The potential field, against numbers worked out by hand and a naive loop."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from ganzoo.batch import DiscriminatorOutput
from ganzoo.losses import CoulombGAN


def judged(images: Tensor, *scores: float) -> DiscriminatorOutput:
    return DiscriminatorOutput(images, score=torch.tensor(scores, dtype=images.dtype))


# r^2 = 3 and epsilon = 1: k = 1/2.
X, G = torch.zeros(1, 1, 1, 1), torch.full((1, 1, 1, 1), 3**0.5)


def test_d_regresses_the_potential() -> None:
    # One real and one fake feel only each other: P(x) = -1/2, P(g) = +1/2.
    terms = CoulombGAN(self_terms=False).d_loss(judged(X, 1.0), judged(G, 3.0))
    assert {k: v.item() for k, v in terms.items()} == pytest.approx({"real": 2.25, "fake": 6.25})


def test_self_terms_can_turn_the_field_round() -> None:
    at_real, at_fake = CoulombGAN().potentials(X, G)
    assert (at_real.item(), at_fake.item()) == pytest.approx((0.5, -0.5))


def test_g_climbs_what_d_has_learnt() -> None:
    assert CoulombGAN().g_loss(None, judged(torch.cat([X, G]), 1.0, 3.0))["adv"].item() == pytest.approx(-2.0)


def test_dimension_and_epsilon() -> None:
    assert CoulombGAN(dimension=4.0).kernel(X, G).item() == pytest.approx(1 / 4)
    assert CoulombGAN(epsilon=2.0).kernel(X, G).item() == pytest.approx(7**-0.5)


def test_scale_makes_a_distance_independent_of_the_image_size() -> None:
    loss, raw = CoulombGAN(scale=True), CoulombGAN()
    for shape in ((1, 4, 4), (3, 8, 8)):
        x, g = X.expand(1, *shape), G.expand(1, *shape)
        assert loss.kernel(x, g).item() == pytest.approx(1 / 2)
        assert raw.kernel(x, g).item() == pytest.approx((3 * x[0].numel() + 1) ** -0.5)


def test_scaled_distances_are_the_same_game_but_for_a_factor() -> None:
    """Epsilon divided by the root of the number of values; the factor is that root."""
    torch.manual_seed(0)
    x, g = torch.randn(4, 1, 3, 3, dtype=torch.float64), torch.randn(4, 1, 3, 3, dtype=torch.float64)
    plain, scaled = CoulombGAN().potentials(x, g), CoulombGAN(scale=True, epsilon=1 / 3).potentials(x, g)
    for p, s in zip(plain, scaled, strict=True):
        torch.testing.assert_close(3 * p, s)


@pytest.mark.parametrize("self_terms", [True, False])
def test_potentials_against_a_naive_loop(self_terms: bool) -> None:
    torch.manual_seed(0)
    x, g = torch.randn(4, 2, 3, 3, dtype=torch.float64), torch.randn(5, 2, 3, 3, dtype=torch.float64)

    def mean_kernel(at: Tensor, others: Tensor) -> float:
        ks = [
            (((at - other) ** 2).mean().item() + 0.5**2) ** -0.5
            for other in others
            if self_terms or not torch.equal(at, other)
        ]
        return float(np.mean(ks))

    at_x, at_g = CoulombGAN(epsilon=0.5, scale=True, self_terms=self_terms).potentials(x, g)
    assert at_x.tolist() == pytest.approx([mean_kernel(v, x) - mean_kernel(v, g) for v in x])
    assert at_g.tolist() == pytest.approx([mean_kernel(v, x) - mean_kernel(v, g) for v in g])


def test_distances_are_exact_in_float32() -> None:
    """By a matrix product a point is not at distance 0 from itself."""
    torch.manual_seed(0)
    images = torch.rand(64, 3, 32, 32) * 2 - 1
    for loss in (CoulombGAN(scale=True), CoulombGAN()):
        kernel = loss.kernel(images, images)
        assert torch.equal(kernel.diagonal(), torch.ones(64))
        assert torch.allclose(kernel.double(), loss.kernel(images.double(), images.double()), rtol=1e-5, atol=0)


def test_half_precision_images_are_measured_in_float32() -> None:
    images = torch.rand(4, 1, 4, 4)
    assert CoulombGAN().kernel(images.half(), images.half()).dtype == torch.float32


def test_the_potential_is_a_constant_to_both_players() -> None:
    images = torch.randn(4, 1, 2, 2, requires_grad=True)
    score = images.flatten(1).sum(1).detach().requires_grad_()
    terms = CoulombGAN().d_loss(DiscriminatorOutput(images, score=score), DiscriminatorOutput(images * 2, score=score))
    sum(terms.values()).backward()
    assert images.grad is None and score.grad.abs().max() > 0


def test_fakes_that_climb_the_field_itself_become_the_data() -> None:
    """Reals attract and fakes repel: points let loose in the field of four reals end up one on each."""
    reals = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]], dtype=torch.float64)
    torch.manual_seed(0)
    fakes = (1 + 0.1 * torch.randn(4, 2, dtype=torch.float64)).requires_grad_()
    loss = CoulombGAN(epsilon=0.5, scale=True)
    for _ in range(400):
        others = fakes.detach()
        field = loss.kernel(fakes, reals).mean(1) - loss.kernel(fakes, others).mean(1)
        assert torch.allclose(field, loss.potentials(reals, others)[1])
        (force,) = torch.autograd.grad(field.sum(), fakes)
        fakes.data += 0.5 * force
    assert torch.cdist(fakes, reals).min(0).values.max() < 0.05
