from __future__ import annotations

import pytest
import torch

from ganzoo.evaluation.checkerboard import energies, mask, periods, ratios
from tiny_extractor import pictures


def smooth(n: int = 200, seed: int = 0) -> torch.Tensor:
    """Blurred noise (n, 1, 32, 32)."""
    noise = torch.randn(n, 1, 36, 36, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.avg_pool2d(torch.nn.functional.avg_pool2d(noise, 3, 1), 3, 1)


def pattern(period: int) -> torch.Tensor:
    """(32, 32) of mean 0 with one bright pixel a cell, as an uneven overlap leaves it."""
    cell = torch.zeros(period, period)
    cell[0, 0] = 1
    return (cell - cell.mean()).repeat(32 // period, 32 // period)


def test_real_against_real_is_one():
    real = energies(smooth())
    assert ratios(real, real).tolist() == pytest.approx([1, 1])
    assert ratios(energies(smooth(seed=1)), real).tolist() == pytest.approx([1, 1], abs=0.1)


def test_a_checkerboard_is_seen_at_its_own_frequency():
    images, real = smooth(seed=1), energies(smooth())
    fine, coarse = (ratios(energies(images + 0.1 * pattern(p)), real) for p in (2, 4))
    assert fine[0] > 5 and fine[1] == pytest.approx(1, abs=0.1)
    assert coarse[1] > 1.5 and coarse[0] > fine[1], "a pattern of period 4 has overtones of period 2"


def test_a_checkerboard_that_the_image_modulates_is_seen_too():
    """Of an image that is smooth: its own spectrum, moved to the stride frequency, must stay near it."""
    images = pictures(200, size=32).float() / 127.5 - 1
    assert ratios(energies(images * (1 + 0.2 * pattern(2))), energies(images))[0] > 2


def test_more_of_it_is_more():
    images, real = smooth(seed=1), energies(smooth())
    grown = [ratios(energies(images + a * pattern(2)), real)[0].item() for a in (0.0, 0.05, 0.1, 0.2)]
    assert grown == sorted(grown) and grown[-1] > 3 * grown[1]


def test_blur_lowers_it_and_contrast_and_brightness_change_nothing():
    images = smooth()
    real = energies(images)
    blurred = torch.nn.functional.avg_pool2d(images, 3, 1, 1)
    assert ratios(energies(blurred), real)[0] < 0.5
    assert ratios(energies(0.3 * images + 0.2), real).tolist() == pytest.approx([1, 1], rel=1e-3)


def test_energy_of_a_wave_is_where_it_should_be():
    """All energy of a row wave of period 2 is at (0, pi), and, under the window, in the bins beside it."""
    wave = torch.tensor([1.0, -1.0]).repeat(16).expand(1, 1, 32, 32)
    total, fine, coarse = energies(wave)[0].tolist()
    assert fine == pytest.approx(total, rel=1e-4) and coarse == pytest.approx(0, abs=1e-4 * total)


def test_masks_do_not_overlap_and_leave_out_the_mean():
    fine, coarse = mask(2, 32, 32), mask(4, 32, 32)
    assert fine.sum() == 27 and coarse.sum() == 108
    assert (fine * coarse).sum() == 0 and fine[:2, :2].sum() == coarse[:2, :2].sum() == 0


@pytest.mark.parametrize(("size", "expected"), [((32, 32), (2, 4)), ((30, 32), (2,)), ((31, 32), ()), ((4, 4), ())])
def test_which_periods_there_are(size, expected):
    assert periods(*size) == expected
