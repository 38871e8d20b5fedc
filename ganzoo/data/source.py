"""What a kind of data is to the rest: where its pictures come from, and what tells one state of it from another."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Literal

from ganzoo.data import cache
from ganzoo.data.cache import OnCorrupt
from ganzoo.data.dataset import MEMORY, Dataset
from ganzoo.data.transform import Pictures, Transform
from ganzoo.errors import InputError
from ganzoo.registry import Registry
from ganzoo.torch_state import default_torch_state

Split = Literal["train", "test"]

SOURCES: "Registry[type[Source]]" = Registry("data set")


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
        dataset = cache.load_or_prepare(
            f"{self.name}-{split}",
            self.fingerprint(split),
            lambda: self.pictures(split),
            Transform(size, channels, self.pad),
            on_corrupt=on_corrupt,
            quiet=quiet,
        )
        return replace(dataset, name=self.dataset_name, split=split, licence=self.licence)


def files_fingerprint(files: Iterable[Path]) -> str:
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


def check_class_name(name: str) -> None:
    """Raise `InputError` for the name of a file that is not UTF-8, where it has to be written into a config."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(f"the name {name!r} is not UTF-8; rename it") from None


@default_torch_state()
def load(
    spec: str = "digits",
    *,
    size: int | None = None,
    channels: int | None = None,
    classes: Sequence[str | int] | None = None,
    max_images: int | None = None,
    labelled: int | None = None,
    labelled_share: float | None = None,
    on_corrupt: OnCorrupt = "error",
    split: Split = "train",
    quiet: bool = False,
) -> Dataset:
    """The data that `spec` names, prepared on first use and from then on only mapped into memory.

    `size` in pixels and `channels` (1 or 3) default to what the source says; `classes` (names or indices) and then
    `max_images` (evenly spaced) choose a part, of which `labelled` keep their label and are repeated
    until they are `labelled_share` of what is drawn. Raises `InputError`, in one line, for whatever is wrong.
    """
    kind = find_source(spec)
    if split not in kind.splits:
        raise InputError(f"{spec} has no split {split!r}, only {', '.join(kind.splits)}")
    size, channels = kind.size if size is None else size, kind.channels if channels is None else channels
    if size < (1 if kind.points else 2):
        raise InputError(f"the size of pictures must be at least 2 pixels, not {size}")
    if channels not in (1, 3):
        raise InputError(f"channels must be 1 (grey) or 3 (colour), not {channels}")
    return select(kind.dataset(split, size, channels, on_corrupt, quiet), classes, max_images, labelled, labelled_share)


def select(
    dataset: Dataset,
    classes: Sequence[str | int] | None = None,
    max_images: int | None = None,
    labelled: int | None = None,
    labelled_share: float | None = None,
) -> Dataset:
    """The part of `dataset` that `load` would choose of it; raises `InputError`."""
    if classes is not None:
        dataset = dataset.of_classes(classes)
    if max_images is not None:
        dataset = dataset.subset(max_images)
    if labelled is not None:
        dataset = dataset.partly_labelled(labelled)
    return dataset if labelled_share is None else dataset.with_labelled_share(labelled_share)


def makes_points(spec: str) -> bool:
    """Does `spec` name points in the plane? Opens nothing."""
    kind = SOURCES.get(spec.partition(":")[0])
    return kind is not None and kind.points


def is_path(spec: str) -> bool:
    """Whether behind the colon of `spec` stands a path, as the `usage` of its source says; nothing is opened."""
    kind = SOURCES.get(spec.partition(":")[0])
    return kind is not None and kind.usage.endswith("PATH")


def find_source(spec: str) -> Source:
    """The source that `spec` (`NAME` or `NAME:ARGUMENT`) names; raises `InputError`."""
    check_class_name(spec)
    if spec == MEMORY:
        raise InputError(
            f"data {MEMORY!r} are those that a program gives as data=; no file holds them: give them so, or name npz:PATH"
        )
    name, colon, argument = spec.partition(":")
    if spec and name not in SOURCES and Path(spec).exists():
        raise InputError(f"data {spec!r} is a path: write {'npz' if Path(spec).is_file() else 'folder'}:{spec}")
    kind = SOURCES[name]
    if colon and ":" not in kind.usage:
        raise InputError(f"data {name!r} takes nothing behind a colon; write {kind.usage}")
    if not argument and kind.usage.startswith(f"{name}:"):
        raise InputError(f"data {name!r} must say which: {kind.usage}")
    return kind(argument)
