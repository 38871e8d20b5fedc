"""Settings from the command line or a program, checked before they are merged into a config."""

import tomllib
from collections.abc import Iterable, Iterator
from typing import Any

from ganzoo.config.parsing import as_json
from ganzoo.config.schema import DEFAULTS
from ganzoo.config.tables import Table, join_path, merge, unflatten
from ganzoo.errors import InputError
from ganzoo.json_io import shorten

OPTIONAL = ("train.critic_warmup", "dataset")
"""Tables that may be missing or None."""


def _tables(table: Table, inside: str = "") -> Iterator[str]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield join_path(inside, key)
            yield from _tables(value, join_path(inside, key))


TABLES = {*_tables(DEFAULTS), *OPTIONAL, "tune"}
"""The dotted keys of a config whose values are tables."""


def overrides(settings: Iterable[str]) -> Table:
    """`["a.b=1", "a.c=x"]` as nested tables; values are TOML, bare words are strings."""
    table: Table = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not all(part.strip() for part in key.split(".")):
            raise InputError(f"--set {setting}: expected KEY=VALUE with a dotted key, as in train.batch_size=32")
        one = unflatten({key.replace(" ", ""): _value(value)})
        check_tables(one, "--set ")
        table = merge(table, one)
    return table


def _value(text: str) -> Any:
    try:
        table = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return table["value"] if len(table) == 1 else text  # a second line is not part of the value


def checked(table: Table) -> Table:
    """`table`, if it can be merged; raises `InputError` for one that JSON cannot hold or with a value for a table."""
    as_json(table)
    check_tables(table)
    return table


def check_tables(table: Table, where: str = "", inside: str = "") -> None:
    """Raise `InputError` for a value at the key of a table; `where` is the file or option, for the message.

    Each layer is checked before the merge, because a table in a later layer would hide the value.
    """
    for key, value in table.items():
        path = join_path(inside, key)
        if isinstance(value, dict):
            check_tables(value, where, path)
        elif path in TABLES and not (value is None and path in OPTIONAL):
            raise InputError(f"{where}{path}: expected a table, not {shorten(value)}")
        elif inside == "tricks" and not isinstance(value, bool):
            raise InputError(f"{where}{path}: expected a table, true or false, not {shorten(value)}")
