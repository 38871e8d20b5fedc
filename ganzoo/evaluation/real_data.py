"""Real data for evaluation: splits prepared like the training data, mismatches with them, class order of samples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo.config.schema import DatasetInfo, ResolvedConfig
from ganzoo.data import Dataset, Split, find_source, load, select
from ganzoo.data.source import makes_points
from ganzoo.errors import InputError


@dataclass(frozen=True)
class RealData:
    """Training and test split, or the only split."""

    train: Dataset
    test: Dataset | None
    own: bool = True
    """True if `train` has the images that the model was trained on."""

    def split(self, asked: str | None) -> tuple[Split, Dataset]:
        """The split `asked`, by default test if it exists; raises `InputError` for a split that does not exist."""
        there: dict[Split, Dataset] = {} if self.test is None else {"test": self.test}
        for split, dataset in (there | {only(self.train): self.train}).items():
            if asked in (None, split):
                return split, dataset
        raise InputError(f"{self.train.name} has no split {asked!r}, only {' and '.join([*there, only(self.train)])}")


def load_real_splits(config: ResolvedConfig, data: str | Dataset, quiet: bool = True) -> RealData:
    """Load the splits of a spec, or take a set from Python as the only split, for a model of a resolved `config`.

    Raises `InputError` for data that cannot be loaded or have another shape.
    """
    facts = config.dataset
    own = isinstance(data, Dataset) and data.digest == facts.digest
    real = RealData(data, None, own) if isinstance(data, Dataset) else named(config, data, quiet)
    if real.train.shape != facts.shape:
        name = data.name if isinstance(data, Dataset) else data
        shapes = shape_text(facts.shape), shape_text(real.train.shape)
        raise InputError(
            f"the samples are {shapes[0]}, but the data {name!r} are {shapes[1]}; use data of the samples' shape"
        )
    return real


def named(config: ResolvedConfig, spec: str, quiet: bool = True) -> RealData:
    """The splits of `spec` with the size and channels of a run; the run's own data also with its classes and limit.

    The run's own data are recognized wherever they are stored now. The limit applies to the training images.
    """
    facts, choice = config.dataset, config.data
    options: dict[str, Any] = {"crop": choice.crop, "on_corrupt": choice.on_corrupt, "quiet": quiet}
    if not facts.is_points and not makes_points(spec):
        options |= {"size": facts.shape[1], "channels": facts.shape[0]}
    whole = load(spec, **options)
    own = is_training_data(config, whole)
    chosen = own or spec == choice.spec
    train = select(whole, choice.classes, choice.max_images) if chosen else whole
    if "test" not in find_source(spec).splits:
        return RealData(train, None, own)
    return RealData(train, load(spec, **options, classes=choice.classes if chosen else None, split="test"), own)


def is_training_data(config: ResolvedConfig, whole: Dataset) -> bool:
    """True if the run's selection from `whole` is the set that it was trained on."""
    data = config.data
    try:
        found = select(whole, data.classes, data.max_images, data.labelled, data.labelled_share)
    except InputError:
        return False
    return found.digest == config.dataset.digest


def only(data: Dataset) -> Split:
    """The split name of a set that is the only split."""
    return "test" if data.split == "test" else "train"


def shape_text(shape: Sequence[int]) -> str:
    """A shape as text, such as 1 x 32 x 32."""
    return " x ".join(map(str, shape))


def mismatches(facts: DatasetInfo, real: RealData, conditional: bool) -> Iterator[str]:
    """Warnings about scores, against `real`, of a model that was trained on other data (`facts`).

    Raises `InputError` if the model is `conditional` and shares no class with the data, because no sample could have a
    right class.
    """
    train, known = real.train, facts.class_names
    if conditional and train.classes and not set(known) & set(train.class_names):
        raise InputError(
            f"the model draws the classes {first_names(known)}, but {train.name!r} has only "
            f"{first_names(train.class_names)}; evaluate it against data that have its classes"
        )
    if not real.own:
        yield (
            f"the model was trained on {facts.count:,} images of {facts.name!r}, not on the {len(train):,} of "
            f"{train.name!r} that it is measured against"
        )
    yield from class_mismatches(facts, train, conditional)
    if real.test is not None and real.test.digest == facts.digest:
        yield f"the model was trained on the test split of {train.name!r}, so copies of these images score best"


def class_mismatches(facts: DatasetInfo, train: Dataset, conditional: bool) -> Iterator[str]:
    """Warnings about classes that only the model or only the data have."""
    if conditional and not train.classes:
        yield f"{train.name!r} has no labels, so the model draws the same number of images of each of its classes"
    if not train.classes or not facts.class_names:
        return
    if strange := [name for name in train.class_names if name not in facts.class_names]:
        yield f"{train.name!r} has classes that the model was not trained on: {first_names(strange)}"
    if absent := [name for name in facts.class_names if name not in train.class_names]:
        yield f"{train.name!r} lacks classes that the model was trained on: {first_names(absent)}"


def small_reference(reference: Dataset, n: int) -> Iterator[str]:
    """A warning if `reference` has fewer than `n` images."""
    if len(reference) < n:
        yield (
            f"{n:,} samples are measured against {len(reference):,} real images, all that the {reference.split} split of "
            f"{reference.name!r} has"
        )


def first_names(names: Sequence[str], most: int = 5) -> str:
    """The first of `names`, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more


def class_order(counts: ArrayLike, n: int) -> Tensor:
    """Classes (n,) int64 of samples 0, 1, ... in proportion to `counts` (K,), the number of images of each class.

    The method of Webster and Sainte-Lague (1910): class k gets its t-th sample (from 0) at time (t + 1/2) / counts[k]. For
    every m <= n the first m samples minimize sum_k (m_k - m p_k)^2 / p_k, where m_k of them are of class k and p_k is its
    share of the data. A class without images never occurs. Equal or all-zero counts give 0, 1, ..., K - 1, 0, 1, ...
    """
    counts = np.asarray(counts, np.int64)
    counts = counts if counts.any() else np.ones_like(counts)
    # Turns of each class up to time n + K / 2, rounding included; at least n in total.
    turns = np.floor((n + len(counts) / 2) * counts / counts.sum() + 1).astype(np.int64) * (counts > 0)
    classes = np.repeat(np.arange(len(counts)), turns)
    turn = np.arange(len(classes)) - np.repeat(np.cumsum(turns) - turns, turns)
    due = (2 * turn + 1) / counts[classes]
    return torch.from_numpy(classes[np.argsort(due, kind="stable")[:n]])
