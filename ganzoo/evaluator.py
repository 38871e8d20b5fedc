"""A sampler and the data that it was trained on -> all scores."""

import platform
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo import __version__, terminal
from ganzoo.api import as_dataset, check_not_memory, load_dataset
from ganzoo.config.schema import ResolvedConfig
from ganzoo.data import Dataset, Split
from ganzoo.errors import InputError, unknown_name
from ganzoo.evaluation import METRICS, Evaluation, Extractor, modes, neighbors
from ganzoo.evaluation.extractor import default_extractor, find_extractor
from ganzoo.evaluation.features import DrawFn, FeatureReader, cached_files
from ganzoo.evaluation.metrics import import_torch_fidelity
from ganzoo.evaluation.modes import MODE_METRICS, has_known_modes, score_modes
from ganzoo.evaluation.real_data import RealData, class_order, load_real_splits, mismatches, small_reference
from ganzoo.evaluation.scoring import load_references, reference_sets, score_samples, unavailable_reason
from ganzoo.sampling import Sampler, load
from ganzoo.torch_state import default_torch_state

SAMPLES = 10_000
MAX_SAMPLES = 10_000_000


Data = str | Dataset | Tensor | ArrayLike
"""A spec, which is prepared as the model's own data were, or what is taken as it is: a set, or images (N, C, H, W)."""


@default_torch_state()
def evaluate(
    sampler: Sampler | str | Path,
    data: Data | None = None,
    *,
    metrics: Sequence[str] | None = None,
    extractor: str | Extractor | None = None,
    n: int | None = None,
    split: str | None = None,
    batch: int = 128,
    device: str = "cpu",
    quiet: bool = True,
) -> Evaluation:
    """The scores of the images of seeds 0 to `n` - 1: 10,000, or of data with known modes as many as published figures.

    `sampler` may be a run, a release or a name, as `ganzoo.load` takes it. `data` default to what the model was trained on,
    `metrics` to all that can be computed, `extractor` to what fits the data (see `default_extractor`), `split` to test where
    there is one. `device` is the extractor's; the images are drawn where the sampler is. What does not belong together is
    among the facts under `warnings`, and unless `quiet` on stderr.
    Raises `InputError`, in one line, for whatever is wrong.
    """
    began = time.perf_counter()
    sampler = sampler if isinstance(sampler, Sampler) else load(sampler)
    real = load_real_data(sampler, data, quiet)
    against, dataset = real.split(split)
    n = resolve_sample_count(real.train, metrics, n, batch)
    warnings = find_mismatches(sampler, real)
    if uses_modes(metrics, real.train):
        check_no_extractor(extractor, real.train)
        print_warnings(warnings, quiet)
        draw = seed_sampler(sampler, requested_classes(sampler, real.train, n))
        found = Evaluation(score_modes(draw, real.train, dataset, metrics, n, batch), {})
    else:
        reader = open_feature_reader(extractor, real.train, device, batch, quiet)
        warnings += small_reference(dataset, n)
        print_warnings(warnings, quiet)
        found = score_images(sampler, real, metrics, n, against, reader)
    cost = {"device": device, "seconds": round(time.perf_counter() - began, 1)}
    return Evaluation(found.scores, evaluation_facts(sampler, real) | found.facts | {"warnings": warnings} | cost)


def print_warnings(warnings: Sequence[str], quiet: bool) -> None:
    """Print each of them on stderr, unless `quiet`."""
    for line in () if quiet else warnings:
        terminal.err(f"warning: {line}")


def find_mismatches(sampler: Sampler, real: RealData) -> list[str]:
    """What of a model and `real` does not belong together; raises `InputError` where no score would mean anything."""
    return [*mismatches(sampler.config.dataset, real, bool(sampler.class_names))]


