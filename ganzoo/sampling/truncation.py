"""Less variety for better images: latents without their rare values."""

from __future__ import annotations

from math import isfinite

import torch
from torch import Tensor
from torch.special import ndtr, ndtri

from ganzoo.errors import InputError


def truncated(z: Tensor, psi: float) -> Tensor:
    """Latents (N, dim) from N(0, I) as latents of the same with every value within [-psi, psi].

    The distribution is that of the truncation trick (Brock et al. 2019, arXiv:1809.11096, section 3.1), which draws a value
    outside the bound again. Here each value keeps its rank instead: the one at quantile q of N(0, 1) becomes the one at
    quantile q of the truncated. So an image changes smoothly with psi, and needs no other numbers than its seed's.
    """
    if not (isfinite(psi) and psi > 0):
        raise InputError(f"truncation must be a bound above 0 on the values of z, not {psi}")
    # From the lower half, which is mirrored: near 1 the distribution function has no digits left.
    lower = -z.double().abs()
    outside = ndtr(torch.tensor(-psi, dtype=torch.float64))
    bounded = ndtri(outside + ndtr(lower) * (1 - 2 * outside)).clamp(-psi, 0)
    return (-bounded * z.sign()).to(z.dtype)
