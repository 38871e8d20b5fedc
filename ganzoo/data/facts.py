"""Facts of each image, measured while it is decoded and kept in the cache, so that no second pass decodes them again."""

from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

import numpy as np


class ImageFacts(NamedTuple):
    """Facts of one image, or their columns (N,) for a set; the order is that of the cache."""

    width: int
    """Of the file, in pixels, upright."""
    height: int
    brightest: int
    """Largest value of the prepared pixels, 0 to 255."""
    spread: int
    """Largest difference between the channels of a prepared pixel; 0 in a gray image."""
    content: int
    """Digest of the prepared pixels, 64 bits."""


COLUMNS = len(ImageFacts._fields)


def measure(size: tuple[int, int], pixels: np.ndarray) -> ImageFacts:
    """Facts of the image of `size` (width, height) whose prepared `pixels` are (C, H, W) uint8, contiguous for speed."""
    digest = sha256(pixels.data).digest()[:8]
    spread = int((pixels.max(0) - pixels.min(0)).max())
    return ImageFacts(*size, int(pixels.max()), spread, int.from_bytes(digest, "little", signed=True))


@dataclass(frozen=True)
class DecodingFacts:
    """Everything that decoding a split has shown."""

    table: np.ndarray
    """(M, `COLUMNS`) int64, a row of `ImageFacts` for each image of the cache."""
    crop: str
    """`data.crop` of the images."""
    skipped: tuple[str, ...]
    """A line for each unreadable file."""
