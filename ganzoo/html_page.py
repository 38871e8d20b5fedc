"""Templates of HTML pages, where strings from outside are escaped."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import escape

if TYPE_CHECKING:  # of the extra `eval`, though torch brings it too
    from jinja2 import Environment


def environment(*folders: Path) -> Environment:
    """Jinja's environment for the templates in `folders`: strings that a page is given are text without control characters."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        finalize=_without_controls,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _without_controls(value: Any) -> Any:
    return escape(value) if type(value) is str else value  # markup is a string of another type
