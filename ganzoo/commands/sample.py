"""`ganzoo sample`."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ganzoo.data.mixtures import circles_of
from ganzoo.errors import InputError
from ganzoo.pictures import Circles, save_gif, save_png, sheet
from ganzoo.sampling import Sampler, load

IMAGES = 64


def run(
    checkpoint: str,
    *,
    n: int | None,
    seeds: str | None,
    classes: str | None,
    out: Path | None,
    walk: str | None,
    along: str | None,
    frames: int,
    raw: bool,
) -> None:
    """Draw the images and write them."""
    if sum(option is not None for option in (n, seeds, walk)) > 1:
        raise InputError("give one of -n, --seeds and --interpolate")
    if along is not None and walk is None:
        raise InputError("--along says how --interpolate goes; give that as well")
    asked = parse_classes(classes)
    ends = None if walk is None else parse_ends(walk)
    numbers = parse_seeds(seeds) if seeds else list(range(IMAGES if n is None else n))
    out = out or Path(f"{Path(checkpoint).name}-{'walk' if walk else 'samples'}.png")
    refuse_suffix(out, walking=walk is not None)
    sampler = load(checkpoint, raw)
    if ends is not None:
        write_walk(sampler.walk(*ends, frames, asked, along), out)
    else:
        write_images(sampler.sample(seeds=numbers, classes=asked), numbers, len(asked or ()), out, truth(sampler))
    print(out)


def truth(sampler: Sampler) -> Circles | None:
    """The modes that points should be at, where they are known."""
    facts = sampler.config.dataset
    return None if facts is None else circles_of(facts.name, facts.class_names)


def write_images(images: Tensor, seeds: list[int], classes: int, out: Path, modes: Circles | None = None) -> None:
    """One grid, points over the modes, or a folder with one PNG a seed."""
    if out.suffix:
        return save_png(sheet(images, columns(len(images), classes), modes), out)
    for seed, image in zip(seeds, images, strict=True):
        save_png(image, out / f"{seed:06d}.png")


def columns(n: int, classes: int) -> int:
    """A square grid, or one class a column."""
    return classes if classes > 1 else max(1, round(n**0.5))


def write_walk(images: Tensor, out: Path) -> None:
    """A strip, a film or a folder."""
    if out.suffix == ".gif":
        save_gif(images, out)
    else:
        write_images(images, list(range(len(images))), len(images), out)


def refuse_suffix(out: Path, walking: bool) -> None:
    """Raise `InputError` for a kind of file that is not written."""
    allowed = (".png", ".gif", "") if walking else (".png", "")
    if out.suffix.lower() not in allowed:
        film = "" if walking else " (a .gif needs --interpolate)"
        raise InputError(f"--out {out}: expected a name that ends in .png for a grid, or a folder{film}")


def parse_seeds(text: str) -> list[int]:
    """The seeds in "0-63" or "3,8,20-25"; raises `InputError`."""
    seeds: list[int] = []
    for piece in text.split(","):
        first, dash, last = piece.strip().partition("-")
        if not first.isdigit() or (dash and not last.isdigit()):
            raise InputError(f"--seeds {text}: expected numbers and ranges, as in 0-63 or 3,8,20-25")
        seeds += range(int(first), int(last or first) + 1)
    if not seeds:
        raise InputError(f"--seeds {text}: the range is empty")
    return seeds


def parse_ends(text: str) -> tuple[int, int]:
    """The two seeds in "3,8"; raises `InputError`."""
    ends = text.split(",")
    if len(ends) != 2 or not all(end.strip().isdigit() for end in ends):
        raise InputError(f"--interpolate {text}: expected two seeds, as in 3,8")
    return int(ends[0]), int(ends[1])


def parse_classes(text: str | None) -> list[str] | None:
    """The classes in "0,1,2" or "cat,dog"."""
    return None if text is None else [name.strip() for name in text.split(",")]
