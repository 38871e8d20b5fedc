"""All scores of a described set of samples, each with the floor that real images have."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ganzoo.data import Dataset, Split
from ganzoo.errors import InputError
from ganzoo.evaluation.described import Described
from ganzoo.evaluation.extractor import Extractor
from ganzoo.evaluation.features import Reader
from ganzoo.evaluation.floors import Floors
from ganzoo.evaluation.metrics import METRICS, Value
from ganzoo.evaluation.protocol import Score
from ganzoo.evaluation.real import only

NEEDS = {
    "logits": "an extractor that knows classes, which {!r} does not",
    "bands": "pictures of at least 8 pixels, an even number of them",
    "labels": "a model that takes labels, of classes that the extractor {!r} knows by name",
}


class Reference(NamedTuple):
    """Real images to measure against, and those whose score is the floor."""

    real: Described
    held: Described
    """Real images beside `real`, at most as many as samples."""
    against: Described
    """What `held` is measured against: `real`, or a half of it where there is only one split."""
    floors: Floors
    """Those of `held` against `against`."""


def images_read(train: Dataset, test: Dataset | None, n: int) -> list[Dataset]:
    """The real sets that are read for scores of `n` samples: both splits, or one and its halves."""
    sets = [train, test] if test is not None else [train, *train.halves()]
    return [each.limited(n) for each in sets]


def references(reader: Reader, train: Dataset, test: Dataset | None, n: int) -> dict[Split, Reference]:
    """What `n` samples are measured against, by split; of each set at most `n` images, evenly spaced over it."""
    sets = images_read(train, test, n)
    read, entries = [reader.data(each) for each in sets], [reader.entry(each).name for each in sets]

    def reference(real: int, held: int, against: int) -> Reference:
        return Reference(read[real], read[held], read[against], Floors(entries[held], entries[against]))

    if test is None:
        return {only(train): reference(0, 2, 1)}
    return {"train": reference(0, 1, 0), "test": reference(1, 0, 1)}


def missing(name: str, samples: Described, real: Described, extractor: Extractor) -> str | None:
    """Why a metric cannot be computed of these sets, in one line; None if it can."""
    return too_few(name, len(samples), len(real)) or lacking(name, samples, extractor)


def too_few(name: str, samples: int, real: int) -> str | None:
    """Why a metric is not defined of so many samples and real images; None if it is."""
    metric = METRICS[name]
    if samples < metric.least:
        return f"{name} needs at least {metric.least} samples; there are {samples}"
    if real < metric.least_real:
        there = f"there are {real}" if real < samples else f"{real} are taken, as many as there are samples"
        return f"{name} needs at least {metric.least_real} real images; {there}"
    return None


def lacking(name: str, samples: Described, extractor: Extractor) -> str | None:
    """What a metric reads that these samples, however many, do not have; None if they have it."""
    needs = METRICS[name].needs
    lacks = {
        "logits": samples.logits.shape[1] == 0,
        "bands": samples.bands.shape[1] < 2,
        "labels": not bool((samples.labels >= 0).any()),
    }
    return f"{name} needs {NEEDS[needs].format(extractor.name)}" if lacks.get(needs) else None


def scores(
    samples: Described, found: dict[Split, Reference], split: Split, names: Sequence[str], extractor: Extractor
) -> list[Score]:
    """The metrics `names` against `split`, and the distances among them against the other split too.

    Raises `InputError` for one that cannot be computed.
    """
    for name in names:
        if why := missing(name, samples, found[split].real, extractor):
            raise InputError(why)
    seen, unseen = ([name for name in names if METRICS[name].unseen is new] for new in (False, True))
    # What is held against train is the test split.
    rows = scored(samples, found[split], split, seen, extractor)
    rows += scored(samples, found.get("train", found[split]), "train", unseen, extractor)
    rows.sort(key=lambda row: names.index(row.metric))
    for other in found.keys() - {split}:
        distances = [name for name in names if METRICS[name].both]
        rows += scored(
            samples, found[other], other, possible(distances, samples, found[other].real, extractor), extractor
        )
    return rows


def scored(
    samples: Described, reference: Reference, split: Split, names: Sequence[str], extractor: Extractor
) -> list[Score]:
    """A row for each of `names`, with its floor."""
    real, held, against, kept = reference
    floored = possible(names, held, against, extractor)
    values, floors = compute(names, samples, real), kept.get(floored, lambda new: numbers(new, held, against))
    same = (len(held), len(against)) == (len(samples), len(real))
    again = {} if same else compute(floored, samples.first(len(held)), against)
    rows = []
    for name in names:
        row = plain(name, values[name], len(samples), split, len(real), extractor)
        rows.append(with_floor(row, floors[name], reference, again.get(name)) if name in floors else row)
    return rows


def plain(name: str, value: Value, n: int, split: Split, reference_n: int, extractor: Extractor) -> Score:
    """A score without its floor."""
    metric = METRICS[name]
    return Score(
        name,
        value.value,
        n,
        metric.better,
        extractor=None if metric.needs == "bands" else extractor.tag,
        split=split if metric.reference else None,
        reference_n=reference_n if metric.reference else None,
        spread=value.spread,
        details=value.details,
    )


def with_floor(score: Score, floor: float, reference: Reference, again: Value | None) -> Score:
    """`score` with its floor, and, where that is at other numbers, with the value at those."""
    return replace(
        score,
        floor=floor,
        floor_n=len(reference.held),
        floor_reference_n=None if score.split is None else len(reference.against),
        value_at_floor=None if again is None else again.value,
    )


def possible(names: Iterable[str], samples: Described, real: Described, extractor: Extractor) -> list[str]:
    """Those of `names` that can be computed of these sets."""
    return [name for name in names if missing(name, samples, real, extractor) is None]


def compute(names: Iterable[str], samples: Described, real: Described) -> dict[str, Value]:
    """The values of `names`; what gives several is called once."""
    found: dict[str, Value] = {}
    for function in dict.fromkeys(METRICS[name].compute for name in names):
        found |= function(samples, real)
    return found


def numbers(names: Iterable[str], samples: Described, real: Described) -> dict[str, float]:
    """The values of `names` alone, without spread or details."""
    return {name: value.value for name, value in compute(names, samples, real).items()}
