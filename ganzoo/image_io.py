"""Images (N, C, H, W) in [-1, 1] as grids, scatter plots, PNG and GIF files."""

import io
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import torch
from einops import rearrange
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ganzoo.atomic_io import write_bytes
from ganzoo.batch import is_point_shape
from ganzoo.errors import InputError

GAP = 2  # pixels between two images of a grid
FRAME_MS = 60
SIDE = 256  # pixels of a scatter plot
MARGIN = 1.25  # half of a plot's side, relative to the outermost center
SMALLEST = 3.0  # minimum radius of a circle in pixels
GRAY = 0.4
MAX_PIXELS = 2**28  # of an enlarged picture, or of all frames of a film


def to_uint8(images: Tensor) -> Tensor:
    """`images` in [-1, 1] as gray levels 0 to 255, rounded; values outside are clipped."""
    return ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def grid(images: Tensor, columns: int) -> Tensor:
    """One image (1, C, H', W') with `columns` images per row, separated by white lines; the last row is filled with white."""
    spare = -len(images) % columns
    images = F.pad(torch.cat([images, images.new_ones(spare, *images.shape[1:])]), (0, GAP, 0, GAP), value=1.0)
    sheet = rearrange(images, "(rows columns) c h w -> 1 c (rows h) (columns w)", columns=columns)
    return F.pad(sheet, (GAP, 0, GAP, 0), value=1.0)


class Circles(NamedTuple):
    """Circles of one radius that mark the true modes."""

    centres: Tensor
    """(K, 2)."""
    radius: float


def draw_sheet(samples: Tensor, columns: int, truth: Circles | None = None) -> Tensor:
    """One picture (C, H', W') of a batch: a grid of images, or a scatter plot of points (N, 2, 1, 1)."""
    return draw_scatter(samples.flatten(1), truth) if is_point_shape(samples.shape) else grid(samples, columns)[0]


def draw_scatter(points: Tensor, truth: Circles | None = None) -> Tensor:
    """Scatter plot (1, SIDE, SIDE) of points (N, 2), dark on white, with the origin in the center.

    With `truth`, its circles are drawn in gray and determine the axes, so that plots can be compared; points outside are
    drawn at the edge.
    """
    edge = points.abs().max().clamp(min=1e-12) if truth is None else MARGIN * truth.centres.abs().max()
    picture = torch.ones(1, SIDE, SIDE)
    if truth is not None:
        picture[0, _outlines(truth, float(edge))] = GRAY
    column, row = _pixels(points, float(edge)).round().long().clamp(0, SIDE - 1).unbind(1)
    picture[0, row, column] = -1.0
    return picture


def _pixels(points: Tensor, edge: float) -> Tensor:
    """Column and row of points (N, 2) in a square from -edge to edge."""
    return (points * torch.tensor([1, -1]) / edge + 1) / 2 * (SIDE - 1)


def _outlines(circles: Circles, edge: float) -> Tensor:
    """Mask (SIDE, SIDE) of the pixels on a circle; a small circle is enlarged to be visible."""
    axis = torch.arange(SIDE, dtype=torch.float32)
    pixels = torch.cartesian_prod(axis, axis).flip(1)
    away = torch.cdist(pixels, _pixels(circles.centres.float(), edge))
    radius = max(circles.radius / (2 * edge) * (SIDE - 1), SMALLEST)
    return ((away - radius).abs() < 0.5).any(1).view(SIDE, SIDE)


def to_pil(image: Tensor, scale: int = 1) -> Image.Image:
    """One image (C, H, W) as a PIL image, enlarged `scale` times; channels after the third are dropped."""
    pixels = rearrange(to_uint8(image[:3]), "c h w -> h w c").numpy()
    return enlarge(Image.fromarray(pixels[:, :, 0] if pixels.shape[2] < 3 else pixels), scale)


def enlarge(image: Image.Image, scale: int, frames: int = 1) -> Image.Image:
    """`image` with every pixel as a square of `scale` x `scale` pixels.

    Raises `InputError` if `frames` such pictures have more than `MAX_PIXELS` pixels.
    """
    if scale == 1:
        return image
    pixels = image.width * image.height * scale**2 * frames
    if pixels > MAX_PIXELS:
        raise InputError(
            f"--scale {scale} would make {pixels:,} pixels, more than the limit of {MAX_PIXELS:,}; lower it"
        )
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)


def save_png(image: Tensor, path: Path, scale: int = 1) -> None:
    """Write one image (C, H, W), enlarged `scale` times, as a PNG file."""
    save_image(to_pil(image, scale), path)


def save_gif(images: Iterable[Tensor], path: Path, scale: int = 1) -> None:
    """Write images (C, H, W), enlarged `scale` times, as the frames of a looping GIF."""
    save_file(encode_gif(images, scale), path)


def save_image(image: Image.Image, path: Path) -> None:
    """Write a PIL image as a PNG file; an existing file is replaced atomically."""
    save_file(encode(image), path)


def save_file(content: bytes, path: Path) -> None:
    """Write a file atomically, in a folder that is created if needed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(path, content)


def encode_gif(images: Iterable[Tensor], scale: int = 1) -> bytes:
    """The content of a GIF that loops over images (C, H, W), enlarged `scale` times."""
    frames = [to_pil(image) for image in images]
    first, *others = (enlarge(frame, scale, len(frames)) for frame in frames)
    return encode(first, "GIF", save_all=True, append_images=others, duration=FRAME_MS, loop=0)


def encode(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """The content of an image file of format `kind`."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
