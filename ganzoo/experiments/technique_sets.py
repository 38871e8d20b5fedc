"""Which switches of the table of techniques can be on together."""

from collections.abc import Callable, Iterable

from ganzoo.builder import resolve_config
from ganzoo.config.recipes import merge, unflatten
from ganzoo.config.schema import Config, parse
from ganzoo.config.techniques import Settings, technique_settings, techniques
from ganzoo.data import Dataset
from ganzoo.errors import InputError

FitsFn = Callable[[Config, Dataset], object]
"""Raises `InputError` for a config that cannot be trained on the data."""


def largest_compatible_set(
    config: Config, dataset: Dataset, names: Iterable[str] | None = None, fit: FitsFn = resolve_config
) -> tuple[tuple[str, ...], Settings, dict[str, str]]:
    """A set of switches that fit `config`, `dataset` and each other, to which no other can be added.

    They are taken one after the other in the order of `names`, so the first of two that do not go together stays; None is
    the table's order, without the switches that take something away. `fit` says what is legal. Returns their names, their
    dotted settings, and by name the reason why each of the others is left out.
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
        waiting = list(refused)  # a later switch, such as another norm, may have made room


def conflict(name: str, others: Iterable[str]) -> str | None:
    """Why the switch `name` cannot stand beside `others`: one key has one value."""
    known = technique_settings()
    for other in others:
        if keys := known[name].keys() & known[other].keys():
            return f"{name} and {other} both set {min(keys)}"
    return None


def incompatibility(config: Config, dataset: Dataset, settings: Settings, fit: FitsFn = resolve_config) -> str | None:
    """Why `config` with the dotted `settings` cannot be trained on `dataset`."""
    try:
        fit(parse(Config, merge(config.model_dump(mode="json"), unflatten(settings))), dataset)
    except InputError as reason:
        return str(reason)
    return None
