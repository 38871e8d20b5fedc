"""What is meant by the words of a command line: seeds, the points of a walk, classes, metrics."""

from __future__ import annotations

from ganzoo.errors import InputError

MOST = 100_000  # images, all in memory together


def parse_seeds(text: str) -> list[int]:
    """The seeds in "0-63" or "3,8,20-25"; raises `InputError`."""
    ends = [parse_range(text, piece.strip()) for piece in text.split(",")]
    refuse_many(sum(last - first + 1 for first, last in ends))
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
    """Whether it is a number from 0 that 64 bits hold."""
    return text.isdecimal() and len(text) < 19


def refuse_many(count: int) -> None:
    """Raise `InputError` for more images than can be held at once."""
    if count > MOST:
        raise InputError(f"{count:,} images were asked for, and one call draws at most {MOST:,}; draw them in several")


def parse_points(text: str) -> list[int]:
    """The seeds in "3,8,12"; raises `InputError`."""
    points = [point.strip() for point in text.split(",")]
    if len(points) < 2 or not all(map(is_number, points)):
        raise InputError(f"--interpolate {text}: expected two seeds or more, as in 3,8 or 3,8,12,3")
    return [int(point) for point in points]


def parse_metrics(text: str | None) -> list[str] | None:
    """The metrics in "fid,kid", each once."""
    return None if text is None else list(dict.fromkeys(parse_names(text)))


def parse_classes(text: str | None) -> list[str] | None:
    """The classes in "0,1,2" or "cat,dog"."""
    return None if text is None else parse_names(text)


def parse_names(text: str) -> list[str]:
    """What stands between commas."""
    return [name.strip() for name in text.split(",")]
