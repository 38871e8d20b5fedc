"""`ganzoo sample`: grids, rows per class or checkpoint, interpolations, code traversals, levels of a pyramid."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import torch
import typer
from torch import Tensor

from ganzoo import terminal
from ganzoo.batch import is_point_shape
from ganzoo.cli.options import (
    CHECKPOINT,
    NoEma,
    Plugins,
    Scale,
    check_count,
    check_suffix,
    parse_classes,
    parse_points,
    parse_seeds,
    takes,
    write_images,
    write_walk,
)
from ganzoo.data.sources.mixtures import mode_circles
from ganzoo.errors import InputError
from ganzoo.image_io import draw_sheet, save_image, save_png
from ganzoo.sampling import Sampler, load
from ganzoo.sampling.film import SEEDS, class_caption, contact_sheet
from ganzoo.sampling.latent_ops import code_columns

IMAGES = 64
FRAMES = 8
ROWS = 4  # seeds of a traversal
ALL = "all"


@dataclass(frozen=True)
class Request:
    """The options that choose the images; None = not given."""

    n: Annotated[int | None, typer.Option("-n", help="Number of images, seeds 0 to N-1 (default 64; 20 in a row).")] = (
        None
    )
    seeds: Annotated[str | None, typer.Option(help="Seeds, as in 0-63 or 3,8,20-25; one seed is one image.")] = None
    classes: Annotated[str | None, typer.Option(help="Classes to cycle through, by number or name: 0,1,2.")] = None
    per_class: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="One row for each class (of --classes, else all), seeds 0 to N-1."),
    ] = None
    names: Annotated[bool, typer.Option("--names", help="Write the class names left of the rows of --per-class.")] = (
        False
    )
    traverse: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="Vary an InfoGAN code along each row: category, 1, 2, ..., or all."),
    ] = None
    levels: Annotated[
        bool,
        typer.Option("--levels", help="One row per image: each level of its Laplacian pyramid, coarsest first."),
    ] = False
    truncation: Annotated[
        float | None, typer.Option(metavar="PSI", help="Truncate a Gaussian z: better images, less diversity.")
    ] = None
    interpolate: Annotated[
        str | None,
        typer.Option(metavar="A,B,...", help="Interpolate from seed to seed; end at the first for a loop."),
    ] = None
    along: Annotated[
        str | None, typer.Option(help="Path of --interpolate: circle or line; default: line for a uniform latent.")
    ] = None
    frames: Annotated[int | None, typer.Option(help="Images from one seed to the next, both included (default 8).")] = (
        None
    )

    def check(self) -> None:
        """Raise `InputError` for options that contradict each other."""
        if sum(option is not None for option in (self.n, self.seeds, self.per_class, self.interpolate)) > 1:
            raise InputError("give one of -n, --seeds, --per-class and --interpolate")
        if self.traverse is not None and any(o is not None for o in (self.per_class, self.interpolate, self.classes)):
            raise InputError("--traverse takes only -n or --seeds (its rows) and --truncation; drop the other options")
        if self.levels and any(o is not None for o in (self.per_class, self.interpolate, self.traverse)):
            raise InputError("--levels takes only -n or --seeds, --classes and --truncation; drop the other options")
        for name, value in (("--along", self.along), ("--frames", self.frames)):
            if value is not None and self.interpolate is None:
                raise InputError(f"{name} needs --interpolate; give both or neither")
        if self.names and self.per_class is None:
            raise InputError("--names needs --per-class; give both or neither")

    @property
    def kind(self) -> str:
        """The kind of picture, which is part of the default file name."""
        kinds = {
            "walk": self.interpolate,
            "traversal": self.traverse,
            "classes": self.per_class,
            "levels": self.levels or None,
        }
        return next((kind for kind, value in kinds.items() if value is not None), "samples")

    def numbers(self, usual: int) -> list[int]:
        """The seeds, by default 0 to `usual` - 1; raises `InputError`."""
        if self.seeds is not None:
            return parse_seeds(self.seeds)
        n = self.per_class if self.n is None else self.n
        check_count(n or 0)
        return list(range(usual if n is None else n))


@takes(Request)
def sample(
    checkpoints: Annotated[
        list[str], typer.Argument(metavar="CHECKPOINT...", help=f"{CHECKPOINT} Several: one row each, in one picture.")
    ],
    *,
    out: Annotated[
        Path | None, typer.Option(help="x.png: a grid; x.gif: an interpolation; a folder: one PNG a seed.")
    ] = None,
    scale: Scale = 1,
    no_ema: NoEma = False,
    plugin: Plugins = None,
    request: Request,
) -> None:
    """Draw images from a checkpoint, or the same seeds from several."""
    request.check()
    if len(checkpoints) == 1:
        sample_one(checkpoints[0], request, out, scale, no_ema)
    else:
        sample_rows(checkpoints, request, out, scale, no_ema)


def sample_one(checkpoint: str, request: Request, out: Path | None, scale: int, no_ema: bool) -> None:
    """Draw the images of one checkpoint and write them."""
    through = None if request.interpolate is None else parse_points(request.interpolate)
    numbers = request.numbers(ROWS if request.traverse else 2 * ROWS if request.levels else IMAGES)
    out = out or Path(f"{Path(checkpoint).resolve().name}-{request.kind}.png")
    check_suffix(out, request.kind)
    sampler = load(checkpoint, no_ema)
    say_classes(sampler, request)
    if sampler.is_points and out.suffix.lower() != ".png":
        raise InputError(f"--out {out}: points are drawn as one picture; expected a name that ends in .png")
    if through is not None:
        write_walk(walk(sampler, request, through), out, scale, closed=through[0] == through[-1])
    elif request.kind in ("classes", "traversal", "levels"):
        write_rows(sampler, request, numbers, out, scale)
    else:
        data = sampler.config.dataset
        write_images(*samples(sampler, request, numbers), out, scale, mode_circles(data.name, data.class_names))
    terminal.out(str(out))


def sample_rows(checkpoints: Sequence[str], request: Request, out: Path | None, scale: int, no_ema: bool) -> None:
    """Draw one labeled row of the same seeds from each checkpoint, and write them as one picture."""
    options = (request.per_class, request.interpolate, request.along, request.traverse, request.levels or None)
    if any(option is not None for option in options):
        raise InputError(
            "several checkpoints (one row each) take only -n or --seeds, --classes and --truncation; "
            "drop the other options"
        )
    if twice := [name for name in checkpoints if checkpoints.count(name) > 1]:
        raise InputError(f"{twice[0]} is named twice; each checkpoint gives one row")
    numbers = request.numbers(SEEDS)
    check_count(len(numbers) * len(checkpoints))
    out = out or Path("rows.png")
    check_suffix(out, "rows")
    pictures = [(name, row(name, load(name, no_ema), request, numbers)) for name in checkpoints]
    save_image(contact_sheet(pictures, scale), out)
    terminal.out(str(out))


def row(name: str, sampler: Sampler, request: Request, seeds: list[int]) -> Tensor:
    """The images (N, C, H, W) of one checkpoint; raises `InputError` for points."""
    say_classes(sampler, request, f"{name}: ")
    images = samples(sampler, request, seeds)[0]
    if is_point_shape(images.shape):
        raise InputError(f"{name} makes points, which cannot be a row of images; draw it alone")
    return images


def say_classes(sampler: Sampler, request: Request, whose: str = "") -> None:
    """Print the names of the requested classes to stderr; raises `InputError` for an unknown class."""
    if (classes := parse_classes(request.classes)) is not None:
        names = [sampler.class_names[number] for number in sampler.labels(classes).tolist()]
        terminal.err(f"{whose}classes: {', '.join(names)}")


def walk(sampler: Sampler, request: Request, through: list[int]) -> Tensor:
    """The images (M, C, H, W) of an interpolation through the seeds `through`."""
    classes, frames = parse_classes(request.classes), FRAMES if request.frames is None else request.frames
    check_count((len(through) - 1) * frames)
    return sampler.walk(through, frames, classes=classes, along=request.along, truncation=request.truncation)


def rows(sampler: Sampler, request: Request, seeds: list[int]) -> tuple[Tensor, int]:
    """Images and number of columns: one row per class, one per seed with --levels, or for each traversed code one per seed."""
    if request.levels:
        check_count(len(seeds) * sampler.levels)
        return sampler.build_up(seeds, parse_classes(request.classes), request.truncation), sampler.levels
    if request.traverse is None:
        classes = parse_classes(request.classes)
        check_count(len(seeds) * len(sampler.class_names if classes is None else classes))
        return sampler.sample_per_class(seeds, classes, request.truncation), len(seeds)
    names = (sampler.code_names or [ALL]) if request.traverse == ALL else [request.traverse]
    wide = code_columns(sampler.latent.code) if sampler.latent.code else 1
    check_count(len(seeds) * len(names) * wide)
    return torch.cat([sampler.traverse(name, seeds, request.truncation) for name in names]), wide


def write_rows(sampler: Sampler, request: Request, seeds: list[int], out: Path, scale: int) -> None:
    """Write one picture with a row per class or code; --names adds the class names at the left."""
    images, wide = rows(sampler, request, seeds)
    if not request.names:
        return save_png(draw_sheet(images, wide), out, scale)
    if sampler.is_points:
        raise InputError("--names: points are drawn as one picture, without rows; drop it")
    chosen = parse_classes(request.classes)
    numbers = sampler.labels(sampler.class_names if chosen is None else chosen).tolist()
    names = [class_caption(sampler.class_names[number], number) for number in numbers]
    save_image(contact_sheet([*zip(names, images.split(wide), strict=True)], scale), out)


def samples(sampler: Sampler, request: Request, seeds: list[int]) -> tuple[Tensor, list[int], int]:
    """The images, their seeds, and the number of classes they cycle through."""
    classes = parse_classes(request.classes)
    return sampler.sample(seeds=seeds, classes=classes, truncation=request.truncation), seeds, len(classes or ())
