"""Registries of parts by name; the modules of a folder register their parts when they are imported."""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Mapping
from typing import Any, TypeVar

from ganzoo.errors import unknown_name

T = TypeVar("T")

ADDED: "list[tuple[Registry[Any], str]]" = []
"""Registry and name of every part added so far, in order."""


class Registry(dict[str, T]):
    """Name -> part; an unknown name raises `InputError`, a second part of the same name `ValueError`."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def add(self, name: str, part: T) -> T:
        """Register `part` and return it; raises `ValueError` if the name is taken.

        A class that is defined again replaces the former one, as when a cell of a notebook runs twice.
        """
        if name in self and not _same_class(self[name], part):
            raise ValueError(f"a {self.what} called {name!r} exists already; choose another name")
        self[name] = part
        ADDED.append((self, name))
        return part

    def __missing__(self, name: str) -> T:
        raise unknown_name(self.what, name, self)


def overrides(part: object, base: type, hook: str) -> bool:
    """True if the class of `part`, an instance of `base`, defines the method `hook` itself."""
    return getattr(type(part), hook) is not getattr(base, hook)


def keywords(table: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in the resolved config `table` of a part, as its keyword arguments."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in table.items() if k != "name"}


def _same_class(one: object, other: object) -> bool:
    classes = isinstance(one, type) and isinstance(other, type)
    return classes and (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)  # type: ignore[attr-defined]


def import_folder(package: str, path: list[str]) -> None:
    """Import every module of `package`, so that each registers its parts."""
    for module in pkgutil.iter_modules(path):
        importlib.import_module(f"{package}.{module.name}")


def summary(part: object) -> str:
    """First line of a part's docstring; empty without one."""
    return (inspect.getdoc(part) or "").partition("\n")[0]


def keyword_comments(part: Any) -> dict[str, str]:
    """The comment behind each keyword in the signature of a class or function; empty if its source is not at hand."""
    try:
        source = inspect.getsource(inspect.getattr_static(part, "__init__") if isinstance(part, type) else part)
    except (OSError, TypeError):
        return {}
    return dict(re.findall(r"^ +(\w+):.*,  # (.+)$", source, re.MULTILINE))


CITATION = re.compile(r"[.?!] (?P<authors>[A-Z][^?]+), (?P<year>\d{4}), https://(?P<link>[^\s,;]+)")


def citation(part: object) -> str:
    """The source named in a docstring, as "Lin et al. 2018, arXiv:1712.04086"; without a source its first line."""
    line = summary(part)
    found = CITATION.search(line)
    if found is None:
        return line
    link = found["link"].replace("arxiv.org/abs/", "arXiv:")
    return f"{found['authors'].removesuffix(',')} {found['year']}, {link}"
