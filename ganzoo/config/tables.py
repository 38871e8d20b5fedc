"""Nested tables and dotted keys: `{"a": {"b": 1}}` and `{"a.b": 1}`."""

from typing import Any

Table = dict[str, Any]


def join_path(where: str, key: str) -> str:
    """The dotted path of `key` within the table at `where`."""
    return f"{where}.{key}" if where else key


def flatten(table: Table, where: str = "") -> Table:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    found: Table = {}
    for key, value in table.items():
        path = join_path(where, key)
        found |= flatten(value, path) if isinstance(value, dict) and value else {path: value}
    return found


def unflatten(flat: Table) -> Table:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`."""
    table: Table = {}
    for key, value in flat.items():
        for part in reversed(key.split(".")):
            value = {part: value}
        table = merge(table, value)
    return table


def merge(base: Table, over: Table, where: str = "") -> Table:
    """`base` updated with `over`, recursively.

    If a part gets another `name`, its old keys are dropped, because the new part has different keys. `networks` keeps its
    tables, because the backbones share their keys.
    """
    exchanged = where != "networks" and "name" in base.keys() & over.keys() and over["name"] != base["name"]
    merged = {} if exchanged else dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value, join_path(where, key)) if both else value
    return merged