def resolve_sample_count(
    data: Dataset, metrics: Sequence[str] | None = None, n: int | None = None, batch: int = 128
) -> int:
    """How many samples will be measured; raises `InputError` for metrics and counts that `evaluate` would refuse."""
    if n is not None and n < 2:
        raise InputError(f"a score needs at least 2 samples, not {n}")
    if n is not None and n > MAX_SAMPLES:
        raise InputError(f"a score is of at most {MAX_SAMPLES:,} samples, not {n:,}")
    if batch < 1:
        raise InputError(f"--batch must be at least 1, not {batch}")
    by_modes = uses_modes(metrics, data)
    if not by_modes and any(METRICS[name].extra for name in metrics or METRICS):
        import_torch_fidelity("metric_fid")
    return n or (modes.COUNTS[data.name] if by_modes else SAMPLES)


def uses_modes(metrics: Sequence[str] | None, data: Dataset) -> bool:
    """Whether modes are to be counted, rather than features compared; raises `InputError` for a metric there is not."""
    known = list(MODE_METRICS) if has_known_modes(data) else []
    points = data.is_points
    for name in metrics or ():
        if points and name in METRICS:
            raise InputError(f"{name} is for pictures; of points there are modes, high_quality and reverse_kl")
        if name not in known and (points or name not in METRICS):
            raise unknown_name("metric", name, known + ([] if points else list(METRICS)))
    if points and not known:
        raise InputError(f"{data.name} are points with no known modes, so there is nothing to measure them by")
    kinds = {name in MODE_METRICS for name in metrics or ()} or {bool(known)}
    if len(kinds) > 1:
        raise InputError(
            "counts of modes and scores of features have samples of their own; ask for them one after another"
        )
    return kinds.pop()


def check_no_extractor(extractor: str | Extractor | None, data: Dataset) -> None:
    """Raise `InputError` where one was asked for, though the modes of `data` are counted without."""
    if extractor is not None:
        raise InputError(f"the modes of {data.name} are counted without an extractor; leave --extractor out")


def open_feature_reader(
    extractor: str | Extractor | None, data: Dataset, device: str = "cpu", batch: int = 128, quiet: bool = True
) -> FeatureReader:
    """A reader with the extractor asked for, or the one that fits the data; raises `InputError`."""
    tool = extractor if isinstance(extractor, Extractor) else find_extractor(extractor or default_extractor(data))
    tool.check_shape(data.shape)
    return FeatureReader(tool, device, batch, quiet)


def score_images(
    sampler: Sampler, real: RealData, metrics: Sequence[str] | None, n: int, split: Split, reader: FeatureReader
) -> Evaluation:
    """Scores of pictures by features; raises `InputError` where one that was asked for, or none, can be computed."""
    print_time_estimate(reader, reference_sets(real.train, real.test, n), n)
    tool, found = reader.extractor, load_references(reader, real.train, real.test, n)
    asked = requested_classes(sampler, real.train, n)
    samples = reader.samples(seed_sampler(sampler, asked), n, asked)
    lines = {name: unavailable_reason(name, samples, found[split].real, tool) for name in METRICS}
    names = [name for name, why in lines.items() if why is None] if metrics is None else metrics
    if metrics is None and not names:
        raise InputError(f"there is nothing to measure: {'; '.join(filter(None, lines.values()))}")
    facts = {
        "extractor": {"name": tool.name, "sha256": tool.sha256, "size": tool.size, "native_size": tool.native},
        "left_out": [why for why in lines.values() if why and metrics is None],
    }
    return Evaluation(score_samples(samples, found, split, names, tool), facts)


def print_time_estimate(reader: FeatureReader, real: Sequence[Dataset], n: int) -> None:
    """Say on stderr how long a slow extractor will take for `real` and `n` samples, as measured on a few images."""
    if reader.quiet or not reader.extractor.slow or reader.device != "cpu":
        return
    images = n + sum(len(each) for each in real if not cached_files(reader.entry(each)))
    minutes = reader.seconds(real[0], images) / 60
    terminal.err(f"{reader.extractor.name} on the CPU: about {minutes:.0f} minutes for {images:,} images")


