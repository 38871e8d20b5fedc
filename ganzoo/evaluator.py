"""Evaluation of a sampler against real data: scores, warnings, facts, nearest training images."""

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
from ganzoo.config.schema import ResolvedConfig
from ganzoo.data import Dataset, Split
from ganzoo.errors import InputError, unknown_name
from ganzoo.evaluation import METRICS, Evaluation, Extractor, modes, neighbors
from ganzoo.evaluation.extractor import default_extractor, find_extractor
from ganzoo.evaluation.features import DrawFn, FeatureReader, Features, cached_files
from ganzoo.evaluation.metrics import import_torch_fidelity
from ganzoo.evaluation.modes import MODE_METRICS, has_known_modes, score_modes
from ganzoo.evaluation.real_data import RealData, class_order, load_real_splits, mismatches, small_reference
from ganzoo.evaluation.references import References, load_references, reference_sets
from ganzoo.evaluation.scoring import missing_reason, score_samples
from ganzoo.mistakes import plugin_errors
from ganzoo.run_data import as_dataset, check_not_memory, load_dataset
from ganzoo.sampling import Sampler, load
from ganzoo.torch_state import default_torch_state

SAMPLES = 10_000
MAX_SAMPLES = 10_000_000


Data = str | Dataset | Tensor | ArrayLike
"""A spec, prepared like the model's training data; or a `Dataset` or images (N, C, H, W), used unchanged."""


