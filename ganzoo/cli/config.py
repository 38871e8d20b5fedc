"""`ganzoo config`: the keys of the config."""

import json
from typing import Annotated

import typer

from ganzoo import terminal
from ganzoo.cli.options import Plugins
from ganzoo.config.reference import Key, config_keys, keys_below


def config(
    prefix: Annotated[
        str | None, typer.Argument(help="A key or table, as in train, tricks.r1 or networks.generator; default: all.")
    ] = None,
    plugin: Plugins = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print the keys of the config: type, default, meaning, source."""
    keys = config_keys() if prefix is None else keys_below(prefix)
    rows = [vars(key) for key in keys]
    terminal.out_lines(json.dumps(rows, indent=2) if as_json else "\n".join(map(as_text, keys)))


def as_text(key: Key) -> str:
    """The key with its default, as `--set` takes it; then its type, meaning and source."""
    of = f"  # {', '.join(key.parts)}" if key.parts else ""
    about = [f"    {key.type}", *(f"    {line}" for line in (key.meaning, key.source) if line)]
    return "\n".join([f"{key.path} = {key.shown_default}{of}", *about])
