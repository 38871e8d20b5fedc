"""What a kind of data is to the rest: where its pictures come from, and what tells one state of it from another."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Literal

from ganzoo.data import cache
from ganzoo.data.dataset import Dataset
from ganzoo.data.transform import Picture, Transform
from ganzoo.errors import InputError
from ganzoo.registry import Registry

Split = Literal["train", "test"]

SOURCES: Registry[type[Source]] = Registry("data set")


@dataclass(frozen=True)
class Pictures:
    """One split of a source, read picture by picture and only once."""

    count: int
    each: Iterable[tuple[Picture, int]]
    """Picture and label; the label is -1 where there is none."""
    class_names: list[str]
    """Empty: there are no labels."""


class Source:
    """Where pictures come from: `name` is what stands before the colon of a spec, the argument what stands behind it.

    A kind of picture says `fingerprint` and `pictures`; decoding, resizing and caching follow by themselves. Data that
    are no pictures (points of a distribution) give their own `dataset` instead.
    """

    name: ClassVar[str]
    usage: ClassVar[str]
    """The spec as a person writes it: `mnist`, `folder:PATH` (must be given), `lsun[:CATEGORY]` (may be given).

    Where it ends in PATH, a run keeps the whole path, and a release its last part.
    """
    licence: ClassVar[str] = ""
    pad: ClassVar[bool] = False
    """Whether 28-pixel pictures get a black border of 2 at size 32."""
    points: ClassVar[bool] = False
    """Whether the samples are points (N, 2, 1, 1) instead of pictures."""
    size: int = 64
    """Pixels, where the user asks for none."""
    channels: int = 3
    splits: tuple[str, ...] = ("train", "test")

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            SOURCES.add(cls.name, cls)

    def __init__(self, argument: str) -> None:
        self.argument = argument

    @property
    def title(self) -> str:
        """Short, fit for a file name, and without the user's folders."""
        return self.name

    @property
    def dataset_name(self) -> str:
        """What its data are called: the title, unless that is the name of a published set."""
        # Much goes by such a name, for one its modes: a folder called `grid` has none of them.
        borrowed = self.title in SOURCES and self.title != self.name
        return f"{self.name}-{self.title}" if borrowed else self.title

    def fingerprint(self, split: Split) -> str:
        """Anything that is another if what would be read is another; called before every use, so it must be quick."""
        raise NotImplementedError

    def pictures(self, split: Split) -> Pictures:
        """What is read when there is no entry in the cache; raises `InputError` where it cannot be."""
        raise NotImplementedError

    def dataset(self, split: Split, size: int, channels: int, on_corrupt: cache.OnCorrupt, quiet: bool) -> Dataset:
        """The whole split at `size` pixels and with `channels` channels."""
        dataset = cache.prepared(
            f"{self.name}-{split}",
            self.fingerprint(split),
            lambda: self.pictures(split),
            Transform(size, channels, self.pad),
            on_corrupt=on_corrupt,
            quiet=quiet,
        )
        return replace(dataset, name=self.dataset_name, split=split, licence=self.licence)


def stamp(files: Iterable[Path]) -> str:
    """A fingerprint of files by path, size and time of last change; a link that leads nowhere has its own."""
    digest = sha256()
    for file in files:
        try:
            state = file.stat()
        except OSError:
            state = file.lstat()
        digest.update(os.fsencode(os.path.realpath(file)))  # a name need not be text
        digest.update(f"\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def refuse_name(name: str) -> None:
    """Raise `InputError` for the name of a file that is not UTF-8, where it has to be written into a config."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(f"the name {name!r} is not UTF-8; rename it") from None
