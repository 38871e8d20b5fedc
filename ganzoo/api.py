"""Python API for training: `train` a new run, `resume` a run. The command line calls the same functions."""

import json
import os
from pathlib import Path
from typing import Literal

from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo import cpu_threads, terminal
from ganzoo.builder import resolve_config, with_absolute_data_path
from ganzoo.config.compatibility import few_images_warning
from ganzoo.config.migrate import PLAYERS
from ganzoo.config.overrides import checked
from ganzoo.config.parsing import parse
from ganzoo.config.recipes import make_config, with_settings
from ganzoo.config.resolve import resolve_defaults, resolve_device
from ganzoo.config.schema import Config, ResolvedConfig, with_train
from ganzoo.config.tables import Table, merge, unflatten
from ganzoo.data import Dataset, find_source
from ganzoo.data.summary import image_notes
from ganzoo.errors import InputError
from ganzoo.mistakes import plugin_errors
from ganzoo.run_data import check_not_memory, check_same_data, load_dataset, spec_or_dataset, with_memory_data
from ganzoo.torch_state import default_torch_state
from ganzoo.training.distributed import ProcessGroup, process_group
from ganzoo.training.evaluation import TrainingEvaluation
from ganzoo.training.loop import fit_run, follow_first_rank, make_trainer, resolve_precision, restore
from ganzoo.training.run_dir import RunDir
from ganzoo.training.schedule import warn_moved_end
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
    start_run(run, resolve_config(config, dataset), dataset, trainer, quiet, auto)
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
    numbers. More steps move the end of learning rates that fall over all of them (`train.lr_decay_steps = "all"`).
    `quiet` is as in `train`. Raises `InputError`, and changes nothing, if there is no run, none of its states can be read,
    the device is missing, or the rest of `config` or the data are not the run's own.
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
    continue_run(run, config, dataset, trainer, quiet)
    return run.folder


def start_run(
    run: RunDir, config: ResolvedConfig, dataset: Dataset, kind: type[Trainer], quiet: bool, auto_threads: bool
) -> None:
    """Train a new run; the first process chooses threads and precision, where they are automatic, and writes the folder."""
    with process_group(config.train.device) as group:
        config, note = with_auto_threads(config) if auto_threads and group.is_first else (config, "")
        config = resolve_precision(config, dataset) if group.is_first else config
        config = from_first_rank(group, config, dataset)
        trainer = make_trainer(config, dataset, group, kind)
        if not group.is_first:
            return follow_first_rank(trainer)
        evaluation = TrainingEvaluation(trainer)
        with run.training_lock():
            run.create(config)
            known = ":" not in config.data.spec  # a published set, whose gray or repeated images are no mistake
            notes = (note, few_images_warning(config), *(() if known else image_notes(dataset)))
            fit_run(run, trainer, evaluation, quiet=quiet, notes=notes)


def continue_run(run: RunDir, config: ResolvedConfig, dataset: Dataset, kind: type[Trainer], quiet: bool) -> None:
    """Train `run` from its newest intact state to the last step of `config`."""
    with process_group(config.train.device) as group:
        trainer = make_trainer(from_first_rank(group, config, dataset), dataset, group, kind)
        if not group.is_first:
            return follow_first_rank(trainer)
        evaluation = TrainingEvaluation(trainer)
        with run.training_lock():
            # Again, under the lock: another process may have trained the run to a later step in the meantime.
            run.check_config_unchanged(config)
            seconds, note = restore(run, trainer)
            moved = warn_moved_end(run.config().train, config.train)
            if config != run.config():
                run.write_config(config)
            fit_run(run, trainer, evaluation, seconds, quiet, (note, moved))


def is_quiet(quiet: bool | None) -> bool:
    """`quiet`; None is True outside a notebook."""
    return not terminal.in_notebook() if quiet is None else quiet


KEYS = {
    "data": ("data.spec",),
    "size": ("data.size",),
    "seed": ("seed",),
    "lr": tuple(f"train.{player}.lr" for player in PLAYERS),
    **{
        name: (f"train.{name}",)
        for name in ("steps", "batch_size", "device", "precision", "threads", "eval_every", "on_failure")
    },
}
"""Arguments of `train` and options of `ganzoo train` -> the config keys that they set."""


def given_settings(**given: object) -> Table:
    """The table of the settings that were given, by argument; the threads "auto" are 0."""
    values = {name: 0 if (name, value) == ("threads", "auto") else value for name, value in given.items()}
    return unflatten({key: value for name, value in values.items() if value is not None for key in KEYS[name]})


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
