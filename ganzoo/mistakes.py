"""Mistakes in a user's part, as one line with file, line and term instead of a traceback.

Only code that is no part of ganzoo is reported so: an error inside ganzoo is a bug and keeps its traceback. Set
GANZOO_TRACEBACK=1 to see the traceback of a plugin's error too.
"""

import inspect
import os
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

from torch import Tensor

from ganzoo.batch import Terms
from ganzoo.errors import InputError, Interrupted, TrainingFailed, first_line

PLUGIN = "ganzoo_plugin_"
"""Prefix of the module names of plugins."""
EXPECTED = (InputError, TrainingFailed, Interrupted)


@contextmanager
def plugin_errors() -> Iterator[None]:
    """Raise an exception of a plugin's code as `InputError` with file, line and function; other exceptions pass."""
    try:
        yield
    except Exception as error:
        if isinstance(error, EXPECTED) or wants_traceback() or not (place := plugin_place(error)):
            raise
        raise InputError(f"{place}: {type(error).__name__}: {first_line(error)}") from error


def wants_traceback() -> bool:
    """True if the user asked for tracebacks of plugins."""
    return os.environ.get("GANZOO_TRACEBACK", "") not in ("", "0")


def plugin_place(error: Exception) -> str:
    """FILE:LINE: FUNCTION of the plugin's code that raised `error`, itself or in a library; empty if ganzoo's code did."""
    for frame, line in reversed(list(traceback.walk_tb(error.__traceback__))):
        if str(frame.f_globals.get("__name__")).startswith(PLUGIN):
            return f"{shown_path(frame.f_code.co_filename)}:{line}{_function(frame)}"
        if is_ganzoo(frame.f_globals.get("__name__")):
            return ""
    return ""


def _function(frame: FrameType) -> str:
    name = frame.f_code.co_qualname
    return "" if name == "<module>" else f": {name}"


def is_ganzoo(module: object) -> bool:
    """True for the name of a module of this package."""
    return str(module).partition(".")[0] == "ganzoo"


def shown_path(path: str) -> str:
    """`path` relative to the working directory if it lies there."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def checked_terms(part: Any, hook: str, *arguments: Any, finite: bool = False) -> Terms:
    """The terms that the method `hook` of a loss or trick returns for `arguments`.

    Raises `InputError` with file, line and term if they are no dict of named scalar tensors; for a user's part and `finite`,
    also if one is NaN or infinite. For a part of ganzoo it raises `ValueError`, because that is a bug.
    """
    terms: Terms = getattr(part, hook)(*arguments)
    own = is_ganzoo(type(part).__module__)
    for term, reason in wrong_terms(terms, finite and not own):
        error = ValueError if own else InputError
        raise error(f"{place_of(part, hook, term)}: {reason}")
    return terms


def wrong_terms(terms: object, finite: bool) -> Iterator[tuple[str, str]]:
    """Each wrong term with the reason; `finite` also checks the values."""
    if not isinstance(terms, Mapping):
        yield "", f"returned {type(terms).__name__}, expected a dict of named scalar tensors"
        return
    for name, term in terms.items():
        if not isinstance(term, Tensor):
            yield name, f"term {name!r} is {type(term).__name__}, expected a scalar tensor; return it without .item()"
        elif term.shape != ():
            yield name, f"term {name!r} has shape {tuple(term.shape)}, expected a scalar; take the mean"
        elif finite and not term.isfinite():
            yield name, f"term {name!r} is {term.item()} in the first update; check divisions, logarithms and roots"


def place_of(part: Any, hook: str, term: str = "") -> str:
    """FILE:LINE: CLASS.METHOD of a part; the line that names `term` in quotes if there is one, else the first."""
    function = inspect.unwrap(getattr(type(part), hook))
    inherited = is_ganzoo(getattr(function, "__module__", "")) and not is_ganzoo(type(part).__module__)
    where = type(part) if inherited else function
    code: CodeType | None = getattr(function, "__code__", None)
    try:
        path, (lines, start) = inspect.getsourcefile(where) or "", inspect.getsourcelines(where)
    except (OSError, TypeError):  # a plugin's file is missing on a worker
        path, lines, start = (code.co_filename, [], code.co_firstlineno) if code else ("", [], 0)
    quoted = [number for number, text in enumerate(lines) if term and (f'"{term}"' in text or f"'{term}'" in text)]
    return f"{shown_path(path)}:{start + (quoted or [0])[0]}: {type(part).__name__}.{hook}"
