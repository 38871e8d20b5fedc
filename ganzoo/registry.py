"""Names of the parts of the zoo; the modules of a folder register themselves by being imported."""

import importlib
import inspect
import pkgutil
import re
from typing import Any, TypeVar

from ganzoo.errors import unknown_name

T = TypeVar("T")


class Registry(dict[str, T]):
    """Name -> part. A second part of the same name, or a name that does not exist, is an error that says so."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def add(self, name: str, part: T) -> T:
        """Register `part`; raises `ValueError` where the name is taken."""
        if name in self:
            raise ValueError(f"two {self.what}s are called {name!r}")
        self[name] = part
        return part

    def __missing__(self, name: str) -> T:
        raise unknown_name(self.what, name, self)


def import_folder(package: str, path: list[str]) -> None:
    """Import every module of `package`, so that each registers what it holds."""
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
    """Short form of the source that the docstring names: "Lin et al. 2018, arXiv:1712.04086"; else its first line."""
    line = summary(part)
    found = CITATION.search(line)
    if found is None:
        return line
    link = found["link"].replace("arxiv.org/abs/", "arXiv:")
    return f"{found['authors'].removesuffix(',')} {found['year']}, {link}"
