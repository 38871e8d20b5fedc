"""File types of images: suffixes, Pillow's decoders, and the plugins of Pillow that two of them need."""

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from PIL import Image

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
