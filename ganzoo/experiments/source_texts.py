"""Texts that decide a comparison: recipes with the files they extend, plugins, and the docstrings of losses."""

import inspect
from collections.abc import Iterable, Mapping
from pathlib import Path

from ganzoo.atomic_io import sha256_hex
from ganzoo.config.recipes import SOURCES, recipe_files
from ganzoo.experiments.setting_schema import UsedFile
from ganzoo.losses import LOSSES


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
