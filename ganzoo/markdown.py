"""GitHub Markdown, where strings from outside are escaped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ganzoo.errors import escape


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
