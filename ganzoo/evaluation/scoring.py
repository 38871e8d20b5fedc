"""All scores of a described set of samples, each with the floor that real images have."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from ganzoo.data import Dataset, Split
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import Extractor
from ganzoo.evaluation.features import FeatureReader, Features
from ganzoo.evaluation.metrics import METRICS, MetricValue
from ganzoo.evaluation.real_data import only
from ganzoo.evaluation.score import ReferenceScores, Score

NEEDS = {
    "logits": "an extractor that knows classes, which {!r} does not",
    "bands": "pictures of at least 8 pixels, an even number of them",
    "labels": "a model that takes labels, of classes that the extractor {!r} knows by name",
}


class Reference(NamedTuple):
    """Real images to measure against, and those whose score is the floor."""

    real: Features
    held: Features
    """Real images beside `real`, at most as many as samples."""
    against: Features
    """What `held` is measured against: `real`, or a half of it where there is only one split."""
    floors: ReferenceScores
    """Those of `held` against `against`."""


def reference_sets(train: Dataset, test: Dataset | None, n: int) -> list[Dataset]:
    """The real sets that are read for scores of `n` samples: both splits, or one and its halves."""
    sets = [train, test] if test is not None else [train, *train.split_in_half()]
    return [each.subset(n) for each in sets]


def load_references(reader: FeatureReader, train: Dataset, test: Dataset | None, n: int) -> dict[Split, Reference]:
    """What `n` samples are measured against, by split; of each set at most `n` images, evenly spaced over it."""
    sets = reference_sets(train, test, n)
    read, entries = [reader.data(each) for each in sets], [reader.entry(each).name for each in sets]

    def reference(real: int, held: int, against: int) -> Reference:
        return Reference(read[real], read[held], read[against], ReferenceScores(entries[held], entries[against]))

    if test is None:
        return {only(train): reference(0, 2, 1)}
    return {"train": reference(0, 1, 0), "test": reference(1, 0, 1)}


def unavailable_reason(name: str, samples: Features, real: Features, extractor: Extractor) -> str | None:
    """Why a metric cannot be computed of these sets, in one line; None if it can."""
    return too_few_reason(name, len(samples), len(real)) or missing_input_reason(name, samples, extractor)


def too_few_reason(name: str, samples: int, real: int) -> str | None:
    """Why a metric is not defined of so many samples and real images; None if it is."""
    metric = METRICS[name]
    if samples < metric.least:
        return f"{name} needs at least {metric.least} samples; there are {samples}"
    if real < metric.least_real:
        there = f"there are {real}" if real < samples else f"{real} are taken, as many as there are samples"
        return f"{name} needs at least {metric.least_real} real images; {there}"
    return None


def missing_input_reason(name: str, samples: Features, extractor: Extractor) -> str | None:
    """What a metric reads that these samples, however many, do not have; None if they have it."""
    needs = METRICS[name].needs
    lacks = {
        "logits": samples.logits.shape[1] == 0,
        "bands": samples.bands.shape[1] < 2,
        "labels": not bool((samples.labels >= 0).any()),
    }
    return f"{name} needs {NEEDS[needs].format(extractor.name)}" if lacks.get(needs) else None


def score_samples(
    samples: Features, found: dict[Split, Reference], split: Split, names: Sequence[str], extractor: Extractor
) -> list[Score]:
    """The metrics `names` against `split`, and the distances among them against the other split too.

    Raises `InputError` for one that cannot be computed.
    """
    for name in names:
        if why := unavailable_reason(name, samples, found[split].real, extractor):
            raise InputError(why)
    seen, unseen = ([name for name in names if METRICS[name].unseen is new] for new in (False, True))
    # What is held against train is the test split.
    rows = scores_against(samples, found[split], split, seen, extractor)
    rows += scores_against(samples, found.get("train", found[split]), "train", unseen, extractor)
    rows.sort(key=lambda row: names.index(row.metric))
    for other in found.keys() - {split}:
        distances = [name for name in names if METRICS[name].both]
        rows += scores_against(
            samples, found[other], other, available_metrics(distances, samples, found[other].real, extractor), extractor
        )
    return rows


def scores_against(
    samples: Features, reference: Reference, split: Split, names: Sequence[str], extractor: Extractor
) -> list[Score]:
    """A row for each of `names`, with its floor."""
    real, held, against, kept = reference
    floored = available_metrics(names, held, against, extractor)
    values, floors = (
        compute_metrics(names, samples, real),
        kept.get(floored, lambda new: metric_values(new, held, against)),
    )
    same = (len(held), len(against)) == (len(samples), len(real))
    again = {} if same else compute_metrics(floored, samples.first(len(held)), against)
    rows = []
    for name in names:
        row = score_without_floor(name, values[name], len(samples), split, len(real), extractor)
        rows.append(with_floor(row, floors[name], reference, again.get(name)) if name in floors else row)
    return rows


def score_without_floor(
    name: str, value: MetricValue, n: int, split: Split, reference_n: int, extractor: Extractor
) -> Score:
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


def with_floor(score: Score, floor: float, reference: Reference, again: MetricValue | None) -> Score:
    """`score` with its floor, and, where that is at other numbers, with the value at those."""
    return replace(
        score,
        floor=floor,
        floor_n=len(reference.held),
        floor_reference_n=None if score.split is None else len(reference.against),
        value_at_floor=None if again is None else again.value,
    )


def available_metrics(names: Iterable[str], samples: Features, real: Features, extractor: Extractor) -> list[str]:
    """Those of `names` that can be computed of these sets."""
    return [name for name in names if unavailable_reason(name, samples, real, extractor) is None]


def compute_metrics(names: Iterable[str], samples: Features, real: Features) -> dict[str, MetricValue]:
    """The values of `names`; what gives several is called once."""
    found: dict[str, MetricValue] = {}
    for function in dict.fromkeys(METRICS[name].compute for name in names):
        found |= function(samples, real)
    return found


def metric_values(names: Iterable[str], samples: Features, real: Features) -> dict[str, float]:
    """The values of `names` alone, without spread or details."""
    return {name: value.value for name, value in compute_metrics(names, samples, real).items()}
