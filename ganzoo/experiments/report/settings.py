"""The settings on the page: hyperparameters that differ and those that are equal, and the texts of losses."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ganzoo.experiments.report.table import MISSING
from ganzoo.experiments.results_schema import Results
from ganzoo.markup import escape_text, inline_code, markdown_table

FORMULA = re.compile(r"L_\w+ *=")
"""The start of the paragraph with a loss's formulas."""


@dataclass(frozen=True)
class Hyperparameters:
    """The resolved configs of all settings, compared key by key; values are JSON text, `MISSING` for a key not present."""

    names: list[str]
    """The settings with a config, in the order of the columns."""
    differ: dict[str, list[str]]
    """Dotted key -> value in each setting, for the keys that are not equal in all."""
    same: dict[str, str]
    """Dotted key -> value, for the keys that are equal in all."""
    unknown: list[str]
    """The settings whose config is not in the results."""


def hyperparameters(results: Results) -> Hyperparameters:
    """Compare the configs of all settings."""
    configs = {setting.name: value_texts(setting.config) for setting in results.settings if setting.config}
    keys = dict.fromkeys(sorted({key for config in configs.values() for key in config}))
    values = {key: [config.get(key, MISSING) for config in configs.values()] for key in keys}
    return Hyperparameters(
        names=list(configs),
        differ={key: row for key, row in values.items() if len(set(row)) > 1},
        same={key: row[0] for key, row in values.items() if len(set(row)) == 1},
        unknown=[setting.name for setting in results.settings if not setting.config],
    )


def options_markdown(options: Hyperparameters) -> str:
    """The hyperparameters that differ as GitHub Markdown."""
    titles = ["config key", *map(escape_text, options.names)]
    rows = [
        [inline_code(key), *(value if value == MISSING else inline_code(value) for value in values)]
        for key, values in options.differ.items()
    ]
    return markdown_table(titles, rows)


def value_texts(config: Mapping[str, Any]) -> dict[str, str]:
    """The values of a config as JSON, without empty tables."""
    return {key: json.dumps(value, ensure_ascii=False) for key, value in config.items() if value != {}}


@dataclass(frozen=True)
class LossText:
    """The docstring of a loss, in parts."""

    name: str
    settings: list[str]
    """The settings that train it."""
    source: str
    """Its first line, with the paper."""
    formulas: str
    """The paragraph of formulas; empty if no paragraph starts with `L_D =` or alike."""
    notes: list[str]
    """The other paragraphs."""


def loss_texts(results: Results) -> list[LossText]:
    """The losses of the settings, in the order of the settings."""
    users: dict[str, list[str]] = {}
    for setting in results.settings:
        if name := setting.config.get("loss.name"):
            users.setdefault(name, []).append(setting.name)
    return [loss_text(name, names, results.losses.get(name, "")) for name, names in users.items()]


def loss_text(name: str, settings: list[str], docstring: str) -> LossText:
    """The parts of one docstring."""
    source, *rest = docstring.strip().split("\n\n")
    formulas = next((part for part in rest if FORMULA.match(part)), "")
    return LossText(name, settings, source, formulas, [part for part in rest if part != formulas])
