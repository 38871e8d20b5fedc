"""The entropy estimate against distributions whose entropy is known, and its gradient."""

from __future__ import annotations

from math import e, log, pi

import pytest
import torch

from ganzoo.batch import DiscriminatorOutput
from ganzoo.tricks import TRICKS
from ganzoo.tricks.output_entropy import entropy_per_value


def normals(n: int, d: int) -> torch.Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("d", "std"), [(1, 1.0), (2, 0.1), (3, 4.0)])
def test_gaussian_samples(d, std):
    found = entropy_per_value(normals(2000, d) * std)
    assert found.item() == pytest.approx(log(2 * pi * e * std**2) / 2, abs=0.06)


def test_uniform_samples_of_a_square():
    g = torch.Generator().manual_seed(0)
    found = entropy_per_value(torch.rand(2000, 2, dtype=torch.float64, generator=g) * 3)
    assert found.item() == pytest.approx(log(3), abs=0.03)


def test_three_points_by_hand():
    """On a line at 0, 1 and 4: r = 1, 1, 3, the unit ball is 2 long, psi(3) - psi(1) = 1 + 1/2."""
    points = torch.tensor([[0.0], [1.0], [4.0]], dtype=torch.float64, requires_grad=True)
    found = entropy_per_value(points)
    assert found.item() == pytest.approx(log(3) / 3 + log(2) + 1.5)
    found.backward()
    assert points.grad.flatten().tolist() == pytest.approx([-2 / 3, 2 / 3 - 1 / 9, 1 / 9])


def output(images: torch.Tensor) -> DiscriminatorOutput:
    return DiscriminatorOutput(images.view(len(images), 1, 2, -1))


def test_the_term_is_the_weighted_negative():
    images = normals(6, 8)
    term = TRICKS["output_entropy"](weight=0.5).g_terms(None, None, output(images))["output_entropy"]
    assert term.item() == pytest.approx(-0.5 * entropy_per_value(images).item())


def test_equal_images_give_a_finite_term_and_gradient():
    images = normals(4, 8).float()[[0, 0, 1, 1]].requires_grad_()
    term = TRICKS["output_entropy"]().g_terms(None, None, output(images))["output_entropy"]
    term.backward()
    assert term.isfinite() and images.grad.isfinite().all()


def test_one_image_has_no_neighbor():
    assert TRICKS["output_entropy"]().g_terms(None, None, output(normals(1, 8))) == {}
