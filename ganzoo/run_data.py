"""The data of a run: loaded as its config says or given from Python, with checks that they fit the run."""

from pathlib import Path

from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo.config.schema import Config, Data, ResolvedConfig
from ganzoo.data import MEMORY, Dataset
from ganzoo.data import load as load_data
from ganzoo.errors import InputError

DATA_OPTIONS = ("spec", "size", "channels", "crop", "classes", "max_images", "labelled", "labelled_share", "on_corrupt")


def load_dataset(config: Config, quiet: bool = True) -> Dataset:
    """Load the data of a config, prepared and cached."""
    return load_data(**{name: getattr(config.data, name) for name in DATA_OPTIONS}, quiet=quiet)


def spec_or_dataset(data: str | Dataset | Tensor | ArrayLike | None) -> tuple[str | None, Dataset | None]:
    """`data` as a spec or as a `Dataset`; the other is None."""
    if data is None or isinstance(data, str):
        return data, None
    return None, as_dataset(data)


def as_dataset(data: Dataset | Tensor | ArrayLike) -> Dataset:
    """`data` as a `Dataset`; raises `InputError` if they are not images (N, C, H, W) or points."""
    return data if isinstance(data, Dataset) else Dataset.from_tensor(data)


def with_memory_data(config: Config, data: Dataset) -> Config:
    """`config` for data from Python; raises `InputError` for options that have no effect on them."""
    check_data_options(config.data, data)
    return config.model_copy(update={"data": config.data.model_copy(update={"spec": MEMORY})})


def check_data_options(options: Data, data: Dataset) -> None:
    """Raise `InputError` for options that have no effect on `data`, which are used unchanged."""
    own = {"size": data.shape[1], "channels": data.shape[0]}
    for name in DATA_OPTIONS[1:]:
        if getattr(options, name) not in (getattr(Data(), name), own.get(name)):
            raise InputError(f"data.{name} has no effect with data=; preprocess the tensor and set data.{name} to None")


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
