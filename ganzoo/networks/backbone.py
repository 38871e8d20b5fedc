"""Backbones: pairs of a decoder (vector to image) and an encoder (image to vector), and their map sizes and widths."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import nn

from ganzoo.errors import InputError
from ganzoo.registry import Registry

Shape = tuple[int, int, int]
"""(channels, height, width) of one image; two-dimensional points are (2, 1, 1)."""

InitKind = Literal["normal", "orthogonal", "he", "fixup"]
"""Weight initialization; see `ganzoo.networks.initialization`."""

SMALLEST, LARGEST = 4, 7
"""Sizes of the smallest map, in pixels: 4 as in DCGAN, up to 7 for image sizes such as 28, 40 and 48."""


@dataclass(frozen=True)
class Backbone:
    """A decoder and an encoder class; the keyword-only parameters of each are its config options.

    `decoder(inputs, shape, classes=0, *, ...)` maps (N, inputs) to images (N, *shape). Its forward also takes labels, for
    conditional batch norm if `classes` is not 0. `encoder(shape, *, ...)` maps images to (N, features) and has an attribute
    `features`.
    """

    decoder: type[nn.Module] | None
    encoder: type[nn.Module]
    init: InitKind
    """The initialization used in its paper."""
    data: Literal["images", "points"]


BACKBONES: Registry[Backbone] = Registry("backbone")


class GridSize(NamedTuple):
    """An image size of `start` pixels doubled `stages` times."""

    start: int
    stages: int


def base_grid(shape: Shape) -> GridSize:
    """The smallest map of an image, by halving while the size is even and at least 8: 28 = 7 x 2^2, 48 = 6 x 2^3.

    Raises `InputError` for images that are not square, and for sizes that do not halve to 4 to 7 pixels.
    """
    _, height, width = shape
    if height != width:
        raise InputError(f"images must be square, not {height}x{width}")
    start, stages = height, 0
    while start % 2 == 0 and start // 2 >= SMALLEST:
        start, stages = start // 2, stages + 1
    if stages == 0 or start > LARGEST:
        raise InputError(_unreachable(height))
    return GridSize(start, stages)


def _unreachable(size: int) -> str:
    sizes = [start << k for k in range(1, size.bit_length() + 2) for start in range(SMALLEST, LARGEST + 1)]
    below, above = [s for s in sizes if s < size][-1:], [s for s in sizes if s > size][:1]
    nearest = " or ".join(map(str, below + above))
    return f"image size {size} is not 4 to 7 pixels doubled repeatedly; nearest sizes: {nearest}"


def stage_widths(width: int, max_multiple: int, count: int) -> list[int]:
    """The channels of `count` maps, largest map first: doubling from `width` up to `max_multiple` times `width`."""
    return [width * min(2**i, max_multiple) for i in range(count)]
