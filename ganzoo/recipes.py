"""Variants, the user's TOML files and dotted overrides -> a config."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ganzoo.config import DEFAULTS, Config, Table, join, parse
from ganzoo.errors import InputError, unknown

SOURCES = (Path(__file__).parent / "zoo_configs", Path(__file__).parent.parent / "zoo_configs")
"""Where variants are looked for: in an installed package, then in a checkout."""


def variants() -> dict[str, Path]:
    """Every variant that ships: its name (`wgan-gp`, `cifar10/wgan-gp`) and file."""
    found: dict[str, Path] = {}
    for folder in SOURCES:
        for path in sorted(folder.glob("*.toml")) + sorted(folder.glob("*/*.toml")):
            found.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
    return found


def read_variant(variant: str, extended_by: tuple[str, ...] = ()) -> Table:
    """The table of a variant by name, or of a TOML file, laid upon what it `extends` or upon the defaults."""
    if variant in extended_by:
        raise InputError(f"{variant} extends itself")
    path = Path(variant) if variant.endswith(".toml") else variants().get(variant)
    if path is None:
        raise unknown("variant", variant, variants())
    table = _read_toml(path)
    parent = table.pop("extends", None)
    table.setdefault("variant", path.stem if variant.endswith(".toml") else variant)
    return merge(DEFAULTS if parent is None else read_variant(parent, (*extended_by, variant)), table)


def _read_toml(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read the config {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None


def merge(base: Table, over: Table, where: str = "") -> Table:
    """`over` laid upon `base`, table by table.

    A named part that is exchanged loses its old keys, which mean nothing to the new one. `networks` keeps its tables: the
    backbones take the same keys.
    """
    exchanged = where != "networks" and "name" in base.keys() & over.keys() and over["name"] != base["name"]
    merged = {} if exchanged else dict(base)
    for key, value in over.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = merge(merged[key], value, join(where, key)) if both else value
    return merged


def overrides(settings: Iterable[str]) -> Table:
    """`["a.b=1", "a.c=x"]` as nested tables; a value is TOML, a bare word a string."""
    table: Table = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals or not all(part.strip() for part in key.split(".")):
            raise InputError(f"--set {setting}: expected KEY=VALUE with a dotted key, as in train.batch=32")
        table = merge(table, nested({key.replace(" ", ""): _value(value)}))
    return table


def nested(flat: Table) -> Table:
    """`{"a.b": 1}` as `{"a": {"b": 1}}`."""
    table: Table = {}
    for key, value in flat.items():
        for part in reversed(key.split(".")):
            value = {part: value}
        table = merge(table, value)
    return table


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def make(variant: str | None = None, over: Table | None = None) -> Config:
    """The config of a variant or TOML file (None = the defaults) with the tables `over` laid upon it."""
    table = DEFAULTS if variant is None else read_variant(variant)
    return parse(Config, merge(table, over or {}))
