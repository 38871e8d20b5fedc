"""`ganzoo ablate`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ganzoo.api import open_data
from ganzoo.build import resolve
from ganzoo.commands.compare import Asked, work
from ganzoo.comparing.budget import parse_budget, refuse_thresholds
from ganzoo.comparing.settings import of_switches
from ganzoo.config import Config
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.legal import largest_legal
from ganzoo.plugins import load_plugins
from ganzoo.recipes import make
from ganzoo.techniques import switches


def run(variant: str, names: Sequence[str], asked: Asked) -> None:
    """Compare a variant with itself under each switch alone; without a budget, for as many steps as its recipe trains."""
    if not names:
        raise InputError("which switches? as in --switch replay --switch all ('ganzoo list --techniques' shows them)")
    plugins, shared = load_plugins(asked.plugins), asked.shared()
    asked = replace(asked, budget=asked.budget or f"steps={make(variant, shared).train.steps}")
    budget = parse_budget(str(asked.budget))

    def fit(config: Config, data: Dataset) -> None:
        resolve(config, data)
        refuse_thresholds(budget, config.train)

    rows = of_switches(
        variant, names, shared, switches(), lambda config: largest_legal(config, open_data(config), fit=fit)
    )
    work("ablate", rows, plugins, asked)
