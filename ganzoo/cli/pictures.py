"""Picture files of `ganzoo sample`, and the option --scale of every command that writes a picture."""

from pathlib import Path
from typing import Annotated

import typer
from torch import Tensor

from ganzoo.errors import InputError
from ganzoo.image_io import Circles, draw_sheet, save_gif, save_png

Scale = Annotated[
    int, typer.Option(metavar="N", min=1, max=64, help="Enlarge the picture: each pixel becomes N x N pixels.")
]


def write_images(
    images: Tensor, seeds: list[int], classes: int, out: Path, scale: int, modes: Circles | None = None
) -> None:
    """Write one grid, points over their modes, or a folder with one PNG per seed."""
    if out.suffix:
        return save_png(draw_sheet(images, columns(len(images), classes), modes), out, scale)
    for seed, image in zip(seeds, images, strict=True):
        save_png(image, out / f"{seed:06d}.png", scale)


def columns(n: int, classes: int) -> int:
    """The number of columns: one per class, or of a square grid."""
    return classes if classes > 1 else max(1, round(n**0.5))


def write_walk(images: Tensor, out: Path, scale: int, closed: bool) -> None:
    """Write a strip, a folder or a GIF; the GIF of a `closed` walk leaves out the last image, which equals the first."""
    if out.suffix.lower() == ".gif":
        save_gif(images[:-1] if closed else images, out, scale)
    else:
        write_images(images, list(range(len(images))), len(images), out, scale)


def check_suffix(out: Path, kind: str) -> None:
    """Raise `InputError` if `out` is no file type for pictures of `kind`."""
    if kind in ("classes", "traversal", "levels", "rows"):
        if out.suffix.lower() != ".png":
            raise InputError(f"--out {out}: rows of images are one picture; expected a name that ends in .png")
    elif out.suffix.lower() not in ((".png", ".gif", "") if kind == "walk" else (".png", "")):
        film = "" if kind == "walk" else " (a .gif needs --interpolate)"
        raise InputError(f"--out {out}: expected a name that ends in .png for a grid, or a folder{film}")
