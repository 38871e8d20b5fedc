"""Real images that samples are measured against, with the held-out images whose score is the floor."""

from dataclasses import dataclass, replace
from typing import NamedTuple

from ganzoo.data import Dataset, Split
from ganzoo.evaluation.features import FeatureReader, Features
from ganzoo.evaluation.metrics import METRICS
from ganzoo.evaluation.real_data import only
from ganzoo.evaluation.score import ReferenceScores


class Reference(NamedTuple):
    """Real images to measure against, and held-out ones whose score is the floor."""

    real: Features
    held: Features
    """Real images that are not in `real`, at most as many as samples."""
    against: Features
    """Reference of `held`: `real`, or half of the data if there is only one split."""
    floors: ReferenceScores
    """Scores of `held` against `against`."""


@dataclass(frozen=True)
class References:
    """The reference of each split, and those of the metrics that read all training images."""

    by_split: dict[Split, Reference]
    training: dict[str, Reference]
    """By `Metric.needs`; empty if these images are not given, without "held" if there is no test split."""

    def find(self, name: str, split: Split) -> tuple[Split, Reference]:
        """The reference of the metric `name` and its split; raises `KeyError` if it is missing."""
        metric = METRICS[name]
        fixed = metric.training or metric.unseen
        # For the train reference, the held-out images are the test split.
        measured = "train" if fixed and "train" in self.by_split else split
        return measured, self.training[metric.needs] if metric.training else self.by_split[measured]


def missing_reference_reason(name: str, own: bool, held_out: bool) -> str | None:
    """The reason that a metric has no reference in these data; None if it has one.

    `own`: the data are those that the model was trained on. `held_out`: they have a test split.
    """
    metric = METRICS[name]
    if metric.training and not own:
        return f"{name} needs the images that the model was trained on"
    if metric.needs == "held" and not held_out:
        return f"{name} needs a test split, which the data lack"
    return None


def reference_sets(train: Dataset, test: Dataset | None, n: int, training: bool = False) -> list[Dataset]:
    """The real sets needed for scores of `n` samples: both splits, or the only split and its halves.

    With `training` also the whole of `train`, if it has more images than samples.
    """
    sets = [train, test] if test is not None else [train, *train.split_in_half()]
    return [each.subset(n) for each in sets] + ([train] if training and len(train) > n else [])


def load_references(
    reader: FeatureReader, train: Dataset, test: Dataset | None, n: int, training: bool = False
) -> References:
    """The references for `n` samples; of each set at most `n` images, evenly spaced.

    With `training` also those of the metrics that read all training images.
    """
    whole = training_references(reader, train, test, n) if training else {}
    return References(split_references(reader, train, test, n), whole)


def split_references(reader: FeatureReader, train: Dataset, test: Dataset | None, n: int) -> dict[Split, Reference]:
    """The references by split."""
    sets = reference_sets(train, test, n)
    read, entries = [reader.data(each) for each in sets], [reader.entry(each).name for each in sets]

    def reference(real: int, held: int, against: int) -> Reference:
        return Reference(read[real], read[held], read[against], ReferenceScores(entries[held], entries[against]))

    if test is None:
        return {only(train): reference(0, 2, 1)}
    return {"train": reference(0, 1, 0), "test": reference(1, 0, 1)}


def training_references(reader: FeatureReader, train: Dataset, test: Dataset | None, n: int) -> dict[str, Reference]:
    """References with all of `train`, by `Metric.needs`.

    For "held", half of the test images are the reference of the other half.
    """
    whole, entry = reader.data(train), reader.entry(train).name
    if test is None:
        even, odd = in_halves(whole)
        return {"features": Reference(whole, odd.first(n), even, ReferenceScores(entry, "halves", str(n)))}
    few = test.subset(n)
    held, held_entry = reader.data(few), reader.entry(few).name
    even, odd = in_halves(held)
    both, half = (replace(whole, held=each) for each in (held, even))
    return {
        "features": Reference(whole, held, whole, ReferenceScores(held_entry, entry)),
        "held": Reference(both, odd, half, ReferenceScores(held_entry, "halves", entry)),
    }


def in_halves(features: Features) -> tuple[Features, Features]:
    """The images with even index, and those with odd index."""
    return features.rows(slice(0, None, 2)), features.rows(slice(1, None, 2))
