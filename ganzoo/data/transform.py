"""File types, decoding, cropping and resizing: any image of any mode and size as a square of uint8 pixels."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageOps

from ganzoo.errors import DISTRIBUTION

SUFFIXES = (".png", ".jpg", ".jpeg", ".jfif", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
"""Suffixes of the formats that every Pillow decodes."""

# Only some of Pillow's formats: it recognizes files by content, and some of its decoders start other programs.
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF", "PPM")

OPTIONAL = {".avif": "AVIF", ".heic": "HEIF", ".heif": "HEIF", ".hif": "HEIF"}
"""Suffix -> format of the files that Pillow decodes with a plugin of the extra `formats` (AVIF: alone since 11.3)."""


@cache
def decoders() -> tuple[str, ...]:
    """Pillow's names of the formats that can be decoded here; registers the installed plugins."""
    found = list(FORMATS)
    if ".avif" in Image.registered_extensions() or _import("pillow_avif"):
        found.append("AVIF")
    if plugin := _import("pillow_heif"):
        plugin.register_heif_opener()
        found.append("HEIF")
    return tuple(found)


def _import(package: str) -> Any:
    try:
        return import_module(package)
    except ImportError:
        return None


def has_image_suffix(file: Path) -> bool:
    """True if `file` is an image by its suffix, decodable here or not."""
    return file.suffix.lower() in (*SUFFIXES, *OPTIONAL)


def lacks_decoder(file: Path) -> bool:
    """True if `file` needs a plugin that is not installed."""
    kind = OPTIONAL.get(file.suffix.lower())
    return kind is not None and kind not in decoders()


def plugin_hint(files: Iterable[Path]) -> str:
    """The suffixes of `files`, which lack a decoder, and the command that installs it."""
    suffixes = " and ".join(sorted({file.suffix.lower() for file in files}))
    return f"no plugin for {suffixes}: pip install '{DISTRIBUTION}[formats]'"


Picture = Image.Image | np.ndarray | Path | bytes
"""A PIL image, an array (H, W) or (H, W, 3) uint8, a file, or a file's content."""

Crop = Literal["center", "pad"]

MAX_PIXELS = 178_956_970
"""Maximum number of pixels of an image, Pillow's own limit: a file of a few bytes can decompress to gigabytes."""


@dataclass(frozen=True)
class Pictures:
    """Images of one split of a source, read one by one and only once."""

    count: int
    each: Iterable[tuple[Picture, int]]
    """Image and label; the label is -1 for an unlabeled image."""
    class_names: list[str]
    """Empty without labels."""


@dataclass(frozen=True)
class Transform:
    """An image as a square of `size` pixels, resized with antialiasing; with `pad`, 28 pixels become 32 by a black border."""

    size: int
    channels: int
    """1 (grayscale) or 3."""
    pad: bool = False
    crop: Crop = "center"
    """Keep the middle square, or (`pad`) the whole image between filled borders."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the output."""
        return self.channels, self.size, self.size

    @property
    def key(self) -> dict[str, Any]:
        """The settings as JSON; a center crop is left out, so that entries of earlier versions are found."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("crop", "center")}

    def __call__(self, picture: Picture) -> np.ndarray:
        """The pixels (C, size, size) uint8; raises Pillow's errors for an unreadable image."""
        return self.fit(self.open(picture))

    def open(self, picture: Picture) -> Image.Image:
        """The decoded picture, upright, in 8-bit gray or RGB, not resized; raises Pillow's errors."""
        return to_plain_mode(open_image(picture)).convert("L" if self.channels == 1 else "RGB")

    def fit(self, image: Image.Image) -> np.ndarray:
        """The pixels (C, size, size) uint8 of an opened picture."""
        if self.pad and self.size == 32 and image.size == (28, 28):
            image = ImageOps.expand(image, border=2)
        elif self.crop == "pad":
            image = letterbox(image, self.size)
        else:
            # Crops and resizes in one pass; the pixels equal those of resizing first, at less cost.
            image = ImageOps.fit(image, (self.size, self.size), Image.Resampling.BICUBIC)
        return np.asarray(image).reshape(self.size, self.size, self.channels).transpose(2, 0, 1)


def letterbox(image: Image.Image, size: int) -> Image.Image:
    """The whole `image` in a square of `size` pixels; borders have the median color of its outermost pixels."""
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    image = image.resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.asarray(image).reshape(height, width, -1)
    edge = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    square = Image.new(image.mode, (size, size), tuple(np.median(edge, 0).astype(int).tolist()))
    square.paste(image, ((size - width) // 2, (size - height) // 2))
    return square


def open_image(picture: Picture) -> Image.Image:
    """Open `picture` as a PIL image; a file is not decoded yet."""
    if isinstance(picture, Image.Image):
        return picture
    if isinstance(picture, np.ndarray):
        return Image.fromarray(picture)
    if isinstance(picture, Path) and picture.exists() and not picture.is_file():
        raise ValueError("it is not a regular file")  # a FIFO would never end
    return Image.open(BytesIO(picture) if isinstance(picture, bytes) else picture, formats=decoders())


def to_plain_mode(image: Image.Image) -> Image.Image:
    """`image` upright, opaque, with 8 bits per channel: EXIF rotation applied, 16 bits scaled, alpha composed on white."""
    # Pillow's mode I has 32 bits, except for images that some formats store in 16.
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
