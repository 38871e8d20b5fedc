"""What a backbone is: a way from a vector to an image and one back, at every size that doubling reaches."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from torch import nn

from ganzoo.errors import InputError
from ganzoo.registry import Registry

Shape = tuple[int, int, int]
"""(channels, height, width) of one image; two-dimensional points are (2, 1, 1)."""

InitKind = Literal["normal", "orthogonal", "he"]
"""How weights start; see `ganzoo.networks.initialization`."""

SMALLEST, LARGEST = 4, 7
"""The grids that an image may start from: DCGAN's 4x4, and what 28, 40 or 48 pixels halve to."""


@dataclass(frozen=True)
class Backbone:
    """Two modules of one family; the keyword-only parameters of each are its options in the config.

    `decoder(inputs, shape, classes=0, *, ...)` maps (N, inputs) to images (N, *shape); its forward takes the labels as
    well, for conditional batch norm where `classes` is not 0. `encoder(shape, *, ...)` maps images to (N, features) and
    has the attribute `features`.
    """

    decoder: type[nn.Module] | None
    encoder: type[nn.Module]
    init: InitKind
    """The initialisation of its paper."""
    data: Literal["images", "points"]


BACKBONES: Registry[Backbone] = Registry("backbone")


class GridSize(NamedTuple):
    """An image side as `start` doubled `stages` times."""

    start: int
    stages: int


def base_grid(shape: Shape) -> GridSize:
    """Halve the side while it is even and stays at least 4: 28 = 7 x 2^2, 32 = 4 x 2^3, 48 = 6 x 2^3.

    Raises `InputError` for images that are not square, and for a side that does not end in 4 to 7.
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
    return f"no grid of 4 to 7 pixels doubles to {size}; the nearest sizes that can be built: {nearest}"


def stage_widths(width: int, max_multiple: int, count: int) -> list[int]:
    """The channels of `count` maps, largest map first: doubling from `width` up to `max_multiple` times as many."""
    return [width * min(2**i, max_multiple) for i in range(count)]
