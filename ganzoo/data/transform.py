"""Any picture, of whatever mode and size, as a square of bytes."""

from collections.abc import Iterable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

Picture = Image.Image | np.ndarray | Path | bytes
"""A picture, an array (H, W) or (H, W, 3) uint8, a file, or a file's content."""

# Not all that Pillow opens: it recognises files by content, and some of its decoders start other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

MAX_PIXELS = 178_956_970
"""Pixels of one picture; Pillow refuses a file with more, which may be a few bytes that unfold to gigabytes."""


@dataclass(frozen=True)
class Pictures:
    """One split of a source, read picture by picture and only once."""

    count: int
    each: Iterable[tuple[Picture, int]]
    """Picture and label; the label is -1 where there is none."""
    class_names: list[str]
    """Empty: there are no labels."""


@dataclass(frozen=True)
class Transform:
    """Shorter side to `size` with antialiasing, middle square; or, with `pad`, 28 pixels to 32 by a black border."""

    size: int
    channels: int
    """1 (grey) or 3."""
    pad: bool = False

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of what comes out."""
        return self.channels, self.size, self.size

    def __call__(self, picture: Picture) -> np.ndarray:
        """(C, size, size) uint8; raises what Pillow raises where the picture cannot be read."""
        image = to_plain_mode(open_image(picture)).convert("L" if self.channels == 1 else "RGB")
        if self.pad and self.size == 32 and image.size == (28, 28):
            image = ImageOps.expand(image, border=2)
        else:
            # Cuts the middle square and resizes it in one pass: the pixels of resizing first, at less cost.
            image = ImageOps.fit(image, (self.size, self.size), Image.Resampling.BICUBIC)
        return np.asarray(image).reshape(self.size, self.size, self.channels).transpose(2, 0, 1)


def open_image(picture: Picture) -> Image.Image:
    """The picture, not yet decoded where it comes from a file."""
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, np.ndarray):
        return Image.fromarray(picture)
    if isinstance(picture, Path) and picture.exists() and not picture.is_file():
        raise ValueError("it is not a regular file")  # a FIFO would never end
    return Image.open(BytesIO(picture) if isinstance(picture, bytes) else picture, formats=FORMATS)


def to_plain_mode(image: Image.Image) -> Image.Image:
    """Upright, 8 bits a channel, and opaque: EXIF's rotation applied, 16 bits scaled, alpha laid over white."""
    # Pillow's mode I is 32 bits, but for what some formats keep in 16.
    if image.mode == "F" or (image.mode == "I" and image.format not in ("PNG", "PPM")):
        raise ValueError(f"pixels of {'floating point' if image.mode == 'F' else '32 bits'} have no known scale")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        pixels = np.asarray(image)
        pixels = np.where(pixels == image.info.get("transparency"), 65535, pixels)
        return Image.fromarray((pixels / 257).round().clip(0, 255).astype(np.uint8))
    if not image.has_transparency_data:
        return image
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image.convert("RGBA"))
