"""`ganzoo list --techniques`."""

from __future__ import annotations

import json
from typing import Any

from ganzoo import terminal
from ganzoo.config.recipes import make_config
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.schema import flatten
from ganzoo.config.techniques import TECHNIQUES, Technique
from ganzoo.tricks import TRICKS


def run(as_json: bool) -> None:
    """Print every technique with its keys and their defaults."""
    values = defaults()
    rows = [row(technique, values) for technique in TECHNIQUES]
    terminal.out_lines(json.dumps(rows, indent=2) if as_json else "\n".join(as_text(row) for row in rows))


def defaults() -> dict[str, Any]:
    """Every dotted key of a config with all tricks on, and its default."""
    return flatten(
        resolve_defaults(make_config(None, {"tricks": {name: True for name in TRICKS}})).model_dump(mode="json")
    )


def row(technique: Technique, values: dict[str, Any]) -> dict[str, Any]:
    """One technique; a key that is a table is shown by what is in it."""
    keys = {k: v for k, v in values.items() if any(k == key or k.startswith(f"{key}.") for key in technique.keys)}
    shown = {"number": technique.number, "name": technique.name, "keys": keys, "source": technique.source}
    return shown | {"switches": technique.on | technique.without}


def as_text(row: dict[str, Any]) -> str:
    """One technique for a person: a line, then a line a key, each fit for a config or `--set`."""
    keys = [f"      {key} = {json.dumps(value)}" for key, value in row["keys"].items()]
    named = [f"      --switch {name}" for name in row["switches"]]
    return "\n".join([f"{row['number']:>3}  {row['name']} ({row['source']})", *keys, *named])
