"""GitHub Markdown, where strings from outside are escaped."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import escape

if TYPE_CHECKING:  # of the extra `eval`, though torch brings it too
    from jinja2 import Environment


def escape_text(text: str) -> str:
    """`text` on one line, with nothing in it that Markdown or HTML would take as theirs."""
    line = re.sub(r"([\\`*_\[\]<>|&~$])", r"\\\1", escape(" ".join(text.split())))
    return re.sub(r"^(\d*)([-+=#.)])", r"\1\\\2", line)  # at the beginning: a heading, a rule or an item of a list


def inline_code(text: str) -> str:
    """`text` on one line as code; plain where it holds what would end the code, or a table's cell, or be HTML elsewhere."""
    line = escape(" ".join(text.split()))
    return escape_text(line) if not line or re.search(r"[`|<>&]", line) else f"`{line}`"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], rules: Sequence[str] | None = None) -> str:
    """A table of cells that are Markdown already; `rules` align the columns."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rules or ["---"] * len(head), *rows))


def environment(*folders: Path) -> "Environment":
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
