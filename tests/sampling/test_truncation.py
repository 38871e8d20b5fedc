"""The truncation trick against what its paper does: drawing a value outside the bound again."""

from __future__ import annotations

import pytest
import torch

from ganzoo.errors import InputError
from ganzoo.sampling.latent_ops import truncate


def drawn_again(n: int, psi: float) -> torch.Tensor:
    """Brock et al. 2019: values whose magnitude is above the bound are drawn again until it is not."""
    z = torch.randn(n)
    while (outside := z.abs() > psi).any():
        z[outside] = torch.randn(int(outside.sum()))
    return z


@pytest.mark.parametrize("psi", [0.3, 1.0, 2.0])
def test_the_distribution_is_that_of_drawing_again(psi):
    n = 40_000
    ours, theirs = truncate(torch.randn(n, 1), psi).flatten().sort().values, drawn_again(n, psi).sort().values
    assert ours.abs().max() <= psi
    # The two-sample statistic of Kolmogorov and Smirnov; 1.95 sqrt(2 / n) is passed once in a thousand.
    both = torch.cat([ours, theirs])
    apart = (torch.searchsorted(ours, both, right=True) - torch.searchsorted(theirs, both, right=True)).abs().max() / n
    assert apart < 1.95 * (2 / n) ** 0.5


def test_every_value_keeps_its_rank_and_its_sign_and_a_wide_bound_changes_nothing():
    z = torch.linspace(-6, 6, 241)[None]
    for psi in (0.01, 0.5, 4.0):
        found = truncate(z, psi)
        assert (found.diff() >= 0).all() and torch.equal(found, -truncate(-z, psi)) and found.dtype == z.dtype
        assert (found.abs() <= z.abs() + 1e-7).all()
    assert torch.allclose(truncate(z, 40.0), z, atol=1e-5)
    assert truncate(z, 0.01).diff()[0, 100:140].min() > 0, "a tight bound leaves them apart"


@pytest.mark.parametrize("psi", [0.0, -1.0, float("nan"), float("inf")])
def test_a_bound_that_is_none_is_refused(psi):
    with pytest.raises(InputError, match="truncation must be a bound above 0"):
        truncate(torch.zeros(1, 2), psi)
