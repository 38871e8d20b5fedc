"""`--data SPEC` -> `Dataset`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ganzoo.data.cache import OnCorrupt
from ganzoo.data.dataset import MEMORY, Dataset
from ganzoo.data.source import SOURCES, Source, Split, refuse_name
from ganzoo.errors import InputError
from ganzoo.torch_state import pinned


@pinned()
def load(
    spec: str = "digits",
    *,
    size: int | None = None,
    channels: int | None = None,
    classes: Sequence[str | int] | None = None,
    limit: int | None = None,
    labelled: int | None = None,
    labelled_share: float | None = None,
    on_corrupt: OnCorrupt = "refuse",
    split: Split = "train",
    quiet: bool = False,
) -> Dataset:
    """The data that `spec` names, prepared on first use and from then on only mapped into memory.

    `size` in pixels and `channels` (1 or 3) default to what the source says; `classes` (names or indices) and then
    `limit` (evenly spaced) choose a part, of which `labelled` keep their label and are repeated
    until they are `labelled_share` of what is drawn. Raises `InputError`, in one line, for whatever is wrong.
    """
    kind = find(spec)
    if split not in kind.splits:
        raise InputError(f"{spec} has no split {split!r}, only {', '.join(kind.splits)}")
    size, channels = kind.size if size is None else size, kind.channels if channels is None else channels
    if size < (1 if kind.points else 2):
        raise InputError(f"the size of pictures must be at least 2 pixels, not {size}")
    if channels not in (1, 3):
        raise InputError(f"channels must be 1 (grey) or 3 (colour), not {channels}")
    return select(kind.dataset(split, size, channels, on_corrupt, quiet), classes, limit, labelled, labelled_share)


def select(
    dataset: Dataset,
    classes: Sequence[str | int] | None = None,
    limit: int | None = None,
    labelled: int | None = None,
    labelled_share: float | None = None,
) -> Dataset:
    """The part of `dataset` that `load` would choose of it; raises `InputError`."""
    if classes is not None:
        dataset = dataset.of_classes(classes)
    if limit is not None:
        dataset = dataset.limited(limit)
    if labelled is not None:
        dataset = dataset.partly_labelled(labelled)
    return dataset if labelled_share is None else dataset.with_labelled_share(labelled_share)


def is_points(spec: str) -> bool:
    """Whether `spec` names points in the plane; nothing is opened."""
    kind = SOURCES.get(spec.partition(":")[0])
    return kind is not None and kind.points


def is_path(spec: str) -> bool:
    """Whether behind the colon of `spec` stands a path, as the `usage` of its source says; nothing is opened."""
    kind = SOURCES.get(spec.partition(":")[0])
    return kind is not None and kind.usage.endswith("PATH")


def find(spec: str) -> Source:
    """The source that `spec` (`NAME` or `NAME:ARGUMENT`) names; raises `InputError`."""
    refuse_name(spec)
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