def requested_classes(sampler: Sampler, data: Dataset, n: int) -> list[str]:
    """The class that each of seeds 0 to n - 1 is asked for, as frequent as in `data`; empty where G takes none.

    See `class_order`. A class that has no image there is not asked for; where the data have no labels, all equally often.
    """
    names, counts = sampler.class_names, dict(zip(data.class_names, data.class_counts.tolist(), strict=True))
    return [names[k] for k in class_order([counts.get(name, 0) for name in names], n)] if names else []


def seed_sampler(sampler: Sampler, asked: Sequence[str] = ()) -> DrawFn:
    """Seeds -> images; where G takes labels, seed i is of class `asked[i]`."""

    def draw(seeds: Sequence[int]) -> Tensor:
        classes = [asked[seed] for seed in seeds] if asked else None
        return sampler.sample(seeds=seeds, classes=classes, batch=len(seeds))

    return draw


@default_torch_state()
def nearest_training_images(
    sampler: Sampler,
    data: Data | None = None,
    *,
    extractor: str | Extractor | None = None,
    device: str = "cpu",
    quiet: bool = True,
) -> Tensor:
    """One picture (C, H, W) of ten samples, each beside the five training images nearest to it; raises `InputError`."""
    train = load_real_data(sampler, data, quiet).train
    neighbors.check_images(train.shape)
    reader = open_feature_reader(extractor, train, device, quiet=quiet)
    print_time_estimate(reader, [train], 0)
    return neighbors.nearest_neighbor_sheet(
        seed_sampler(sampler, requested_classes(sampler, train, neighbors.ROWS)), train, reader
    )


def load_real_data(sampler: Sampler, data: Data | None, quiet: bool = True) -> RealData:
    """Both splits of a spec, prepared as what `sampler` was trained on, or of that, or a set as it is; see `load_real_splits`.

    Raises `InputError`, with `data` None, where what its config names is not what it was trained on.
    """
    config = sampler.config
    if data is None:
        check_training_data(config, quiet)
        return load_real_splits(config, config.data.spec, quiet)
    return load_real_splits(config, data if isinstance(data, str) else as_dataset(data), quiet)


def check_training_data(config: ResolvedConfig, quiet: bool) -> None:
    """Raise `InputError` where what a config names is not there, or not what the model was trained on."""
    check_not_memory(config, "give them as data= of ganzoo.evaluator.evaluate, or name data with --data")
    try:
        there = load_dataset(config, quiet)
    except InputError as error:
        raise InputError(f"{error}; name what the model is to be measured against with --data") from None
    if there.digest != config.dataset.digest:
        raise InputError(f"the data {config.data.spec!r} are not those the model was trained on; name some with --data")


def evaluation_facts(sampler: Sampler, real: RealData) -> dict[str, Any]:
    """Which model, which data, which versions."""
    raw = sampler.card.get("counters")  # of a state; a release has none
    weights = {"weights": "raw", "step": raw["step"]} if raw else {"weights": "average"}
    card = weights | {key: sampler.card[key] for key in ("steps", "sha256") if key in sampler.card}
    splits = {each.split: {"count": len(each), "digest": each.digest} for each in (real.train, real.test) if each}
    return {
        "model": {"variant": sampler.config.variant, "seed": sampler.config.seed} | card,
        "data": {"name": real.train.name, "shape": list(real.train.shape), "splits": splits},
        "samples": "seeds 0 to n - 1" + (classes_of(real.train) if sampler.class_names else ""),
        "versions": package_versions(),
    }


def classes_of(data: Dataset) -> str:
    """How the classes of samples were chosen (see `requested_classes`), in words."""
    if not data.class_counts.any():
        return "; each class in turn"
    return f"; classes as frequent as in {data.name}/{data.split}, in the order of Webster's method"


def package_versions() -> dict[str, str]:
    """Of all that a score depends on."""
    found = {"ganzoo": __version__, "torch": torch.__version__, "python": platform.python_version()}
    try:
        return found | {"torch-fidelity": version("torch-fidelity")}
    except PackageNotFoundError:
        return found
