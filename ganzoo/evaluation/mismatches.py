"""Samples, splits and reference that do not belong together, each said in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ganzoo.config.schema import DatasetInfo
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.evaluation.real_data import RealData


def mismatches(facts: DatasetInfo, real: RealData, conditional: bool) -> Iterator[str]:
    """Each reason for which the scores of a model trained on `facts` may not mean what they seem to, against `real`.

    Raises `InputError` where the model is `conditional` and has no class in common with the data: no class of a sample
    is right then.
    """
    train, known = real.train, facts.class_names
    if conditional and train.classes and not set(known) & set(train.class_names):
        raise InputError(
            f"the model draws the classes {first_names(known)}, and {train.name!r} has none of them "
            f"but {first_names(train.class_names)}; "
            "measure it against data that have its classes"
        )
    if not real.own:
        yield (
            f"the model was trained on {facts.count:,} images of {facts.name!r}, and they are not the {len(train):,} of "
            f"{train.name!r} that it is measured against"
        )
    yield from class_mismatches(facts, train, conditional)
    if real.test is not None and real.test.digest == facts.digest:
        yield f"the model was trained on the test split of {train.name!r}, against which its copies of images score best"


def class_mismatches(facts: DatasetInfo, train: Dataset, conditional: bool) -> Iterator[str]:
    """Classes that one of both has and the other lacks."""
    if conditional and not train.classes:
        yield f"{train.name!r} has no labels, so the model draws equally many images of each of its classes"
    if not train.classes or not facts.class_names:
        return
    if strange := [name for name in train.class_names if name not in facts.class_names]:
        yield f"{train.name!r} has classes that the model was not trained on: {first_names(strange)}"
    if absent := [name for name in facts.class_names if name not in train.class_names]:
        yield f"{train.name!r} lacks classes that the model was trained on: {first_names(absent)}"


def small_reference(reference: Dataset, n: int) -> Iterator[str]:
    """That `reference` has fewer than `n` images, if so."""
    if len(reference) < n:
        yield (
            f"{n:,} samples are measured against {len(reference):,} real images, which is all that {reference.name!r} has "
            f"in its {reference.split} split"
        )


def first_names(names: Sequence[str], most: int = 5) -> str:
    """The first of `names`, and how many there are beyond."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(map(repr, names[:most])) + more
