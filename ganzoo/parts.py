"""The nine kinds of parts and their registries. A file in the kind's folder adds a part, or a user's `--plugin` file."""

import ast
import importlib.util
import os
import sys
import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ganzoo.data import SOURCES
from ganzoo.errors import InputError, first_line
from ganzoo.evaluation import EXTRACTORS, METRICS
from ganzoo.evaluation.metrics import Metric
from ganzoo.losses import LOSSES
from ganzoo.mistakes import PLUGIN, is_ganzoo, wants_traceback
from ganzoo.networks import BACKBONES, UPSAMPLERS, Backbone
from ganzoo.networks.layers import NORMS
from ganzoo.optimizers import OPTIMIZERS
from ganzoo.registry import ADDED, Registry, summary
from ganzoo.tricks import TRICKS


@dataclass(frozen=True)
class Kind:
    """One kind of part."""

    name: str
    registry: Registry[Any]
    folder: str
    """Folder of the part's file, relative to the package."""
    choice: str
    """The config key with its value, or the command-line option, that selects a part."""


KINDS = (
    Kind("loss", LOSSES, "losses/", "loss.name=NAME"),
    Kind("trick", TRICKS, "tricks/", "tricks.NAME=true"),
    Kind("backbone", BACKBONES, "networks/", "networks.name=NAME"),
    Kind("upsampler", UPSAMPLERS, "networks/", "networks.generator.upsample=NAME"),
    Kind("norm", NORMS, "networks/", "networks.generator.norm=NAME"),
    Kind("optimizer", OPTIMIZERS, "optimizers/", "train.generator.name=NAME"),
    Kind("metric", METRICS, "evaluation/", "--metrics NAME"),
    Kind("extractor", EXTRACTORS, "evaluation/extractors/", "--extractor NAME"),
    Kind("data source", SOURCES, "data/sources/", "--data NAME"),
)


def describe(part: object) -> str:
    """The first line of a part's docstring."""
    if isinstance(part, Metric):
        return summary(part.compute)
    if isinstance(part, Backbone):
        return summary(sys.modules[(part.decoder or part.encoder).__module__])
    return summary(part)


def load_plugins(paths: Iterable[Path]) -> dict[str, str]:
    """Run the files in order; returns their sources by path, for `run_plugins` in workers. Raises `InputError`."""
    sources = {os.fspath(path): read_plugin(path) for path in paths}
    run_plugins(sources)
    return sources


def plugin_arguments(paths: Iterable[Path]) -> list[str]:
    """The command-line arguments that load the files."""
    return [word for path in paths for word in ("--plugin", os.fspath(path))]


def read_plugin(path: Path) -> str:
    """The source in `path`; raises `InputError`."""
    try:
        return importlib.util.decode_source(path.read_bytes())
    except (OSError, SyntaxError, UnicodeDecodeError):
        raise InputError(f"--plugin {path}: no such Python file") from None


def run_plugins(sources: Mapping[str, str]) -> None:
    """Run each source as the module of its path; raises `InputError` if one fails."""
    for path, source in sources.items():
        run_plugin(path, source)


def run_plugin(path: str, source: str) -> list[tuple[Registry[Any], str]]:
    """Run `source` as the module of `path`; returns registry and name of each part that it adds.

    Raises `InputError` with file and line if it fails or adds no part.
    """
    before = len(ADDED)
    module = ModuleType(f"{PLUGIN}{Path(path).stem}")
    module.__file__ = os.path.abspath(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, module.__file__, "exec", dont_inherit=True), vars(module))
    except Exception as error:
        if wants_traceback():
            raise
        what = error.msg if isinstance(error, SyntaxError) else first_line(error)
        raise InputError(f"--plugin {path}{_line(error, module)}: {type(error).__name__}: {what}") from error
    if len(ADDED) == before:
        raise InputError(f"--plugin {path}{_no_part(source, module)}")
    return ADDED[before:]


def _line(error: Exception, module: ModuleType) -> str:
    """`:LINE` of the plugin at which `error` was raised; empty if unknown."""
    if isinstance(error, SyntaxError) and error.filename == module.__file__:
        return f":{error.lineno}" if error.lineno else ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == module.__file__]
    return f":{lines[-1]}" if lines else ""


def _no_part(source: str, module: ModuleType) -> str:
    """The reason why a plugin adds no part: a subclass without a name, if it has one."""
    lines = {node.name: node.lineno for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)}
    for name, line in lines.items():
        kind = getattr(module, name, None)
        if isinstance(kind, type) and any(is_ganzoo(base.__module__) for base in kind.__mro__):
            return f':{line}: the class {name} has no `name`, so it is no part; add name = "..."'
    return ": adds no part; subclass Loss, Trick or Source with a `name`, or call the `add` of a registry"
