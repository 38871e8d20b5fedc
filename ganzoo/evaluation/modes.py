"""Mode counts for data with known modes: modes, high-quality share, reverse KL (mixtures); modes, KL (stacked digits)."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ganzoo.data import Dataset, load
from ganzoo.data.sources.mixtures import HIGH_QUALITY_STD, MIXTURES, Mixture, mixture_of
from ganzoo.errors import InputError, unknown_name
from ganzoo.evaluation.extractor import Extractor, find_extractor
from ganzoo.evaluation.extractors.small_classifiers import WEIGHTS, ClassifierCard
from ganzoo.evaluation.features import DrawFn, round_features
from ganzoo.evaluation.score import Better, ReferenceScores, Score
from ganzoo.json_io import read_record

COUNTS = dict.fromkeys(MIXTURES, 2500) | dict.fromkeys(("stacked-digits", "stacked-mnist"), 26_000)
"""Data sets with known modes, and the number of samples behind the published figures."""

STACKED_MODES = 1000


def count_modes(data: Dataset | str, samples: Tensor) -> dict[str, float]:
    """Mode scores of `samples` (N, C, H, W) of a generator trained on `data` (a set of `COUNTS`, or its spec).

    `ring` and `grid`: `modes`, `high_quality` and `reverse_kl` of `mixture_scores`. Stacks: `modes`, `kl` and the two
    floors of `stacked_scores`. Raises `InputError` for data without known modes and for samples of another shape.
    """
    data = load(data) if isinstance(data, str) else data
    if samples.shape[1:] != data.shape:
        raise InputError(f"the samples have shape {tuple(samples.shape[1:])}, but {data.name} has {data.shape}")
    mixture = mixture_of(data.name, data.class_names)
    if mixture is not None:
        return mixture_scores(mixture, samples.flatten(1))
    if data.name not in COUNTS:
        raise InputError(f"the modes of {data.name} are not known; use {', '.join(COUNTS)}")
    return stacked_scores(read_digits(find_extractor("digits"), samples), digit_frequencies(data))


def mixture_scores(mixture: Mixture, points: Tensor) -> dict[str, float]:
    """Scores of `points` (N, 2) after Lin et al. 2018 (arXiv:1712.04086), section 4.1.

    A point is of high quality if it is within three standard deviations of the nearest center. `modes`: number of centers
    with such a point. `high_quality`: share of such points. `reverse_kl`: KL from the histogram h of their modes to the
    uniform distribution, log K - H(h), in nats; infinite if no point is of high quality.
    """
    centres = torch.from_numpy(mixture.centres)
    distance, nearest = torch.cdist(points.double(), centres, compute_mode="donot_use_mm_for_euclid_dist").min(1)
    good = nearest[distance <= HIGH_QUALITY_STD * mixture.sigma]
    counts = torch.bincount(good, minlength=len(centres))
    return {
        "modes": int((counts > 0).sum()),
        "high_quality": len(good) / len(points),
        "reverse_kl": divergence_from_uniform(counts),
    }


def divergence_from_uniform(counts: Tensor) -> float:
    """KL(h || uniform) = log K - H(h) in nats, for the histogram h with `counts` (K,); infinite if it is empty."""
    if not counts.sum():
        return math.inf
    h = counts.double() / counts.sum()
    return math.log(len(counts)) + float(torch.special.xlogy(h, h).sum())


def stacked_scores(triples: Tensor, frequencies: Tensor) -> dict[str, float]:
    """Scores of the classified digits `triples` (N, 3) after Metz et al. 2017 (arXiv:1611.02163), section 3.3.1.

    `modes`: distinct triples, of 1,000. `kl`: KL(histogram || uniform) in nats. A finite histogram is never flat:
    `kl_floor_uniform` is the mean score of a perfect uniform generator with N samples, `kl_floor_data` that of a perfect
    copy of the data, whose digits have `frequencies` (10,).
    """
    counts = torch.bincount(triples @ torch.tensor([100, 10, 1]), minlength=STACKED_MODES)
    each = torch.einsum("a,b,c->abc", frequencies, frequencies, frequencies).flatten()
    return {
        "modes": int((counts > 0).sum()),
        "kl": divergence_from_uniform(counts),
        "kl_floor_uniform": floor(torch.full((STACKED_MODES,), 1 / STACKED_MODES), len(triples)),
        "kl_floor_data": floor(each, len(triples)),
    }


def floor(probabilities: Tensor, n: int) -> float:
    """The exact mean of KL(histogram || uniform) over histograms of `n` draws from `probabilities` (K,).

    The count of a mode is binomial and the divergence is a sum over modes, so its mean is a sum over binomials.
    """
    p, multiplicity = probabilities.double().unique(return_counts=True)
    count = torch.arange(n + 1, dtype=torch.float64)
    ways = math.lgamma(n + 1) - torch.lgamma(count + 1) - torch.lgamma(n - count + 1)
    chance = (ways + torch.special.xlogy(count, p[:, None]) + torch.special.xlog1py(n - count, -p[:, None])).exp()
    share = count / n
    return math.log(len(probabilities)) + float(multiplicity.double() @ (chance @ torch.special.xlogy(share, share)))


def read_digits(classifier: Extractor, images: Tensor, batch: int = 500) -> Tensor:
    """The digits (N, 3) that `classifier` reads in the channels of `images` (N, 3, H, W)."""
    read = [classifier(part.flatten(0, 1)[:, None]).logits.argmax(1).view(-1, 3) for part in images.split(batch)]
    return torch.cat(read).cpu()


def digit_frequencies(data: Dataset) -> Tensor:
    """The share (10,) of each digit over all three places of the labels; raises `InputError` for a subset of classes."""
    if data.labels is None or data.classes != STACKED_MODES:
        raise InputError(f"modes are counted over all classes of {data.name}; leave data.classes out")
    labels = torch.from_numpy(data.labels)
    digits = torch.cat([labels // 100, labels // 10 % 10, labels % 10])
    return torch.bincount(digits, minlength=10).double() / len(digits)


MODE_METRICS: dict[str, Better] = {"modes": "higher", "high_quality": "higher", "reverse_kl": "lower", "kl": "lower"}
"""Name of a mode score -> better direction."""


def has_known_modes(data: Dataset) -> bool:
    """True if the modes of `data` can be counted."""
    return data.name in COUNTS


def score_modes(
    draw: DrawFn, train: Dataset, real: Dataset, names: Sequence[str] | None, n: int, batch: int
) -> list[Score]:
    """Mode scores of the samples of seeds 0 to n - 1; the floor is the score of n images of `real`. Raises `InputError`.

    If `real` has fewer than n images, the same number of samples is scored as well (`value_at_floor`). `train` supplies
    the digit frequencies for `kl_floor_data`.
    """
    samples = torch.cat([draw(range(start, min(start + batch, n))) for start in range(0, n, batch)])
    samples = samples if train.is_points else round_features(samples)
    held, values = real.subset(n), count_modes(train, samples)
    floors = mode_floors(held).get(
        mode_scores(None, real, values), lambda _: count_modes(real, held.samples(range(len(held))).images)
    )
    again = {} if len(held) == n else count_modes(real, samples[: len(held)])
    return [
        Score(
            name,
            values[name],
            n,
            MODE_METRICS[name],
            floor=floors[name],
            floor_n=len(held),
            value_at_floor=again.get(name),
            details=mode_details(name, values),
        )
        for name in mode_scores(names, real, values)
    ]


def mode_scores(names: Sequence[str] | None, real: Dataset, values: dict[str, float]) -> list[str]:
    """`names`, or for None all mode scores among the `values` of `count_modes`; raises `InputError`."""
    there = [name for name in MODE_METRICS if name in values]
    for name in names or ():
        if name not in there:
            raise unknown_name(f"count of modes for {real.name}", name, there)
    return there if names is None else list(names)


def mode_floors(held: Dataset) -> ReferenceScores:
    """Cache of the mode scores of real samples `held`, keyed by their digest and that of the digit classifier."""
    return ReferenceScores("modes", held.name, held.digest, read_record(WEIGHTS / "digits.json", ClassifierCard).sha256)


def mode_details(name: str, values: dict[str, float]) -> dict[str, float]:
    """The values that belong to the score `name`, such as `kl_floor_uniform` to `kl`."""
    return {key: value for key, value in values.items() if key.startswith(f"{name}_")}
