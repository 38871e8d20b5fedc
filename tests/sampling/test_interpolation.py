"""Ways between latents."""

from __future__ import annotations

import pytest
import torch

from ganzoo.errors import InputError
from ganzoo.sampling.latent_ops import interpolation, lerp, slerp, walk_points


def test_slerp_stays_on_the_sphere_and_turns_evenly():
    a, b = torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 2.0]])
    points = torch.cat([slerp(a, b, t) for t in (0.0, 0.25, 0.5, 1.0)])
    half = 2**0.5
    expected = torch.tensor([[2.0, 0.0], [1.847759, 0.765367], [half, half], [0.0, 2.0]])
    assert torch.allclose(points, expected, atol=1e-5)
    assert torch.allclose(slerp(a, a, 0.5), a), "parallel ends have no circle"
    assert torch.allclose(slerp(a, 3 * b, 0.5).norm(), torch.tensor(4.0)), "the length moves evenly"


def test_a_walk_passes_every_point_once():
    points = torch.tensor([[0.0, 0.0], [3.0, 0.0], [3.0, 6.0], [0.0, 0.0]])
    found = walk_points(points, 4, lerp)
    corners = [[0, 0], [1, 0], [2, 0], [3, 0], [3, 2], [3, 4], [3, 6], [2, 4], [1, 2], [0, 0]]
    assert torch.allclose(found, torch.tensor(corners, dtype=torch.float32), atol=1e-6)
    assert walk_points(points[:2], 2, slerp).tolist() == points[:2].tolist()


def test_too_little_for_a_walk_is_refused():
    points = torch.eye(3)
    with pytest.raises(InputError, match="at least 2 frames, not 1"):
        walk_points(points, 1, lerp)
    with pytest.raises(InputError, match="at least two seeds"):
        walk_points(points[:1], 3, lerp)


def test_the_way_suits_the_latent():
    assert interpolation(None, "uniform") is lerp and interpolation("circle", "uniform") is slerp
    assert (
        interpolation(None, "gaussian") is interpolation(None, "sphere") is slerp
        and interpolation("line", "gaussian") is lerp
    )
    with pytest.raises(InputError, match="no path of a walk is called 'cricle'; did you mean 'circle'"):
        interpolation("cricle", "gaussian")
