"""Compatible sets of switches from the table of techniques."""

from collections.abc import Callable, Iterable

from ganzoo.builder import resolve_config
from ganzoo.config.recipes import with_settings
from ganzoo.config.schema import Config
from ganzoo.config.tables import unflatten
from ganzoo.config.techniques import Settings, technique_settings, techniques
from ganzoo.data import Dataset
from ganzoo.errors import InputError

FitsFn = Callable[[Config, Dataset], object]
"""Raises `InputError` for a config that cannot be trained on the data."""


def largest_compatible_set(
    config: Config, dataset: Dataset, names: Iterable[str] | None = None, fit: FitsFn = resolve_config
) -> tuple[tuple[str, ...], Settings, dict[str, str]]:
    """A maximal set of switches that work with `config`, `dataset` and each other.

    Switches are added in the order of `names`, so the first of two incompatible ones is kept. None is the order of the table,
    without switches that turn something off. `fit` raises `InputError` for an invalid config. Returns the names of the
    switches, their dotted settings, and the reason for each omitted switch by name.
    """
    chosen: list[str] = []
    settings: Settings = {}
    waiting = [name for row in techniques() for name in row.on] if names is None else list(names)
    while True:
        refused: dict[str, str] = {}
        for name in waiting:
            reason = conflict(name, chosen) or incompatibility(
                config, dataset, settings | technique_settings()[name], fit
            )
            if reason:
                refused[name] = reason
            else:
                chosen.append(name)
                settings |= technique_settings()[name]
        if len(refused) == len(waiting):
            return tuple(chosen), settings, refused
        waiting = list(refused)  # a switch added later, such as another norm, may make others possible


def conflict(name: str, others: Iterable[str]) -> str | None:
    """The reason if the switch `name` sets a config key that one of `others` also sets, else None."""
    known = technique_settings()
    for other in others:
        if keys := known[name].keys() & known[other].keys():
            return f"{name} and {other} both set {min(keys)}"
    return None


def incompatibility(config: Config, dataset: Dataset, settings: Settings, fit: FitsFn = resolve_config) -> str | None:
    """The reason if `config` with the dotted `settings` cannot be trained on `dataset`, else None."""
    try:
        fit(with_settings(config, unflatten(settings)), dataset)
    except InputError as reason:
        return str(reason)
    return None
