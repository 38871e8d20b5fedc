"""The real images that a model is measured against, prepared as those it was trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ganzoo.config.schema import ResolvedConfig
from ganzoo.data import Dataset, Split, find_source, load, select
from ganzoo.data.source import makes_points
from ganzoo.errors import InputError


@dataclass(frozen=True)
class RealData:
    """Both splits, or the only one."""

    train: Dataset
    test: Dataset | None
    own: bool = True
    """Whether `train` has the images that the model was trained on."""

    def split(self, asked: str | None) -> tuple[Split, Dataset]:
        """The split to measure against: test where there is one; raises `InputError` for one that there is not."""
        there: dict[Split, Dataset] = {} if self.test is None else {"test": self.test}
        for split, dataset in (there | {only(self.train): self.train}).items():
            if asked in (None, split):
                return split, dataset
        raise InputError(f"{self.train.name} has no split {asked!r}, only {' and '.join([*there, only(self.train)])}")


def load_real_splits(config: ResolvedConfig, data: str | Dataset, quiet: bool = True) -> RealData:
    """The splits of a spec, or a set from Python as the only one, for a model of a resolved `config`.

    Raises `InputError` where the data cannot be had, or are of another shape.
    """
    facts = config.dataset
    assert facts is not None, "a kept config is resolved"
    own = isinstance(data, Dataset) and data.digest == facts.digest
    real = RealData(data, None, own) if isinstance(data, Dataset) else named(config, data, quiet)
    if real.train.shape != facts.shape:
        name = data.name if isinstance(data, Dataset) else data
        shapes = shape_text(facts.shape), shape_text(real.train.shape)
        raise InputError(f"the samples are {shapes[0]}, the data {name!r} are {shapes[1]}; they do not compare")
    return real


def named(config: ResolvedConfig, spec: str, quiet: bool = True) -> RealData:
    """The splits of `spec` at the size and with the channels of a run; its own data also with its classes and limit.

    Its own they are wherever they lie now. The limit is on the training images.
    """
    facts, choice = config.dataset, config.data
    assert facts is not None, "a kept config is resolved"
    asked: dict[str, Any] = {"on_corrupt": choice.on_corrupt, "quiet": quiet}
    if not facts.is_points and not makes_points(spec):
        asked |= {"size": facts.shape[1], "channels": facts.shape[0]}
    whole = load(spec, **asked)
    own = is_training_data(config, whole)
    chosen = own or spec == choice.spec
    train = select(whole, choice.classes, choice.max_images) if chosen else whole
    if "test" not in find_source(spec).splits:
        return RealData(train, None, own)
    return RealData(train, load(spec, **asked, classes=choice.classes if chosen else None, split="test"), own)


def is_training_data(config: ResolvedConfig, whole: Dataset) -> bool:
    """Whether what a run chooses among its images is, of `whole`, the very set that it was trained on."""
    data = config.data
    try:
        found = select(whole, data.classes, data.max_images, data.labelled, data.labelled_share)
    except InputError:
        return False
    return found.digest == config.dataset.digest


def only(data: Dataset) -> Split:
    """The split that a set is where there is no other."""
    return "test" if data.split == "test" else "train"


def shape_text(shape: Sequence[int]) -> str:
    """A shape in words."""
    return " x ".join(map(str, shape))
