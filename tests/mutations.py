"""JSON values in many wrong forms."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

GONE = object()
HOSTILE = "\x1b]0;owned\a\n<script>alert(1)</script>|`](javascript:x)"
WRONG = (
    GONE, None, "", "x", HOSTILE, "\ud800", [], [1, "x", None], {}, {"a": {"b": [1]}},
    -1, 0, 1.5, 10**400, 1e308, -1e308, float("nan"), True,
)  # fmt: skip
"""What stands in the place of each value in turn."""
WHOLE = (
    "",
    "{",
    "[]",
    "null",
    "[" * 100_000,
    '{"format": 1}',
    '{"format": true}',
    '{"format": 2}',
    "\x00\xff",
    '{"a": 1e',
)
"""What stands in the place of a whole file."""


def paths(value: Any, above: tuple = ()) -> Iterator[tuple]:
    """The place of everything in a JSON value; of a list its first entry stands for all."""
    entries = value.items() if isinstance(value, dict) else enumerate(value[:1]) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*above, key)
        yield from paths(inner, (*above, key))


def mutations(table: dict[str, Any], every: int = 1) -> Iterator[tuple[str, dict[str, Any]]]:
    """(what was done, the table with one thing wrong): every value in every wrong form, or one in `every` of these."""
    cases = [(path, wrong) for path in paths(table) for wrong in WRONG]
    for path, wrong in cases[::every]:
        changed = copy.deepcopy(table)
        inner: Any = changed
        for key in path[:-1]:
            inner = inner[key]
        if wrong is GONE:
            del inner[path[-1]]
        else:
            inner[path[-1]] = wrong
        yield f"{'.'.join(map(str, path))} = {'gone' if wrong is GONE else repr(wrong)[:30]}", changed
