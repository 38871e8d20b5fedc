"""The real images that a model is measured against, prepared as those it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.config import Config
from ganzoo.data import Dataset, Split, find, load
from ganzoo.data.spec import is_points
from ganzoo.errors import InputError


@dataclass(frozen=True)
class Real:
    """Both splits, or the only one."""

    train: Dataset
    test: Dataset | None

    def split(self, asked: str | None) -> tuple[Split, Dataset]:
        """The split to measure against: test where there is one; raises `InputError` for one that there is not."""
        there: dict[Split, Dataset] = {} if self.test is None else {"test": self.test}
        for split, dataset in (there | {"train": self.train}).items():
            if asked in (None, split):
                return split, dataset
        raise InputError(f"{self.train.name} has no split {asked!r}, only {' and '.join([*there, 'train'])}")


def prepared(config: Config, spec: str, quiet: bool = True) -> Real:
    """The splits of `spec` at the size and with the channels of a run; its own data also with its classes and limit.

    Its own they are wherever they lie now. The limit is on the training images. Raises `InputError` where the data cannot
    be had, or are of another shape.
    """
    facts = config.dataset
    assert facts is not None, "a kept config is resolved"
    asked: dict[str, Any] = {"on_corrupt": config.data.on_corrupt, "quiet": quiet}
    if facts.shape[1:] != (1, 1) and not is_points(spec):
        asked |= {"size": facts.shape[1], "channels": facts.shape[0]}
    chosen = config.data.classes is not None or config.data.limit is not None
    own = spec == config.data.spec or (chosen and was_trained_on(config, spec, asked))
    if own:
        asked |= {"classes": config.data.classes}
    train = load(spec, **asked, limit=config.data.limit if own else None)
    if train.shape != facts.shape:
        raise InputError(
            f"the samples are {by(facts.shape)}, the data {spec!r} are {by(train.shape)}; they do not compare"
        )
    return Real(train, load(spec, **asked, split="test") if "test" in find(spec).splits else None)


def was_trained_on(config: Config, spec: str, asked: dict[str, Any]) -> bool:
    """Whether `spec` has, with the classes and the limit of a run, the very images that it was trained on."""
    assert config.dataset is not None, "a kept config is resolved"
    try:
        found = load(spec, **asked, classes=config.data.classes, limit=config.data.limit)
    except InputError:
        return False
    return found.digest == config.dataset.digest


def by(shape: Sequence[int]) -> str:
    """A shape in words."""
    return " x ".join(map(str, shape))
