"""Settled before the first cell is trained: scoring options, and one precision for every cell that asks for `auto`."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch

from ganzoo.builder import resolve_config
from ganzoo.config.schema import ResolvedConfig, with_train
from ganzoo.config.tables import merge
from ganzoo.errors import InputError
from ganzoo.evaluation import METRICS, modes
from ganzoo.evaluation.features import FeatureReader, attach_labels
from ganzoo.evaluation.modes import mode_scores
from ganzoo.evaluation.real_data import RealData, load_real_splits
from ganzoo.evaluation.references import missing_reference_reason, reference_sets
from ganzoo.evaluation.scoring import missing_input_reason, too_few_reason
from ganzoo.evaluator import (
    check_no_extractor,
    open_feature_reader,
    print_time_estimate,
    reads_training_images,
    resolve_sample_count,
    uses_modes,
)
from ganzoo.experiments import tuning
from ganzoo.experiments.job import ScoringOptions
from ganzoo.experiments.results import read_results
from ganzoo.experiments.spec import CompareOptions, Setting
from ganzoo.run_data import load_dataset
from ganzoo.training.loop import resolve_precision

ScoringOptionsFn = Callable[[CompareOptions, Sequence[ResolvedConfig]], ScoringOptions]
"""`scoring_options`, or a replacement."""


def scoring_options(request: CompareOptions, rows: Sequence[ResolvedConfig]) -> ScoringOptions:
    """The scoring options for the resolved configs `rows`.

    Defaults: `n` is 10,000, or the number in the protocol of data with known modes; the split is test if it exists. Prints a
    time estimate for a slow extractor. Raises `InputError` for a metric that no row supports.
    """
    metrics = None if request.metrics is None else list(request.metrics)
    real = load_real_splits(rows[0], rows[0].data.spec)
    n, split = resolve_sample_count(real.train, metrics, request.n), real.split(None)[0]
    if uses_modes(metrics, real.train):
        check_no_extractor(request.extractor, real.train)
        mode_scores(metrics, real.train, modes.count_modes(real.train, real.train.samples([0]).images))
    else:
        smallest = min(len(real.split(each)[1]) for each in (split, *([tuning.TUNING_SPLIT] if request.tune else [])))
        asked = [name for row in rows for name in class_names(row)]
        reader = open_feature_reader(
            request.extractor, real.train, rows[0].train.device, quiet=not prints_time_estimate(request)
        )
        check_metrics(metrics or [], real, n, min(n, smallest), asked[:n], reader)
        sets = reference_sets(real.train, real.test, n, reads_training_images(metrics, real, n, reader))
        print_time_estimate(reader, sets, n * len(rows) * (request.seeds + request.tune))
    chosen = {} if request.extractor is None else {"extractor": request.extractor}
    return ScoringOptions(n=n, metrics=metrics, split=split, **chosen)


def prints_time_estimate(request: CompareOptions) -> bool:
    """True if the time of a slow extractor is printed: once, and not for a cluster, whose speed is unknown."""
    return not request.quiet and request.cluster is None and read_results(request.out) is None


def scoring_options_for(how: ScoringOptions, config: ResolvedConfig) -> ScoringOptions:
    """`how` for one resolved `config`: without the metrics that need labels if its G is unconditional."""
    if not how.metrics or class_names(config):
        return how
    return how.model_copy(update={"metrics": [name for name in how.metrics if name not in label_metrics()]})


def label_metrics() -> list[str]:
    """The metrics that need the requested labels of a conditional generator."""
    return [name for name, metric in METRICS.items() if metric.needs in ("labels", "images")]


def class_names(config: ResolvedConfig) -> tuple[str, ...]:
    """The classes that G of a resolved config can generate on request; empty if it is unconditional."""
    conditional = config.networks.generator.get("condition", "none") != "none"
    return config.dataset.class_names if conditional else ()


def check_metrics(
    metrics: Sequence[str], real: RealData, n: int, fewest: int, asked: Sequence[str], reader: FeatureReader
) -> None:
    """Raise `InputError` for a metric that is undefined for `n` samples against `fewest` images like those of `real`.

    `asked` are the requested classes of the samples.
    """
    read = reader.samples(lambda seeds: real.train.samples(seeds).images, 1, asked[:1], keep=True)
    one = attach_labels(read, asked, reader.extractor)
    for name in metrics:
        why = missing_reference_reason(name, real.own, real.test is not None)
        reals = len(real.train) if METRICS[name].training else fewest
        why = why or too_few_reason(name, n, reals, one.features.shape[1])
        if why := why or missing_input_reason(name, one, reader.extractor):
            raise InputError(why)


def with_equal_precision(request: CompareOptions) -> CompareOptions:
    """`request` with one precision instead of `auto`, as if `--set train.precision` had asked for it.

    It is that of the folder's results, or of the settings that state one, or else the faster one: on a cluster, whose
    machines cannot be measured here, float32.
    """
    stated = {setting.config.train.precision for setting in request.settings}
    if "auto" not in stated:
        return request
    old = read_results(request.out)
    found = old.protocol.precision if old else next(iter(stated - {"auto"}), None) or measured_precision(request)
    return replace(
        request,
        settings=tuple(with_precision(each, found) for each in request.settings),
        shared=merge(request.shared, {"train": {"precision": found}}),
        options=(*request.options, "--set", f"train.precision={found}"),
    )


def with_precision(setting: Setting, precision: str) -> Setting:
    """`setting` with a precision instead of `auto`."""
    stated = setting.config.train.precision != "auto"
    return setting if stated else replace(setting, config=with_train(setting.config, precision=precision))


def measured_precision(request: CompareOptions) -> str:
    """The faster precision for the first setting with `auto`, with the threads of a cell."""
    if request.cluster:
        return "float32"
    config = next(each.config for each in request.settings if each.config.train.precision == "auto")
    threads = config.train.threads or max(1, torch.get_num_threads() // request.jobs)
    data = load_dataset(config)
    return resolve_precision(resolve_config(with_train(config, threads=threads), data), data).train.precision
