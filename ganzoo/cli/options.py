"""Options that several commands share, options from a dataclass, parsers of lists and ranges; picture files."""

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from torch import Tensor

from ganzoo.errors import InputError
from ganzoo.image_io import Circles, draw_sheet, save_gif, save_png

MAX_IMAGES = 100_000  # per call, all in memory at once


def _load(plugins: list[Path] | None) -> list[Path]:
    from ganzoo.parts import load_plugins

    load_plugins(plugins or [])
    return plugins or []


_PLUGIN = "Python file with losses, tricks or networks; repeatable."
Plugins = Annotated[list[Path] | None, typer.Option("--plugin", callback=_load, help=_PLUGIN)]
PluginSources = Annotated[list[Path], typer.Option("--plugin", help=_PLUGIN)]
"""Paths whose files are not executed yet: `compare` and `ablate` keep the sources for their workers."""
CHECKPOINT = "A bundled release (by name: wgan-gp-mnist), a release folder, a run, or hf:USER/NAME."
Checkpoint = Annotated[str, typer.Argument(help=CHECKPOINT)]
Checkpoints = Annotated[
    list[str] | None,
    typer.Argument(
        help="Bundled releases (by name: wgan-gp-mnist), release folders, runs, hf:USER/NAME, or folders of these; "
        "default: the bundled ones and runs/."
    ),
]
NoEma = Annotated[bool, typer.Option("--no-ema", help="Use a run's last weights instead of their moving average.")]
Settings = Annotated[list[str], typer.Option("--set", metavar="KEY=VALUE", help="Set a config key; repeatable.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Print errors only.")]
Metrics = Annotated[str | None, typer.Option(help="fid,kid,is,precision,...; default: all that fit the data.")]
Extractor = Annotated[
    str | None,
    typer.Option(
        help="Feature extractor: digits, cifar, lite0, inception[:FILE] or dinov2[:FILE]; default: by the data."
    ),
]
Samples = Annotated[
    int | None, typer.Option("-n", help="Samples to score (default 10000; mixtures: as many as published).")
]


def flag(options: type, field: Field[Any]) -> str:
    """The command-line flag that sets `field` of the dataclass `options`."""
    (info,) = get_type_hints(options, include_extras=True)[field.name].__metadata__
    return info.default if isinstance(info.default, str) else f"--{field.name.replace('_', '-')}"


def takes(options: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Turn a command `f(argument, ..., options)` into one with an option for each field of the dataclass `options`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        *own, last = inspect.signature(command, eval_str=True).parameters.values()
        hints = get_type_hints(options, include_extras=True)
        extra = [
            Parameter(f.name, Parameter.KEYWORD_ONLY, default=_default(f), annotation=hints[f.name])
            for f in fields(options)
        ]

        def flat(**given: Any) -> None:
            command(**{p.name: given.pop(p.name) for p in own}, **{last.name: options(**given)})

        parameters = [*(p.replace(kind=Parameter.KEYWORD_ONLY) for p in own), *extra]
        flat.__doc__, flat.__name__ = command.__doc__, command.__name__
        flat.__annotations__ = {p.name: p.annotation for p in parameters}
        flat.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
        return flat

    return decorate


def _default(field: Field[Any]) -> Any:
    if field.default_factory is not MISSING:
        return field.default_factory()
    return Parameter.empty if field.default is MISSING else field.default


def parse_seeds(text: str) -> list[int]:
    """The seeds in "0-63" or "3,8,20-25"; raises `InputError`."""
    ends = [parse_range(text, piece.strip()) for piece in text.split(",")]
    check_count(sum(last - first + 1 for first, last in ends))
    return [seed for first, last in ends for seed in range(first, last + 1)]


def parse_range(text: str, piece: str) -> tuple[int, int]:
    """The first and the last seed of a `piece` of `text`; raises `InputError`."""
    first, dash, last = piece.partition("-")
    if not is_number(first) or (dash and not is_number(last)):
        raise InputError(f"--seeds {text or repr(text)}: expected numbers and ranges, as in 0-63 or 3,8,20-25")
    if dash and int(last) < int(first):
        raise InputError(f"--seeds {text}: the range {piece} is empty")
    return int(first), int(last or first)


def is_number(text: str) -> bool:
    """True if `text` is a whole number from 0 that fits 64 bits."""
    return text.isdecimal() and len(text) < 19


def check_count(count: int) -> None:
    """Raise `InputError` for more images than one call may hold in memory."""
    if count > MAX_IMAGES:
        raise InputError(f"cannot draw {count:,} images in one call: at most {MAX_IMAGES:,}; use several calls")


def parse_points(text: str) -> list[int]:
    """The seeds in "3,8,12"; raises `InputError`."""
    points = [point.strip() for point in text.split(",")]
    if len(points) < 2 or not all(map(is_number, points)):
        raise InputError(f"--interpolate {text}: expected two or more seeds, as in 3,8 or 3,8,12,3")
    return [int(point) for point in points]


def parse_metrics(text: str | None) -> list[str] | None:
    """The metrics in "fid,kid", each once."""
    return None if text is None else list(dict.fromkeys(parse_names(text)))


def parse_classes(text: str | None) -> list[str] | None:
    """The classes in "0,1,2" or "cat,dog"."""
    return None if text is None else parse_names(text)


def parse_names(text: str) -> list[str]:
    """The names in `text`, separated by commas."""
    return [name.strip() for name in text.split(",")]


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
