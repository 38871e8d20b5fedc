"""Ways between latents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo.errors import InputError, unknown

Path = Literal["circle", "line"]
Between = Callable[[Tensor, Tensor, float], Tensor]


def between(along: str | None, distribution: str) -> Between:
    """The way `along` the "circle" or the "line"; None is the one that suits latents of `distribution`.

    That is the great circle for Gaussian and spherical latents (White 2016, arXiv:1609.04468), where a line would pass
    through lengths that G never met, and the line for uniform. Raises `InputError` for another word.
    """
    if along is None:
        return lerp if distribution == "uniform" else slerp
    if along not in get_args(Path):
        raise unknown("path of a walk", along, get_args(Path))
    return lerp if along == "line" else slerp


def through(points: Tensor, frames: int, way: Between) -> Tensor:
    """Points (M, dim) that lead through `points` (N, dim) in turn: `frames` from each to the next, both of them included.

    A point where two legs meet comes once, so M = (N - 1) (frames - 1) + 1. Raises `InputError` for too few of either.
    """
    if frames < 2:
        raise InputError(f"a walk needs at least 2 frames, not {frames}")
    if len(points) < 2:
        raise InputError("a walk needs at least two seeds to go between")
    steps = torch.linspace(0, 1, frames)[:-1].tolist()
    legs = zip(points[:-1].split(1), points[1:].split(1), strict=True)
    return torch.cat([*(way(a, b, t) for a, b in legs for t in steps), points[-1:]])


def lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at `t` on the straight line from `a` to `b`, both (1, dim)."""
    return torch.lerp(a, b, t)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at `t` on the great circle from `a` to `b`, both (1, dim); the length moves evenly."""
    cosine = F.cosine_similarity(a, b).clamp(-1, 1)
    angle = torch.acos(cosine)
    if angle.sin() < 1e-4:  # the circle is not defined for (nearly) parallel ends
        return lerp(a, b, t)
    unit_a, unit_b = F.normalize(a), F.normalize(b)
    direction = (torch.sin((1 - t) * angle) * unit_a + torch.sin(t * angle) * unit_b) / torch.sin(angle)
    return direction * torch.lerp(a.norm(dim=1), b.norm(dim=1), t)
