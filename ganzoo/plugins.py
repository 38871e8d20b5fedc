"""Plugins: a user's Python files with losses, tricks, networks or data, run only if the command line names them."""

import importlib.util
import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import ModuleType

from ganzoo.errors import InputError


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
        module = ModuleType(f"ganzoo_plugin_{Path(path).stem}")
        module.__file__ = os.path.abspath(path)
        sys.modules[module.__name__] = module
        try:
            exec(compile(source, module.__file__, "exec", dont_inherit=True), vars(module))
        except Exception as error:
            raise InputError(f"--plugin {path}: {type(error).__name__}: {error}") from error