@plugin_errors()
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
    """Score the images of seeds 0 to `n` - 1; `n` defaults to 10,000, or for data with known modes to the published number.

    `sampler` may be a run, a release or a name, as `ganzoo.load` takes it. `data` default to the training data, `metrics` to
    all that can be computed, `extractor` to `default_extractor`, `split` to test if it exists. `device` is that of the
    extractor; images are drawn on the sampler's device. Mismatches between model and data are in the facts under
    `warnings`, and on stderr unless `quiet`. Raises `InputError`, in one line, for every error.
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
    """Print the warnings to stderr, unless `quiet`."""
    for line in () if quiet else warnings:
        terminal.err(f"warning: {line}")


def find_mismatches(sampler: Sampler, real: RealData) -> list[str]:
    """Mismatches between a model and `real` as warnings; raises `InputError` if no score would be meaningful."""
    return [*mismatches(sampler.config.dataset, real, bool(sampler.class_names))]


def resolve_sample_count(
    data: Dataset, metrics: Sequence[str] | None = None, n: int | None = None, batch: int = 128
) -> int:
    """The number of samples that `evaluate` scores; raises `InputError` for metrics and numbers that it refuses."""
    if n is not None and n < 2:
        raise InputError(f"a score needs at least 2 samples, not {n}")
    if n is not None and n > MAX_SAMPLES:
        raise InputError(f"a score uses at most {MAX_SAMPLES:,} samples, not {n:,}")
    if batch < 1:
        raise InputError(f"--batch must be at least 1, not {batch}")
    by_modes = uses_modes(metrics, data)
    if not by_modes and any(METRICS[name].extra for name in metrics or METRICS):
        import_torch_fidelity("metric_fid")
    return n or (modes.COUNTS[data.name] if by_modes else SAMPLES)


def uses_modes(metrics: Sequence[str] | None, data: Dataset) -> bool:
    """True if `metrics` count modes, False if they compare features; raises `InputError` for an unknown metric."""
    known = list(MODE_METRICS) if has_known_modes(data) else []
    points = data.is_points
    for name in metrics or ():
        if points and name in METRICS:
            raise InputError(f"{name} needs images; for points use modes, high_quality and reverse_kl")
        if name not in known and (points or name not in METRICS):
            raise unknown_name("metric", name, known + ([] if points else list(METRICS)))
    if points and not known:
        raise InputError(
            f"{data.name} are points without known modes, for which there are no metrics; use ring or grid"
        )
    kinds = {name in MODE_METRICS for name in metrics or ()} or {bool(known)}
    if len(kinds) > 1:
        raise InputError(
            "mode counts and scores of features need different numbers of samples; evaluate them in separate calls"
        )
    return kinds.pop()


def check_no_extractor(extractor: str | Extractor | None, data: Dataset) -> None:
    """Raise `InputError` if an extractor is given for `data` whose modes are counted without one."""
    if extractor is not None:
        raise InputError(f"the modes of {data.name} are counted without an extractor; leave --extractor out")


def open_feature_reader(
    extractor: str | Extractor | None, data: Dataset, device: str = "cpu", batch: int = 128, quiet: bool = True
) -> FeatureReader:
    """A reader with the given extractor, or the default one for the data; raises `InputError`."""
    tool = extractor if isinstance(extractor, Extractor) else find_extractor(extractor or default_extractor(data))
    tool.check_shape(data.shape)
    return FeatureReader(tool, device, batch, quiet)


def score_images(
    sampler: Sampler, real: RealData, metrics: Sequence[str] | None, n: int, split: Split, reader: FeatureReader
) -> Evaluation:
    """Scores of images by their features; raises `InputError` if a requested metric, or every metric, is unavailable."""
    training = reads_training_images(metrics, real, n, reader)
    print_time_estimate(reader, reference_sets(real.train, real.test, n, training), n)
    print_slow_metrics(reader, metrics)
    tool, found = reader.extractor, load_references(reader, real.train, real.test, n, training)
    classes = requested_classes(sampler, real.train, n)
    keep = any(METRICS[name].needs == "images" for name in metrics or ())
    samples = reader.samples(seed_sampler(sampler, classes), n, classes, keep)
    reasons: dict[str, str] = {}
    if metrics is None:
        reasons = left_out_reasons(samples, found, split, reader, real) | slow_reasons(bool(classes))
        metrics = [name for name in METRICS if name not in reasons and not METRICS[name].slow]
        if not metrics:
            raise InputError(f"no metric can be computed: {'; '.join(reasons.values())}")
    facts = {
        "extractor": {"name": tool.name, "sha256": tool.sha256, "size": tool.size, "native_size": tool.native},
        "left_out": [*reasons.values()],
    }
    return Evaluation(score_samples(samples, found, split, metrics, tool), facts)


def left_out_reasons(
    samples: Features, found: References, split: Split, reader: FeatureReader, real: RealData
) -> dict[str, str]:
    """Name -> reason of each quick metric that cannot be computed, or that would make a slow extractor read all of `real`."""
    quick = [name for name in METRICS if not METRICS[name].slow]
    lines = {name: missing_reason(name, samples, found, split, reader.extractor) for name in quick}
    if real.own and not found.training:
        slow = f"slow with {reader.extractor.name} on a CPU; name it with --metrics"
        why = f"reads all {len(real.train):,} training images, {slow}"
        lines |= {name: f"{name} {why}" for name in METRICS if METRICS[name].training}
    return {name: why for name, why in lines.items() if why}


def slow_reasons(labels: bool) -> dict[str, str]:
    """Name -> reason of each metric that takes minutes; without `labels` only of those that need none."""
    slow = {name: metric for name, metric in METRICS.items() if metric.slow and (labels or metric.needs != "images")}
    return {name: f"{name} {metric.slow}; name it with --metrics" for name, metric in slow.items()}


def print_slow_metrics(reader: FeatureReader, metrics: Sequence[str] | None) -> None:
    """Print the work of each requested metric that takes minutes to stderr."""
    for name in () if reader.quiet else metrics or ():
        if METRICS[name].slow:
            terminal.err(f"{name} {METRICS[name].slow}")


def reads_training_images(metrics: Sequence[str] | None, real: RealData, n: int, reader: FeatureReader) -> bool:
    """True if one of `metrics` reads all training images; of the default metrics (None) none does if that takes long."""
    if metrics is not None:
        return real.own and any(METRICS[name].training for name in metrics)
    slow = reader.extractor.slow and reader.device == "cpu"
    return real.own and (not slow or len(real.train) <= n)


def print_time_estimate(reader: FeatureReader, real: Sequence[Dataset], n: int) -> None:
    """Print the estimated minutes of a slow extractor for `real` and `n` samples to stderr, timed on a few images."""
    if reader.quiet or not reader.extractor.slow or reader.device != "cpu":
        return
    images = n + sum(len(each) for each in real if not cached_files(reader.entry(each)))
    minutes = reader.seconds(real[0], images) / 60
    terminal.err(f"{reader.extractor.name} on the CPU: about {minutes:.0f} minutes for {images:,} images")


def requested_classes(sampler: Sampler, data: Dataset, n: int) -> list[str]:
    """The class of each of seeds 0 to n - 1, with the class frequencies of `data`; empty if G takes no labels.

    See `class_order`. A class without images in `data` is not drawn; without labels all classes are equally frequent.
    """
    names, counts = sampler.class_names, dict(zip(data.class_names, data.class_counts.tolist(), strict=True))
    return [names[k] for k in class_order([counts.get(name, 0) for name in names], n)] if names else []


def seed_sampler(sampler: Sampler, asked: Sequence[str] = ()) -> DrawFn:
    """A function from seeds to images; seed i has class `asked[i]` if `asked` is not empty."""

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
    """A grid (C, H, W) of ten samples, each next to its five nearest training images; raises `InputError`."""
    train = load_real_data(sampler, data, quiet).train
    neighbors.check_images(train.shape)
    reader = open_feature_reader(extractor, train, device, quiet=quiet)
    print_time_estimate(reader, [train], 0)
    return neighbors.nearest_neighbor_sheet(
        seed_sampler(sampler, requested_classes(sampler, train, neighbors.ROWS)), train, reader
    )


def load_real_data(sampler: Sampler, data: Data | None, quiet: bool = True) -> RealData:
    """Load `data`, by default the training data of `sampler`; see `load_real_splits`.

    Raises `InputError` if `data` is None and the data of the config are not those that the sampler was trained on.
    """
    config = sampler.config
    if data is None:
        check_training_data(config, quiet)
        return load_real_splits(config, config.data.spec, quiet)
    return load_real_splits(config, data if isinstance(data, str) else as_dataset(data), quiet)


def check_training_data(config: ResolvedConfig, quiet: bool) -> None:
    """Raise `InputError` if the data of a config are missing, or not those that the model was trained on."""
    check_not_memory(config, "pass them as data= of ganzoo.evaluator.evaluate, or name data with --data")
    try:
        there = load_dataset(config, quiet)
    except InputError as error:
        raise InputError(f"{error}; name data to evaluate against with --data") from None
    if there.digest != config.dataset.digest:
        raise InputError(
            f"the data {config.data.spec!r} are not those that the model was trained on; name data with --data"
        )


def evaluation_facts(sampler: Sampler, real: RealData) -> dict[str, Any]:
    """Facts about the model, the data and the versions."""
    raw = sampler.card.get("counters")  # only a training state has them
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
    """Text on the choice of the samples' classes, see `requested_classes`."""
    if not data.class_counts.any():
        return "; each class in turn"
    return f"; classes as frequent as in {data.name}/{data.split}, in the order of Webster's method"


def package_versions() -> dict[str, str]:
    """Versions of the packages that a score depends on."""
    found = {"ganzoo": __version__, "torch": torch.__version__, "python": platform.python_version()}
    try:
        return found | {"torch-fidelity": version("torch-fidelity")}
    except PackageNotFoundError:
        return found
