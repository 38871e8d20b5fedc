"""Markdown and HTML output with strings from outside escaped: Markdown text, code and tables; the Jinja environment."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ganzoo.errors import escape

if TYPE_CHECKING:  # jinja2 belongs to the extra `eval`, but torch depends on it too
    from jinja2 import Environment


def escape_text(text: str) -> str:
    """`text` on one line, with all characters escaped that have a meaning in GitHub Markdown or HTML."""
    line = re.sub(r"([\\`*_\[\]<>|&~$])", r"\\\1", escape(" ".join(text.split())))
    return re.sub(r"^(\d*)([-+=#.)])", r"\1\\\2", line)  # at the start: a heading, a rule or a list item


def inline_code(text: str) -> str:
    """`text` on one line as code; as escaped text if it has a character that ends code or a table cell, or starts HTML."""
    line = escape(" ".join(text.split()))
    return escape_text(line) if not line or re.search(r"[`|<>&]", line) else f"`{line}`"


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]], rules: Sequence[str] | None = None) -> str:
    """A table whose cells are already Markdown; `rules` align the columns."""
    return "\n".join(f"| {' | '.join(line)} |" for line in (head, rules or ["---"] * len(head), *rows))


def environment(*folders: Path) -> "Environment":
    """A Jinja environment for the templates in `folders` that escapes HTML and control characters in all strings."""
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
    return escape(value) if type(value) is str else value  # Markup is a subclass of str
