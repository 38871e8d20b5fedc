"""Python API for training: `train` a new run, `resume` a run. The command line calls the same functions."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo import cpu_threads, terminal
from ganzoo.builder import resolve_config, with_absolute_data_path
from ganzoo.config.compatibility import few_images_warning
from ganzoo.config.recipes import checked, make_config, merge, unflatten, with_settings
from ganzoo.config.resolve import resolve_defaults, resolve_device
from ganzoo.config.schema import Config, Data, ResolvedConfig, Table, parse, with_train
from ganzoo.data import MEMORY, Dataset, find_source
from ganzoo.data import load as load_data
from ganzoo.errors import InputError
from ganzoo.mistakes import plugin_errors
from ganzoo.torch_state import default_torch_state
from ganzoo.training.distributed import ProcessGroup, process_group
from ganzoo.training.evaluation import TrainingEvaluation
from ganzoo.training.loop import fit_run, follow_first_rank, make_trainer, resolve_precision, restore
from ganzoo.training.run_dir import RunDir
from ganzoo.training.trainer import Trainer


@plugin_errors()
@default_torch_state()
def train(
    config: Config | Table | str | Path,
    data: str | Dataset | Tensor | ArrayLike | None = None,
    out: str | Path | None = None,
    quiet: bool | None = None,
    *,
    steps: int | None = None,
    seed: int | None = None,
    device: str | None = None,
    precision: str | None = None,
    threads: int | Literal["auto"] | None = None,
    trainer: type[Trainer] = Trainer,
) -> Path:
    """Train a new run and return its folder.

    `config` is the name of a variant or loss, a TOML file, the config.json of a run or release, a dict of settings (which may
    `extends` one of them) or a `Config`. `steps`, `seed`, `device`, `precision` and `threads` replace its values, as the
    options of `ganzoo train` do. `data` is a spec such as "fashion-mnist", or a `Dataset`, tensor or array (N, C, H, W), uint8
    or float in [-1, 1], which replace every choice of images and are recorded as `memory` with their digest. `out` defaults
    to runs/<variant>-<data>-s<seed>, `quiet` to a progress bar in a notebook and no output elsewhere. A subclass as `trainer`
    changes the training step (`Trainer.update_order`); the run does not record it, so pass it to `resume` too.
    Raises `InputError` for wrong input before anything is written, for a mistake in your own loss in the first step, and
    `TrainingFailed` on divergence.
    """
    spec, data = spec_or_dataset(data)
    given = given_settings(data=spec, steps=steps, seed=seed, device=device, precision=precision, threads=threads)
    config = as_config(config, given, None if data is None else data.is_points)
    config = config if data is None else with_memory_data(config, data)
    quiet = is_quiet(quiet)
    run = RunDir(Path(out) if out else default_run_folder(config, data))
    run.check_unused()
    auto = not config.train.threads
    config = resolve_defaults(config)  # reports errors that do not depend on the data before the data are prepared
    dataset = load_dataset(config, quiet) if data is None else data
    resolved = resolve_config(config, dataset)
    with process_group(resolved.train.device) as group:
        resolved, note = with_auto_threads(resolved) if auto and group.is_first else (resolved, "")
        resolved = resolve_precision(resolved, dataset) if group.is_first else resolved
        resolved = from_first_rank(group, resolved, dataset)
        made = make_trainer(resolved, dataset, group, trainer)
        if group.is_first:
            start_run(run, made, quiet, (note, few_images_warning(resolved)))
        else:
            follow_first_rank(made)
    return run.folder


@plugin_errors()
@default_torch_state()
def resume(
    folder: str | Path,
    config: ResolvedConfig | Table | None = None,
    data: str | Dataset | Tensor | ArrayLike | None = None,
    quiet: bool | None = None,
    *,
    steps: int | None = None,
    device: str | None = None,
    trainer: type[Trainer] = Trainer,
) -> Path:
    """Resume a run, bit for bit, to its last step or to a higher `train.steps`; returns its folder.

    `config` is a dict of changed settings or a whole config; `steps`, `device` and a spec as `data` replace its values. Apart
    from the steps only `data.spec` may change, for data that have moved, and `train.device`, which draws other random
    numbers. `quiet` is as in `train`. Raises `InputError`, and changes nothing, if there is no run, none of its states can be
    read, the device is missing, or the rest of `config` or the data are not the run's own.
    """
    spec, data = spec_or_dataset(data)
    quiet = is_quiet(quiet)
    run = RunDir.open(Path(folder))
    config = config if isinstance(config, ResolvedConfig) else with_settings(run.config(), config or {})
    config = with_absolute_data_path(with_settings(config, given_settings(data=spec, steps=steps, device=device)))
    config = with_train(config, device=resolve_device(config.train.device))
    run.check_config_unchanged(config)
    if data is None:
        check_not_memory(config, f"resume with ganzoo.resume({str(folder)!r}, data=...), or name a file with --data")
    dataset = load_dataset(config, quiet) if data is None else data
    check_same_data(config, dataset, folder, passed=data is not None)
    with process_group(config.train.device) as group:
        made = make_trainer(from_first_rank(group, config, dataset), dataset, group, trainer)
        if group.is_first:
            exam = TrainingEvaluation(made)
            with run.training_lock():
                # Again, under the lock: another process may have trained the run to a later step in the meantime.
                run.check_config_unchanged(config)
                seconds, note = restore(run, made)
                if config != run.config():
                    run.write_config(config)
                fit_run(run, made, exam, seconds, quiet, (note,))
        else:
            follow_first_rank(made)
    return run.folder


def start_run(run: RunDir, trainer: Trainer, quiet: bool, notes: Sequence[str]) -> None:
    """Create the folder of a new run and train it; `notes` are printed at the start."""
    exam = TrainingEvaluation(trainer)
    with run.training_lock():
        run.create(trainer.config)
        fit_run(run, trainer, exam, quiet=quiet, notes=notes)


def is_quiet(quiet: bool | None) -> bool:
    """`quiet`; None is True outside a notebook."""
    return not terminal.in_notebook() if quiet is None else quiet


def spec_or_dataset(data: str | Dataset | Tensor | ArrayLike | None) -> tuple[str | None, Dataset | None]:
    """`data` as a spec or as a `Dataset`; the other is None."""
    if data is None or isinstance(data, str):
        return data, None
    return None, as_dataset(data)


KEYS = {
    "data": "data.spec",
    "steps": "train.steps",
    "seed": "seed",
    "device": "train.device",
    "precision": "train.precision",
    "threads": "train.threads",
}
"""Arguments of `train` that are config keys."""


def given_settings(**given: object) -> Table:
    """The table of the settings that were given, by argument."""
    values = {KEYS[name]: value for name, value in given.items() if value is not None}
    return unflatten({key: 0 if (key, value) == ("train.threads", "auto") else value for key, value in values.items()})


def as_config(config: Config | Table | str | Path, over: Table, points: bool | None = None) -> Config:
    """`config` with the settings `over` on top; `points` as for `make_config`. Raises `InputError`."""
    if isinstance(config, Config):
        return with_settings(config, over)
    if isinstance(config, str | Path):
        return make_config(str(config), over, points)
    return make_config(None, merge(checked(config), over), points)


def with_auto_threads(config: ResolvedConfig) -> tuple[ResolvedConfig, str]:
    """The config with a thread count for the cores that are free now, and a note for the user (empty if all are)."""
    threads, note = cpu_threads.auto_threads(config.train.threads, int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
    return with_train(config, threads=threads), note


def from_first_rank(group: ProcessGroup, config: ResolvedConfig, dataset: Dataset) -> ResolvedConfig:
    """The resolved config of rank 0, on every rank; raises `InputError` if this rank has other data."""
    config = parse(ResolvedConfig, json.loads(group.broadcast_bytes(lambda: config.model_dump_json().encode())))
    if dataset.digest != config.dataset.digest:
        raise InputError(
            f"rank {group.rank} has other data in {config.data.spec!r} than rank 0; give all ranks the same"
        )
    return config


def default_run_folder(config: Config, data: Dataset | None = None) -> Path:
    """The default run folder, runs/<variant>-<data>-s<seed>."""
    name = data.name if data else find_source(config.data.spec).dataset_name
    return Path("runs") / f"{config.variant.replace('/', '-')}-{name}-s{config.seed}"


def load_dataset(config: Config, quiet: bool = True) -> Dataset:
    """Load the data of a config, prepared and cached."""
    return load_data(**{name: getattr(config.data, name) for name in DATA_OPTIONS}, quiet=quiet)


DATA_OPTIONS = ("spec", "size", "channels", "classes", "max_images", "labelled", "labelled_share", "on_corrupt")


def check_data_options(options: Data, data: Dataset) -> None:
    """Raise `InputError` for options that have no effect on `data`, which are used unchanged."""
    own = {"size": data.shape[1], "channels": data.shape[0]}
    for name in DATA_OPTIONS[1:]:
        if getattr(options, name) not in (getattr(Data(), name), own.get(name)):
            raise InputError(f"data.{name} has no effect with data=; preprocess the tensor and set data.{name} to None")


def with_memory_data(config: Config, data: Dataset) -> Config:
    """`config` for data from Python; raises `InputError` for options that have no effect on them."""
    check_data_options(config.data, data)
    return config.model_copy(update={"data": config.data.model_copy(update={"spec": MEMORY})})


def check_same_data(config: ResolvedConfig, dataset: Dataset, folder: str | Path, passed: bool) -> None:
    """Raise `InputError` if `dataset` is not the data of the run in `folder`; `passed`: it comes from Python."""
    if dataset.digest == config.dataset.digest:
        return
    hint = "" if passed else " (if they came from Python, pass them as data=)"
    same = f"the data {config.data.spec!r} are not the data that {folder} was trained on"
    raise InputError(f"{same}; start a new run{hint}")


def check_not_memory(config: ResolvedConfig, advice: str) -> None:
    """Raise `InputError` with `advice` if no file holds the data."""
    if config.data.spec == MEMORY:
        raise InputError(f"the data {config.dataset.name!r} were passed from Python and are in no file; {advice}")


def as_dataset(data: Dataset | Tensor | ArrayLike) -> Dataset:
    """`data` as a `Dataset`; raises `InputError` if they are not images (N, C, H, W) or points."""
    return data if isinstance(data, Dataset) else Dataset.from_tensor(data)
