"""`ganzoo ablate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ganzoo.api import load_dataset
from ganzoo.builder import resolve_config
from ganzoo.commands.compare import Asked, work
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import Config
from ganzoo.config.techniques import technique_settings
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.experiments.spec import check_thresholds, parse_budget, settings_of_switches
from ganzoo.experiments.technique_sets import largest_compatible_set
from ganzoo.plugins import load_plugins


def run(variant: str, names: Sequence[str], asked: Asked) -> None:
    """Compare a variant with itself under each switch alone; without a budget, for as many steps as its recipe trains."""
    if not names:
        raise InputError("which switches? as in --switch replay --switch all ('ganzoo list --techniques' shows them)")
    plugins, shared = load_plugins(asked.plugins), asked.shared()
    asked = replace(asked, budget=asked.budget or f"steps={make_config(variant, shared).train.steps}")
    budget = parse_budget(str(asked.budget))

    def fit(config: Config, data: Dataset) -> None:
        resolve_config(config, data)
        check_thresholds(budget, config.train)

    rows = settings_of_switches(
        variant,
        names,
        shared,
        technique_settings(),
        lambda config: largest_compatible_set(config, load_dataset(config), fit=fit),
    )
    work("ablate", rows, plugins, asked)
