"""Random transformations of images, each with probability p per image, as one resampling and one product of colors."""

from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo import rng

Transformation = Literal["flip", "turn", "shift", "scale", "brightness", "contrast", "saturation", "hue"]

GEOMETRY: tuple[Transformation, ...] = ("flip", "turn", "shift", "scale")
COLOR: tuple[Transformation, ...] = ("brightness", "contrast", "saturation", "hue")
ALL: tuple[Transformation, ...] = (*GEOMETRY, *COLOR)

MAX_SHIFT = 1 / 8  # share of the side
SCALE_STD, BRIGHTNESS_STD, CONTRAST_STD, SATURATION_STD = (
    0.2,
    0.2,
    0.5,
    1.0,
)  # brightness in [-1, 1], the others in octaves


def augmented(images: Tensor, kinds: tuple[Transformation, ...], p: Tensor | float, stream: str) -> Tensor:
    """Images (N, C, H, W) with each of `kinds` applied with probability `p`, drawn from the random stream `stream`.

    Kinds and their strengths are those of Karras et al. 2020, https://arxiv.org/abs/2006.06676, appendix B; G's gradient
    passes through. Unlike the authors', an image is resampled without a low-pass filter, and reflected at its outer edge.
      flip        mirrored horizontally with probability 1/2
      turn        turned by 0, 90, 180 or 270 degrees
      shift       moved by up to 1/8 of the side in each direction, in whole pixels
      scale       enlarged by 2^(0.2 n), n ~ N(0, 1)
      brightness  plus 0.2 n
      contrast    times 2^(0.5 n)
      saturation  distance from gray times 2^n (color images)
      hue         turned around the gray axis by any angle (color images)
    """
    drawn = rng.uniform(stream, len(images), len(ALL), 3, device=images.device)
    # Every kind always has the same columns, so that switching one off does not change another.
    chosen = {kind: (drawn[:, i, 0] < p, drawn[:, i, 1], drawn[:, i, 2]) for i, kind in enumerate(ALL) if kind in kinds}
    if any(kind in chosen for kind in GEOMETRY):
        images = resampled(images, chosen)
    if any(kind in chosen for kind in COLOR):
        images = recolored(images, chosen)
    return images


Draws = dict[Transformation, tuple[Tensor, Tensor, Tensor]]
"""Kind -> whether each image gets it (N,), and two numbers in [0, 1) that say how strongly."""


def resampled(images: Tensor, chosen: Draws) -> Tensor:
    """The images as seen from transformed positions, bilinear."""
    n, _, height, width = images.shape
    where = torch.eye(2, 3, device=images.device).expand(n, 2, 3)  # from positions in the result to those in the image
    linear, offset = where[:, :, :2], where[:, :, 2:]
    for kind in (kind for kind in GEOMETRY if kind in chosen):
        on, first, second = chosen[kind]
        if kind == "shift":
            moved = [whole_pixels(u, side) * on for u, side in ((first, width), (second, height))]
            offset = offset + linear @ torch.stack(moved, 1)[:, :, None]
        else:
            linear = linear @ LINEAR[kind](on, first)
    grid = positions(linear, offset, height, width)
    return F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)


def positions(linear: Tensor, offset: Tensor, height: int, width: int) -> Tensor:
    """`affine_grid` of the matrices (N, 2, 2) and offsets (N, 2, 1), by broadcasting: a tenth of its time on CPUs."""
    x, y = ((2 * torch.arange(side, device=linear.device) + 1) / side - 1 for side in (width, height))
    across, down, offset = linear[:, :, :1, None], linear[:, :, 1:, None], offset[..., None]
    return (across * x + down * y[:, None] + offset).permute(0, 2, 3, 1)


def whole_pixels(u: Tensor, side: int) -> Tensor:
    """A random number of pixels in units of half the side, as positions in an image have."""
    return ((2 * u - 1) * MAX_SHIFT * side).round() * (2 / side)


def flip(on: Tensor, u: Tensor) -> Tensor:
    """Matrices (N, 2, 2) that mirror half of the images that are `on`."""
    side = torch.where(on & (u < 0.5), -1.0, 1.0)
    return torch.stack((side, torch.ones_like(side)), 1).diag_embed()


def turn(on: Tensor, u: Tensor) -> Tensor:
    """Matrices (N, 2, 2) of quarter turns."""
    angle = on * (4 * u).floor() * (torch.pi / 2)
    c, s = angle.cos().round(), angle.sin().round()
    return torch.stack((torch.stack((c, -s), 1), torch.stack((s, c), 1)), 1)


def scale(on: Tensor, u: Tensor) -> Tensor:
    """Matrices (N, 2, 2) of enlargement: a result's pixel is nearer to the middle in the image."""
    factor = torch.exp2(-SCALE_STD * on * normal(u))
    return torch.stack((factor, factor), 1).diag_embed()


LINEAR = {"flip": flip, "turn": turn, "scale": scale}


def recolored(images: Tensor, chosen: Draws) -> Tensor:
    """The images times a color matrix per image, plus an offset."""
    n, channels = images.shape[:2]
    one = torch.eye(channels, device=images.device)
    gray = torch.full_like(one, 1 / channels)  # projects a color on the gray axis
    matrix, offset = one.expand(n, -1, -1), torch.zeros(n, 1, 1, device=images.device)
    for kind in (kind for kind in COLOR if kind in chosen):
        on, u, _ = (draw[:, None, None] for draw in chosen[kind])
        if kind == "brightness":
            offset = offset + BRIGHTNESS_STD * on * normal(u)
        elif kind == "contrast":
            factor = torch.exp2(CONTRAST_STD * on * normal(u))
            matrix, offset = factor * matrix, factor * offset
        elif channels == 3:
            change = gray + (one - gray) * torch.exp2(SATURATION_STD * on * normal(u))
            matrix = (change if kind == "saturation" else hue_rotation(on * (2 * u - 1) * torch.pi, one, gray)) @ matrix
    return torch.baddbmm(offset, matrix, images.flatten(2)).view_as(images)


def hue_rotation(angle: Tensor, one: Tensor, gray: Tensor) -> Tensor:
    """Rotations (N, 3, 3) by `angle` (N, 1, 1) around the gray axis, by Rodrigues' formula."""
    cross = (one.roll(1, 0) - one.roll(-1, 0)) / 3**0.5  # product with the axis (1, 1, 1) / sqrt 3
    return gray + (one - gray) * angle.cos() + cross * angle.sin()


def normal(u: Tensor) -> Tensor:
    """N(0, 1) numbers from uniform ones in [0, 1)."""
    return 2**0.5 * torch.erfinv((2 * u - 1).clamp(min=-1 + 2**-23))
