"""Scores of the features of samples, each with its floor: the score of real images that are not in the reference."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from ganzoo.data import Dataset, Split
from ganzoo.errors import InputError
from ganzoo.evaluation.extractor import Extractor
from ganzoo.evaluation.features import Features
from ganzoo.evaluation.metrics import METRICS, MetricValue
from ganzoo.evaluation.references import Reference, References, missing_reference_reason
from ganzoo.evaluation.score import Score

NEEDS = {
    "logits": "an extractor with class logits, which {!r} lacks",
    "bands": "images with an even size of at least 8 pixels",
    "labels": "a model that takes labels of classes that the extractor {!r} knows by name",
    "images": "a model that takes labels, and square images of at least 16 pixels",
}
SMALLEST = 16  # pixels


def unavailable_reason(name: str, samples: Features, real: Features, extractor: Extractor) -> str | None:
    """The reason, in one line, that a metric cannot be computed from these sets; None if it can."""
    few = too_few_reason(name, len(samples), len(real), samples.features.shape[1])
    return few or missing_input_reason(name, samples, extractor) or missing_label_reason(name, real)


def too_few_reason(name: str, samples: int, real: int, features: int) -> str | None:
    """The reason that a metric is undefined for these numbers of samples, real images and features; None if it is not."""
    metric = METRICS[name]
    least = max(metric.least, metric.per_feature * features)
    if samples < least:
        why = f" for {features} features" if least > metric.least else ""
        return f"{name} needs at least {least} samples{why}; there are {samples}"
    if real < metric.least_real:
        there = f"there are {real}" if real < samples else f"only {real} are used, as many as samples"
        return f"{name} needs at least {metric.least_real} real images; {there}"
    return None


def missing_input_reason(name: str, samples: Features, extractor: Extractor) -> str | None:
    """The reason that a metric lacks an input with these samples, regardless of their number; None if it does not."""
    needs = METRICS[name].needs
    lacks = {
        "logits": samples.logits.shape[1] == 0,
        "bands": samples.bands.shape[1] < 2,
        "labels": not bool((samples.labels >= 0).any()),
        "images": not trains_classifier(samples.images),
    }
    return f"{name} needs {NEEDS[needs].format(extractor.name)}" if lacks.get(needs) else None


def trains_classifier(images: Dataset | None) -> bool:
    """True if `images` have labels, and a size that a small classifier can be trained on."""
    if images is None or not images.class_counts.any():
        return False
    _, height, width = images.shape
    return height == width >= SMALLEST


def missing_label_reason(name: str, real: Features) -> str | None:
    """The reason that a metric that reads labeled images has none in the real ones; None if it has."""
    labeled = real.images is not None and real.images.class_counts.any()
    return f"{name} needs real images with labels" if METRICS[name].needs == "images" and not labeled else None


def missing_reason(name: str, samples: Features, found: References, split: Split, extractor: Extractor) -> str | None:
    """The reason, in one line, that a metric of `samples` cannot be computed against `split`; None if it can."""
    if why := missing_reference_reason(name, bool(found.training), "held" in found.training):
        return why
    return unavailable_reason(name, samples, found.find(name, split)[1].real, extractor)


def score_samples(
    samples: Features, found: References, split: Split, names: Sequence[str], extractor: Extractor
) -> list[Score]:
    """Scores of the metrics `names` against `split`; distances also against the other split.

    Raises `InputError` for a metric that cannot be computed.
    """
    for name in names:
        if why := missing_reason(name, samples, found, split, extractor):
            raise InputError(why)
    used = {name: found.find(name, split) for name in names}
    rows = []
    for measured, reference in dict.fromkeys(used.values()):
        group = [name for name in names if used[name] == (measured, reference)]
        rows += scores_against(samples, reference, measured, group, extractor)
    rows.sort(key=lambda row: names.index(row.metric))
    for other, reference in found.by_split.items():
        distances = [name for name in names if METRICS[name].both and other != split]
        computable = available_metrics(distances, samples, reference.real, extractor)
        rows += scores_against(samples, reference, other, computable, extractor)
    return rows


def scores_against(
    samples: Features, reference: Reference, split: Split, names: Sequence[str], extractor: Extractor
) -> list[Score]:
    """One score with its floor for each of `names`."""
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
    """The score of a metric's `value`, without a floor."""
    metric = METRICS[name]
    return Score(
        name,
        value.value,
        n,
        metric.better,
        extractor=None if metric.needs in ("bands", "images") else extractor.tag,
        split=split if metric.reference else None,
        reference_n=reference_n if metric.reference else None,
        spread=value.spread,
        details=value.details,
    )


def with_floor(score: Score, floor: float, reference: Reference, again: MetricValue | None) -> Score:
    """`score` with its floor; `again` is its value at the floor's numbers of images, if these differ."""
    return replace(
        score,
        floor=floor,
        floor_n=len(reference.held),
        floor_reference_n=None if score.split is None else len(reference.against),
        value_at_floor=None if again is None else again.value,
    )


def available_metrics(names: Iterable[str], samples: Features, real: Features, extractor: Extractor) -> list[str]:
    """The metrics among `names` that can be computed from these sets."""
    return [name for name in names if unavailable_reason(name, samples, real, extractor) is None]


def compute_metrics(names: Iterable[str], samples: Features, real: Features) -> dict[str, MetricValue]:
    """The values of `names`; a function that returns several metrics is called once."""
    found: dict[str, MetricValue] = {}
    for function in dict.fromkeys(METRICS[name].compute for name in names):
        found |= function(samples, real)
    return found


def metric_values(names: Iterable[str], samples: Features, real: Features) -> dict[str, float]:
    """The values of `names`, without spread and details."""
    return {name: value.value for name, value in compute_metrics(names, samples, real).items()}
