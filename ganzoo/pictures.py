"""Tensors of images (N, C, H, W) in [-1, 1] as PNG and GIF files."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import torch
from einops import rearrange
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ganzoo.files import write_bytes

GAP = 2  # pixels between two images of a grid
FRAME_MS = 60
SIDE = 256  # pixels of a scatter plot


def to_uint8(images: Tensor) -> Tensor:
    """Grey levels 0 to 255, rounded; what lies outside [-1, 1] is clipped."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def grid(images: Tensor, columns: int) -> Tensor:
    """One image (1, C, H', W') with `columns` images a row, a white line between them, white where the last row ends."""
    spare = -len(images) % columns
    images = F.pad(torch.cat([images, images.new_ones(spare, *images.shape[1:])]), (0, GAP, 0, GAP), value=1.0)
    sheet = rearrange(images, "(rows columns) c h w -> 1 c (rows h) (columns w)", columns=columns)
    return F.pad(sheet, (GAP, 0, GAP, 0), value=1.0)


def sheet(samples: Tensor, columns: int) -> Tensor:
    """One picture (C, H', W') of a batch: a grid of images, or where the points (N, 2, 1, 1) lie."""
    return scatter(samples.flatten(1)) if samples.shape[2:] == (1, 1) else grid(samples, columns)[0]


def scatter(points: Tensor) -> Tensor:
    """Where points (N, 2) lie, dark on white, as one image (1, SIDE, SIDE); the origin is its middle."""
    edge = points.abs().max().clamp(min=1e-12)
    column, row = ((points * torch.tensor([1, -1]) / edge + 1) / 2 * (SIDE - 1)).round().long().unbind(1)
    picture = torch.ones(1, SIDE, SIDE)
    picture[0, row, column] = -1.0
    return picture


def to_pil(image: Tensor) -> Image.Image:
    """One image (C, H, W) as Pillow has it; channels beyond three are left out."""
    pixels = rearrange(to_uint8(image[:3]), "c h w -> h w c").numpy()
    return Image.fromarray(pixels[:, :, 0] if pixels.shape[2] < 3 else pixels)


def save_png(image: Tensor, path: Path) -> None:
    """Write one image (C, H, W)."""
    _save(path, "PNG", to_pil(image))


def save_gif(images: Iterable[Tensor], path: Path) -> None:
    """Write images (C, H, W) as the frames of an endless film."""
    first, *others = (to_pil(image) for image in images)
    _save(path, "GIF", first, save_all=True, append_images=others, duration=FRAME_MS, loop=0)


def _save(path: Path, kind: str, image: Image.Image, **options: object) -> None:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, buffer.getvalue())
