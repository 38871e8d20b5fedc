"""`Source`, the base class of data sources, and `load`: from a spec such as `mnist` or `folder:PATH` to a `Dataset`."""

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import ClassVar, Literal, get_args

from ganzoo.data import cache
from ganzoo.data.dataset import MEMORY, Dataset
from ganzoo.data.decode import OnCorrupt
from ganzoo.data.transform import Crop, Pictures, Transform
from ganzoo.errors import InputError
from ganzoo.mistakes import plugin_errors
from ganzoo.registry import Registry
from ganzoo.torch_state import default_torch_state

Split = Literal["train", "test"]

SOURCES: "Registry[type[Source]]" = Registry("data set")


class Source:
    """A data source; in its spec, `name` stands before the colon and `argument` after it.

    A source of images implements `fingerprint` and `pictures`; decoding, resizing and caching are inherited. A source of
    points overrides `dataset` instead.
    """

    name: ClassVar[str]
    usage: ClassVar[str]
    """Form of the spec: `mnist`, `folder:PATH` (required argument), `lsun[:CATEGORY]` (optional argument).

    If it ends in PATH, a run stores the whole path, and a release only its last part.
    """
    licence: ClassVar[str] = ""
    pad: ClassVar[bool] = False
    """True if 28-pixel images get a black border of 2 pixels at size 32."""
    points: ClassVar[bool] = False
    """True if the samples are points (N, 2, 1, 1) instead of images."""
    size: int = 64
    """Default size in pixels."""
    channels: int = 3
    splits: tuple[str, ...] = ("train", "test")
    crop: Crop = "center"
    """`data.crop`, set by `load`."""

    def __init_subclass__(cls) -> None:
        if "name" in cls.__dict__:
            SOURCES.add(cls.name, cls)

    def __init__(self, argument: str) -> None:
        self.argument = argument

    @property
    def title(self) -> str:
        """Short name, usable in a file name, without the user's folders."""
        return self.name

    @property
    def dataset_name(self) -> str:
        """The name of its data: the title, prefixed if the title is the name of another source."""
        # Properties of a data set, such as its modes, are looked up by name; a folder called `grid` has no such modes.
        borrowed = self.title in SOURCES and self.title != self.name
        return f"{self.name}-{self.title}" if borrowed else self.title

    def fingerprint(self, split: Split) -> str:
        """A string that changes whenever the content changes; called before every use, so it must be fast."""
        raise NotImplementedError

    def pictures(self, split: Split) -> Pictures:
        """The images to decode if the cache has no entry; raises `InputError` if they cannot be read."""
        raise NotImplementedError

    def left_out(self, split: Split) -> dict[str, int]:
        """Number of the files that are not read, by reason; `pictures` does not count them."""
        return {}

    def dataset(self, split: Split, size: int, channels: int, on_corrupt: OnCorrupt, quiet: bool) -> Dataset:
        """The whole split with `size` pixels and `channels` channels."""
        dataset = cache.load_or_prepare(
            f"{self.name}-{split}",
            self.fingerprint(split),
            lambda: self.pictures(split),
            Transform(size, channels, self.pad, self.crop),
            on_corrupt=on_corrupt,
            quiet=quiet,
        )
        return replace(dataset, name=self.dataset_name, split=split, licence=self.licence)


def files_fingerprint(files: Iterable[Path]) -> str:
    """A fingerprint of files by path, size and modification time; broken links are included."""
    digest = sha256()
    for file in files:
        try:
            state = file.stat()
        except OSError:
            state = file.lstat()
        digest.update(os.fsencode(os.path.realpath(file)))  # a name need not be valid text
        digest.update(f"\0{state.st_size}\0{state.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def check_class_name(name: str) -> None:
    """Raise `InputError` for a name that is not UTF-8, because it is written into the config."""
    try:
        name.encode()
    except UnicodeEncodeError:
        raise InputError(f"the name {name!r} is not UTF-8; rename it") from None


@plugin_errors()
@default_torch_state()
def load(
    spec: str = "digits",
    *,
    size: int | None = None,
    channels: int | None = None,
    crop: Crop = "center",
    classes: Sequence[str | int] | None = None,
    max_images: int | None = None,
    labelled: int | None = None,
    labelled_share: float | None = None,
    on_corrupt: OnCorrupt = "error",
    split: Split = "train",
    quiet: bool = False,
) -> Dataset:
    """Load the data `spec`, prepared on first use and afterwards only mapped into memory.

    `size` in pixels and `channels` (1 or 3) default to those of the source; `crop` "pad" keeps the whole of images that are
    not square. `classes` (names or indices) and then
    `max_images` (evenly spaced) select a subset, of which `labelled` images keep their label and are repeated until they
    are `labelled_share` of the set. Raises `InputError`, in one line, for every error.
    """
    kind = find_source(spec)
    if split not in kind.splits:
        raise InputError(f"{spec} has no split {split!r}, only {', '.join(kind.splits)}")
    size, channels = kind.size if size is None else size, kind.channels if channels is None else channels
    if size < (1 if kind.points else 2):
        raise InputError(f"the size of images must be at least 2 pixels, not {size}")
    if channels not in (1, 3):
        raise InputError(f"channels must be 1 (grayscale) or 3 (color), not {channels}")
    if crop not in get_args(Crop):
        raise InputError(f"crop must be 'center' or 'pad', not {crop!r}")
    kind.crop = crop
    return select(kind.dataset(split, size, channels, on_corrupt, quiet), classes, max_images, labelled, labelled_share)


def select(
    dataset: Dataset,
    classes: Sequence[str | int] | None = None,
    max_images: int | None = None,
    labelled: int | None = None,
    labelled_share: float | None = None,
) -> Dataset:
    """The subset of `dataset` that `load` selects; raises `InputError`."""
    if classes is not None:
        dataset = dataset.of_classes(classes)
    if max_images is not None:
        dataset = dataset.subset(max_images)
    if labelled is not None:
        dataset = dataset.partly_labelled(labelled)
    return dataset if labelled_share is None else dataset.with_labelled_share(labelled_share)


def makes_points(spec: str) -> bool:
    """True if `spec` names points in the plane; opens no file."""
    kind = SOURCES.get(spec.partition(":")[0])
    return kind is not None and kind.points


def is_path(spec: str) -> bool:
    """True if the argument of `spec` is a path, by the `usage` of its source; opens no file."""
    kind = SOURCES.get(spec.partition(":")[0])
    return kind is not None and kind.usage.endswith("PATH")


def find_source(spec: str) -> Source:
    """The source of `spec` (`NAME` or `NAME:ARGUMENT`); raises `InputError`."""
    check_class_name(spec)
    if spec == MEMORY:
        raise InputError(
            f"data {MEMORY!r} were passed from Python and are in no file; pass them as data=, or save them and use npz:PATH"
        )
    name, colon, argument = spec.partition(":")
    if spec and name not in SOURCES and Path(spec).exists():
        raise InputError(f"data {spec!r} is a path: write {'npz' if Path(spec).suffix == '.npz' else 'folder'}:{spec}")
    kind = SOURCES[name]
    if colon and ":" not in kind.usage:
        raise InputError(f"data {name!r} takes no argument after a colon; write {kind.usage}")
    if not argument and kind.usage.startswith(f"{name}:"):
        raise InputError(f"data {name!r} needs an argument; write {kind.usage}")
    return kind(argument)
