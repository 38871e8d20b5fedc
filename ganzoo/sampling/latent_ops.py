"""Operations on latents: interpolation (lerp, slerp), walks, code traversal, truncation."""

from collections.abc import Callable
from math import isfinite
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.special import ndtr, ndtri

from ganzoo.batch import CodeSpec
from ganzoo.errors import InputError, unknown_name

PathShape = Literal["circle", "line"]
InterpolateFn = Callable[[Tensor, Tensor, float], Tensor]


def interpolation(along: str | None, distribution: str) -> InterpolateFn:
    """The interpolation `along` the "circle" or the "line"; None chooses by the `distribution` of the latents.

    Gaussian and spherical latents get the great circle (White 2016, arXiv:1609.04468), because a line passes through
    lengths that G never saw in training; uniform latents get the line. Raises `InputError` for any other path.
    """
    if along is None:
        return lerp if distribution == "uniform" else slerp
    if along not in get_args(PathShape):
        raise unknown_name("path of a walk", along, get_args(PathShape))
    return lerp if along == "line" else slerp


def walk_points(points: Tensor, frames: int, way: InterpolateFn) -> Tensor:
    """Latents (M, dim) of a walk through `points` (N, dim): `frames` from each point to the next, both included.

    A point shared by two legs appears once, so M = (N - 1) (frames - 1) + 1. Raises `InputError` for fewer than 2 points
    or frames.
    """
    if frames < 2:
        raise InputError(f"a walk needs at least 2 frames, not {frames}")
    if len(points) < 2:
        raise InputError("a walk needs at least two seeds")
    steps = torch.linspace(0, 1, frames)[:-1].tolist()
    legs = zip(points[:-1].split(1), points[1:].split(1), strict=True)
    return torch.cat([*(way(a, b, t) for a, b in legs for t in steps), points[-1:]])


def lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at `t` on the straight line from `a` to `b`, both (1, dim)."""
    return torch.lerp(a, b, t)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at `t` on the great circle from `a` to `b`, both (1, dim); the length changes linearly in `t`."""
    cosine = F.cosine_similarity(a, b).clamp(-1, 1)
    angle = torch.acos(cosine)
    if angle.sin() < 1e-4:  # the circle is not defined for (nearly) parallel ends
        return lerp(a, b, t)
    unit_a, unit_b = F.normalize(a), F.normalize(b)
    direction = (torch.sin((1 - t) * angle) * unit_a + torch.sin(t * angle) * unit_b) / torch.sin(angle)
    return direction * torch.lerp(a.norm(dim=1), b.norm(dim=1), t)


CATEGORY = "category"
CONTINUOUS_RANGE = 2.0  # continuous codes are drawn from [-1, 1] and shown over twice that, as in InfoGAN's figure 2
DEFAULT_COLUMNS = 10  # values of a continuous code if there is no category


def code_names(code: CodeSpec | None) -> tuple[str, ...]:
    """Names of the parts of a code: "category", then "1", "2", ... for the continuous codes; empty without a code."""
    if code is None:
        return ()
    return (*([CATEGORY] if code.categorical else []), *(str(i + 1) for i in range(code.continuous)))


def code_columns(code: CodeSpec) -> int:
    """The number of values in the traversal of a part: the number of categories, or ten without categories."""
    return code.categorical or DEFAULT_COLUMNS


def traverse_code(values: Tensor, code: CodeSpec, name: str) -> Tensor:
    """Codes `values` (N, K + C), constant in each row of `code_columns(code)`, with the part `name` varied along the row.

    A category takes each of its values in turn; a continuous code takes evenly spaced values from -2 to 2.
    """
    changed, width = values.clone(), code_columns(code)
    rows = len(values) // width
    if name == CATEGORY:
        changed[:, : code.categorical] = F.one_hot(torch.arange(width), width).repeat(rows, 1)
    else:
        changed[:, code.categorical + int(name) - 1] = torch.linspace(
            -CONTINUOUS_RANGE, CONTINUOUS_RANGE, width
        ).repeat(rows)
    return changed


def truncate(z: Tensor, psi: float) -> Tensor:
    """Map latents (N, dim) from N(0, I) to the normal distribution truncated to [-psi, psi].

    The distribution is that of the truncation trick (Brock et al. 2019, arXiv:1809.11096, section 3.1), which redraws
    values outside the bound. Here each value keeps its quantile instead: quantile q of N(0, 1) becomes quantile q of the
    truncated distribution. An image therefore changes smoothly with psi and needs no random numbers but its seed's.
    """
    if not (isfinite(psi) and psi > 0):
        raise InputError(f"truncation must be a bound above 0 on the values of z, not {psi}")
    # Computed on the lower half and mirrored: near 1 the distribution function has no precision left.
    lower = -z.double().abs()
    outside = ndtr(torch.tensor(-psi, dtype=torch.float64))
    bounded: Tensor = ndtri(outside + ndtr(lower) * (1 - 2 * outside)).clamp(-psi, 0)
    return (-bounded * z.sign()).to(z.dtype)
