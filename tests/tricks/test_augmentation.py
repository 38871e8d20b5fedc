"""Random transformations against their formulas, from the numbers that they draw."""

from __future__ import annotations

import pytest
import torch
from operator_counts import Operators

from ganzoo import rng
from ganzoo.rng import RngScope
from ganzoo.tricks.augmentation import ALL, COLOR, GEOMETRY, augmented, hue_rotation, normal

N, SIZE = 24, 16
WAITS = {"_local_scalar_dense", "nonzero", "is_nonzero", "equal"}
INDEXES = {"index", "index_put", "index_put_", "_index_put_impl_"}


def pictures(channels: int = 3) -> torch.Tensor:
    return torch.rand(N, channels, SIZE, SIZE, generator=torch.Generator().manual_seed(1)) * 2 - 1


def transformed(kind: str, p: float = 1.0, channels: int = 3, images=None) -> tuple[torch.Tensor, torch.Tensor]:
    """Images with one kind of change, and the three numbers (N, 3) that decided it."""
    with RngScope(0):
        found = augmented(pictures(channels) if images is None else images, (kind,), p, "test")
    with RngScope(0):
        drawn = rng.uniform("test", N, len(ALL), 3)
    return found, drawn[:, ALL.index(kind)]


def close(found: torch.Tensor, expected) -> None:
    torch.testing.assert_close(found, torch.stack(list(expected)), atol=2e-5, rtol=0)


def test_half_of_the_images_are_mirrored():
    found, u = transformed("flip")
    close(found, (x.flip(2) if v < 0.5 else x for x, v in zip(pictures(), u[:, 1], strict=True)))


def test_quarter_turns():
    found, u = transformed("turn")
    counts = (4 * u[:, 1]).long().tolist()
    assert set(counts) == {0, 1, 2, 3}
    close(found, (x.rot90(k, (1, 2)) for x, k in zip(pictures(), counts, strict=True)))


def test_shifts_by_whole_pixels_reflected_at_the_edge():
    found, u = transformed("shift")
    steps = ((2 * u[:, 1:] - 1) * SIZE / 8).round().long().tolist()
    assert {step for both in steps for step in both} == {-2, -1, 0, 1, 2}
    for x, y, (right, down) in zip(pictures(), found, steps, strict=True):
        mirrored = torch.cat((x.flip(2), x, x.flip(2)), 2)
        mirrored = torch.cat((mirrored.flip(1), mirrored, mirrored.flip(1)), 1)
        close(y[None], [mirrored[:, SIZE + down : 2 * SIZE + down, SIZE + right : 2 * SIZE + right]])


def test_enlarging_a_ramp_divides_its_slope():
    ramp = torch.linspace(-1, 1, SIZE).expand(N, 1, SIZE, SIZE)
    found, u = transformed("scale", images=ramp)
    slopes = found[:, 0, 8, 8] - found[:, 0, 8, 7]
    torch.testing.assert_close(slopes, 2 / (SIZE - 1) / 2 ** (0.2 * normal(u[:, 1])))


@pytest.mark.parametrize("channels", [1, 3])
def test_brightness_and_contrast(channels):
    x = pictures(channels)
    found, u = transformed("brightness", channels=channels)
    torch.testing.assert_close(found, x + 0.2 * normal(u[:, 1]).view(-1, 1, 1, 1))
    found, u = transformed("contrast", channels=channels)
    torch.testing.assert_close(found, x * 2 ** (0.5 * normal(u[:, 1])).view(-1, 1, 1, 1))


def test_saturation_scales_the_distance_from_gray():
    found, u = transformed("saturation")
    gray = pictures().mean(1, keepdim=True)
    torch.testing.assert_close(found, gray + (pictures() - gray) * 2 ** normal(u[:, 1]).view(-1, 1, 1, 1))


def test_a_third_of_the_hue_circle_permutes_the_channels():
    one, gray = torch.eye(3), torch.full((3, 3), 1 / 3)
    third = torch.tensor(2 * torch.pi / 3).view(1, 1, 1)
    torch.testing.assert_close(hue_rotation(third, one, gray)[0], one.roll(1, 0), atol=1e-6, rtol=0)
    found, _ = transformed("hue")
    torch.testing.assert_close(found.mean(1), pictures().mean(1))
    torch.testing.assert_close(found.norm(dim=1), pictures().norm(dim=1))
    assert not torch.allclose(found, pictures(), atol=0.1)


@pytest.mark.parametrize("kind", ["saturation", "hue"])
def test_gray_pictures_have_no_hue(kind):
    assert torch.equal(transformed(kind, channels=1)[0], pictures(1))


@pytest.mark.parametrize("kind", ALL)
def test_p_is_the_share_of_changed_images(kind):
    found, u = transformed(kind, p=0.4)
    same = (found - pictures()).abs().amax((1, 2, 3)) < 1e-5
    assert same[u[:, 0] >= 0.4].all() and 0 < (u[:, 0] >= 0.4).sum() < N
    assert not same[u[:, 0] < 0.4].all()


@pytest.mark.parametrize("kinds", [("flip", "shift"), ("turn", "shift"), ("brightness", "contrast"), ("flip", "hue")])
def test_two_kinds_are_one_after_the_other_with_the_same_numbers(kinds):
    with RngScope(0):
        both = augmented(pictures(), kinds, 1.0, "test")
    first, second = kinds
    torch.testing.assert_close(both, transformed(second, images=transformed(first)[0])[0], atol=5e-5, rtol=0)


@pytest.mark.parametrize("kinds", [GEOMETRY, COLOR, ALL])
def test_gradients_pass_and_nothing_is_indexed_or_waits_for_the_device(kinds):
    x = pictures().requires_grad_()
    with RngScope(0), Operators() as ran:
        augmented(x, kinds, torch.tensor(0.5), "test").square().sum().backward()
    assert (x.grad.flatten(1).norm(dim=1) > 0).all()
    assert not ran.counts.keys() & (WAITS | INDEXES)
