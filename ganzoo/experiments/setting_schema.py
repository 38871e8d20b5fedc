"""Schema of the settings in `results.json`: configs, refusals, and the texts of their files, plugins and losses."""

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from ganzoo.atomic_io import sha256_hex
from ganzoo.config.recipes import SOURCES, recipe_files
from ganzoo.json_io import FileSchema
from ganzoo.losses import LOSSES


class SettingRecord(FileSchema):
    """A row of the comparison: a variant, or a variant with switches."""

    name: str
    """Unique within the comparison."""
    variant: str
    """Recipe or TOML file, as given by the user."""
    overrides: dict[str, Any]
    """Dotted config keys in which the setting differs from the variant, except those of `protocol.set`."""
    switches: list[str]
    """Active techniques in an ablation."""
    refused: str | None
    """Always None: settings that cannot be trained are in `Results.refused`."""
    left_out: dict[str, str]
    """For the setting `all`: each omitted switch, with the reason."""
    config: dict[str, Any] = Field(default_factory=dict)
    """The resolved config of its cells by dotted key, with every default and `auto` as a value; see `Cell.resolved_keys`.

    Empty in older results, and while the setting is tuned.
    """


class Refusal(FileSchema):
    """A setting that is not trained."""

    setting: str
    """Name of the setting, or "all without SWITCH"."""
    reason: str
    """The error, or the conflict with another switch."""


class UsedFile(FileSchema):
    """A file that decided the results: a recipe, a file that it extends, or a plugin."""

    name: str
    """The path as given by the user; `zoo_configs/NAME.toml` for a bundled recipe."""
    sha256: str
    """SHA-256 of the text in UTF-8."""
    text: str
    """The whole text, as it was read before training."""


def used_files(variants: Iterable[str], plugins: Mapping[str, str]) -> list[UsedFile]:
    """The recipes of `variants`, each followed by those it extends, and the `plugins` (path -> source)."""
    recipes = dict.fromkeys(path for variant in variants for path in recipe_files(variant))
    texts = {file_name(path): path.read_text(encoding="utf-8-sig") for path in recipes}
    return [used_file(name, text) for name, text in (texts | dict(plugins)).items()]


def used_file(name: str, text: str) -> UsedFile:
    """The record of one file."""
    return UsedFile(name=name, sha256=sha256_hex(text.encode()), text=text)


def file_name(path: Path) -> str:
    """The path of a recipe as given; of a bundled one, relative to the folder of `zoo_configs`."""
    bundled = next((source for source in SOURCES if path.is_relative_to(source)), None)
    return (path if bundled is None else path.relative_to(bundled.parent)).as_posix()


def loss_texts(names: Iterable[str]) -> dict[str, str]:
    """The docstring of each loss by name; empty for a plugin's loss that has none."""
    return {name: inspect.cleandoc(LOSSES[name].__doc__ or "") for name in names}
