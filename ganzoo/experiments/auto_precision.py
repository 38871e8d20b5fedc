"""Precision `auto` in a comparison: measured once, for the first setting that asks for it, and the same in every cell."""

from dataclasses import replace

import torch

from ganzoo.builder import resolve_config
from ganzoo.config.recipes import merge
from ganzoo.config.schema import with_train
from ganzoo.experiments.results import read_results
from ganzoo.experiments.spec import CompareOptions, Setting
from ganzoo.run_data import load_dataset
from ganzoo.training.loop import resolve_precision


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
