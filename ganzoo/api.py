"""What a program calls: train a new run, go on with one. The command line calls the same two."""

from __future__ import annotations

import json
import os
from pathlib import Path

from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo import cores
from ganzoo.build import located, resolve
from ganzoo.complete import available, complete
from ganzoo.config import Config, Data, Table, parse, with_train
from ganzoo.data import MEMORY, Dataset, find
from ganzoo.data import load as load_data
from ganzoo.errors import InputError
from ganzoo.recipes import make
from ganzoo.torch_state import pinned
from ganzoo.training.exam import Exam
from ganzoo.training.faster import settled
from ganzoo.training.loop import fit, follow, make_trainer, restore
from ganzoo.training.parallel import Group, joined
from ganzoo.training.run import Run


@pinned()
def train(
    config: Config | Table | str | Path,
    data: Dataset | Tensor | ArrayLike | None = None,
    out: str | Path | None = None,
    quiet: bool = True,
) -> Path:
    """Train a new run and return its folder.

    `config` is a variant's name, a TOML file, a table of settings (which may `extends` either) or a `Config`. `data` takes
    the place of `data.spec` and all that chooses among its images: a `Dataset`, or a tensor or array (N, C, H, W), uint8 or
    float in [-1, 1]. The run records them as `memory`, with their digest. `out` defaults to runs/<variant>-<data>-s<seed>.
    Raises `InputError`, before anything is written, where the input is wrong, and `TrainingFailed` on divergence.
    """
    data = None if data is None else as_dataset(data)
    if not isinstance(config, Config):
        points = None if data is None else data.shape[-2:] == (1, 1)
        name, table = (str(config), None) if isinstance(config, str | Path) else (None, config)
        config = make(name, table, points)
    if data is not None:
        refuse_choice(config.data, data)
        config = config.model_copy(update={"data": config.data.model_copy(update={"spec": MEMORY})})
    run = Run(Path(out) if out else default_folder(config, data))
    run.refuse_if_taken()
    auto = not config.train.threads
    config = complete(config)  # what is wrong without looking at the data is said before they are prepared
    dataset = open_data(config, quiet) if data is None else data
    resolved = resolve(config, dataset)
    with joined(resolved.train.device) as group:
        resolved, note = on_free_cores(resolved) if auto and group.first else (resolved, "")
        resolved = settled(resolved, dataset) if group.first else resolved
        resolved = of_the_first(group, resolved, dataset)
        trainer = make_trainer(resolved, dataset, group)
        if group.first:
            exam = Exam(trainer)
            with run.being_trained():
                run.create(resolved)
                fit(run, trainer, exam, quiet=quiet, note=note)
        else:
            follow(trainer)
    return run.folder


@pinned()
def resume(
    folder: str | Path,
    config: Config | None = None,
    data: Dataset | Tensor | ArrayLike | None = None,
    quiet: bool = True,
) -> Path:
    """Go on with a run, bit for bit, to its last step or to the higher `train.steps` of `config`.

    The `data.spec` of `config` may be another, where the data have moved, and the `train.device`, which draws other random
    numbers. Raises `InputError`, and changes nothing, where there is no run, none of its states can be read, the device is
    not there, or the rest of `config` or the data are not the run's own.
    """
    run = Run.open(Path(folder))
    config = located(config or run.config())
    config = with_train(config, device=available(config.train.device))
    run.refuse_change(config)
    if data is None:
        refuse_memory(config, f"go on with ganzoo.resume({str(folder)!r}, data=...), or name a file with --data")
    dataset = open_data(config, quiet) if data is None else as_dataset(data)
    if config.dataset is None or dataset.digest != config.dataset.digest:
        from_python = " (if they came from Python, give them as data=)" if data is None else ""
        words = f"the data {config.data.spec!r} are not those that {folder} was made with; begin a new run{from_python}"
        raise InputError(words)
    with joined(config.train.device) as group:
        trainer = make_trainer(of_the_first(group, config, dataset), dataset, group)
        if group.first:
            exam = Exam(trainer)
            with run.being_trained():
                run.refuse_change(config)  # again: another process may have trained it to a later step meanwhile
                seconds, note = restore(run, trainer)
                if config != run.config():
                    run.write_config(config)
                fit(run, trainer, exam, seconds, quiet, note)
        else:
            follow(trainer)
    return run.folder


def on_free_cores(config: Config) -> tuple[Config, str]:
    """A resolved config with the threads that the processes on this machine have cores for now; what to say of it."""
    threads, note = cores.auto(config.train.threads, int(os.environ.get("LOCAL_WORLD_SIZE", 1)))
    return with_train(config, threads=threads), note


def of_the_first(group: Group, config: Config, dataset: Dataset) -> Config:
    """The resolved config of the first process, in all; raises `InputError` where this one has other data."""
    config = parse(Config, json.loads(group.same(lambda: config.model_dump_json().encode())))
    if config.dataset is None or dataset.digest != config.dataset.digest:
        raise InputError(f"rank {group.rank} has other data under {config.data.spec!r} than the first process")
    return config


def default_folder(config: Config, data: Dataset | None = None) -> Path:
    """runs/<variant>-<data>-s<seed>."""
    name = data.name if data else find(config.data.spec).dataset_name
    return Path("runs") / f"{config.variant.replace('/', '-')}-{name}-s{config.seed}"


def open_data(config: Config, quiet: bool = True) -> Dataset:
    """The data that a config names, prepared and cached."""
    return load_data(**{name: getattr(config.data, name) for name in LOADED}, quiet=quiet)


LOADED = ("spec", "size", "channels", "classes", "limit", "labelled", "labelled_share", "on_corrupt")


def refuse_choice(options: Data, data: Dataset) -> None:
    """Raise `InputError` for options that would prepare other images than `data`, which are taken as they are."""
    own = {"size": data.shape[1], "channels": data.shape[0]}
    for name in LOADED[1:]:
        if getattr(options, name) not in (getattr(Data(), name), own.get(name)):
            raise InputError(
                f"data.{name} is for what data.spec names; data= is taken as it is: prepare it so, and set data.{name} to None"
            )


def refuse_memory(config: Config, advice: str) -> None:
    """Raise `InputError` with `advice` where no file holds the data of a resolved config."""
    if config.dataset is not None and config.data.spec == MEMORY:
        raise InputError(f"the data {config.dataset.name!r} were given from Python, and no file holds them; {advice}")


def as_dataset(data: Dataset | Tensor | ArrayLike) -> Dataset:
    """`data` as they are, or a set of the images (N, C, H, W); raises `InputError` where they are none."""
    return data if isinstance(data, Dataset) else Dataset.from_tensor(data)
