"""Files as a failing disk, a broken transfer or a careless hand leaves them; and what is said of them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TypeVar

from ganzoo.errors import InputError

Value = TypeVar("Value")


def flip(content: bytearray, draw: Random) -> None:
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)


def cut(content: bytearray, draw: Random) -> None:
    del content[draw.randrange(len(content)) :]


def zero(content: bytearray, draw: Random) -> None:
    start = draw.randrange(len(content))
    end = min(len(content), start + draw.choice((1, 16, 512)))
    content[start:end] = bytes(end - start)


def append(content: bytearray, draw: Random) -> None:
    content += draw.choice((b"\0", b"\n", b"{}", draw.randbytes(100)))


def change_digit(content: bytearray, draw: Random) -> None:
    """Of text: the file stays well-formed."""
    digits = [i for i, byte in enumerate(content) if chr(byte).isdigit()] or [0]
    content[draw.choice(digits)] = ord(draw.choice("0123456789"))


BYTES = (flip, cut, zero, append, change_digit)


def folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("years of work")


REPLACED: tuple[Callable[[Path], object], ...] = (folder, os.mkfifo, Path.touch, lambda path: None)
"""What may be in the place of a file; the last leaves nothing there."""


def damages(places: int) -> list[int]:
    """Seeds of what `damage` can do to a file: each way to change its bytes at so many places, each replacement once."""
    return list(range(len(BYTES) * places + len(REPLACED)))


def damage(path: Path, seed: int) -> None:
    """Damage a file in the way and at the place that the seed gives."""
    before = path.read_bytes()
    if seed < len(REPLACED) or not before:
        path.unlink()
        REPLACED[seed % len(REPLACED)](path)
        return
    draw, content = Random(f"{path.name} {seed}"), bytearray(before)
    while content == before:
        BYTES[seed % len(BYTES)](content, draw)
    path.write_bytes(content)


def restore(path: Path, copy: Path) -> None:
    """Put the copy of a file or folder in the place of whatever is at `path`."""
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    (shutil.copytree if copy.is_dir() else shutil.copy)(copy, path)


def value_or_line(call: Callable[[], Value]) -> tuple[Value | None, str]:
    """What `call` returns, or the line that refuses its input; any other error is a failure of the test."""
    try:
        return call(), ""
    except InputError as error:
        line = str(error)
    except OSError as error:  # of which the command line prints this
        assert error.filename and error.strerror
        line = f"{error.filename}: {error.strerror}"
    assert line.strip() and "\n" not in line
    return None, line
