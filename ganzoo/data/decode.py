"""Decoding of a source's images into a file of pixels, with labels, digest and facts of each image, which the cache keeps."""

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np

from ganzoo.data.transform import Picture, Transform
from ganzoo.errors import InputError, escape, first_line


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


OnCorrupt = Literal["error", "skip"]


@dataclass
class Decoded:
    """Result of `decode`, apart from the pixels."""

    digest: Any = field(default_factory=sha256)
    """Running SHA-256 of the pixels."""
    labels: list[int] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    """A line for each unreadable image."""
    facts: "array[int]" = field(default_factory=lambda: array("q"))
    """`ImageFacts` of every image, one after the other."""

    @property
    def fact_table(self) -> np.ndarray:
        """(N, `COLUMNS`) int64."""
        return np.array(self.facts, np.int64).reshape(-1, COLUMNS)


def decode(
    pictures: Iterable[tuple[Picture, int]], transform: Transform, on_corrupt: OnCorrupt, file: IO[bytes]
) -> Decoded:
    """Write the pixels of `pictures` to `file`; raises `InputError` for an unreadable image under "error"."""
    found = Decoded()
    for number, (picture, label) in enumerate(pictures):
        try:
            image = transform.open(picture)
            pixels = np.ascontiguousarray(transform.fit(image))
        # Decoders raise any type of error for a broken file.
        except Exception as error:
            found.skipped.append(_error_line(picture, number, error))
            if on_corrupt == "error":
                raise corrupt_error(found.skipped[0]) from None
            continue
        file.write(pixels.data)
        found.digest.update(pixels.data)
        found.labels.append(label)
        found.facts.extend(measure(image.size, pixels))
    return found


def _error_line(picture: Picture, number: int, error: Exception) -> str:
    where = picture if isinstance(picture, Path) else f"picture {number}"
    # The name of a file need not be valid text, but entry.json must be.
    return escape(f"cannot read {where} ({first_line(error)})")


def corrupt_error(complaint: str) -> InputError:
    """The error for an unreadable image that was not to be skipped."""
    return InputError(f"{complaint}; on_corrupt = 'skip' leaves such images out")
