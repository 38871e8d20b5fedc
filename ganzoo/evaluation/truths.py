"""Scores of data whose modes are known: points of a mixture, and stacked digits."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ganzoo.data import Dataset
from ganzoo.errors import unknown
from ganzoo.evaluation import modes
from ganzoo.evaluation.classifier import WEIGHTS, ClassifierCard
from ganzoo.evaluation.features import Draw, rounded
from ganzoo.evaluation.floors import Floors
from ganzoo.evaluation.protocol import Better, Score
from ganzoo.json_io import read_record

TRUTHS: dict[str, Better] = {"modes": "higher", "high_quality": "higher", "reverse_kl": "lower", "kl": "lower"}
"""Their names, and which way is better."""


def is_known(data: Dataset) -> bool:
    """Whether the modes of `data` can be counted."""
    return data.name in modes.COUNTS


def truths(draw: Draw, train: Dataset, real: Dataset, names: Sequence[str] | None, n: int, batch: int) -> list[Score]:
    """What the samples of seeds 0 to n - 1 reach, and, as the floor, what as many of `real` do; raises `InputError`.

    Where `real` has fewer, the first samples, as many as it has, are counted again. `train` is what G was to learn: of its
    digits is the divergence that a perfect copy has.
    """
    samples = torch.cat([draw(range(start, min(start + batch, n))) for start in range(0, n, batch)])
    samples = samples if train.shape[1:] == (1, 1) else rounded(samples)
    held, values = real.limited(n), modes.measure(train, samples)
    floors = floors_of(held).get(
        counts(None, real, values), lambda _: modes.measure(real, held.samples(range(len(held))).images)
    )
    again = {} if len(held) == n else modes.measure(real, samples[: len(held)])
    return [
        Score(
            name,
            values[name],
            n,
            TRUTHS[name],
            floor=floors[name],
            floor_n=len(held),
            value_at_floor=again.get(name),
            details=details(name, values),
        )
        for name in counts(names, real, values)
    ]


def counts(names: Sequence[str] | None, real: Dataset, values: dict[str, float]) -> list[str]:
    """`names`, or None for all counts among the `values` that `modes.measure` has for `real`; raises `InputError`."""
    there = [name for name in TRUTHS if name in values]
    for name in names or ():
        if name not in there:
            raise unknown(f"count of modes for {real.name}", name, there)
    return there if names is None else list(names)


def floors_of(held: Dataset) -> Floors:
    """Where the counts of the real samples `held` are kept: by their digest, and that of what reads stacks."""
    return Floors("modes", held.name, held.digest, read_record(WEIGHTS / "digits.json", ClassifierCard).sha256)


def details(name: str, values: dict[str, float]) -> dict[str, float]:
    """What belongs to `name` and is no score: `kl_floor_uniform` to `kl`."""
    return {key: value for key, value in values.items() if key.startswith(f"{name}_")}
