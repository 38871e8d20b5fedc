"""Standard streams whose reader may go away before the program ends."""

import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, cast

from ganzoo.errors import escape

if TYPE_CHECKING:  # rich takes a fifth of a second, which `ganzoo --help` must not wait for
    from rich.console import Console
    from rich.table import Table


class TolerantStream:
    """A text stream that discards what is written once its reader is gone, as in `ganzoo train ... 2>&1 | head -1`.

    `gone` is the error by which that shows; any other is raised.
    """

    def __init__(self, stream: TextIO, gone: type[OSError]) -> None:
        self._stream, self._gone = stream, gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or discard it."""
        try:
            self._stream.write(text)
        except self._gone:
            self._discard()
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, or discard it."""
        try:
            self._stream.flush()
        except self._gone:
            self._discard()

    def _discard(self) -> None:
        # The buffer keeps what could not be written and tries again, at the latest when the interpreter ends.
        with suppress(OSError, ValueError):  # ValueError: a stream without a descriptor
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


def tolerant(stream: TextIO | None, gone: type[OSError] = OSError) -> TextIO:
    """Return `stream` as a `TolerantStream`; one that was closed before the program began discards everything."""
    return cast(TextIO, TolerantStream(stream or open(os.devnull, "w", encoding="utf-8"), gone))


pass


T = TypeVar("T")


def out(line: str) -> None:
    """Print one line to stdout, at once."""
    print(escape(line), flush=True)


def out_lines(text: str) -> None:
    """Print a text of ours, such as JSON, whose line breaks are meant."""
    for line in text.split("\n"):
        out(line)


def err(line: str) -> None:
    """Print one line to stderr, at once and in one write: several processes may speak at the same time."""
    stream = tolerant(sys.stderr)
    stream.write(f"{escape(line)}\n")
    stream.flush()


def console(stderr: bool = False) -> "Console":
    """A console that takes no string for markup, an emoji or a number to highlight; escape what it prints."""
    from rich.console import Console

    stream = tolerant(sys.stderr) if stderr else None
    return Console(file=stream, markup=False, emoji=False, highlight=False)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, unbroken: str | None = None) -> "Table":
    """A table without lines; the column `unbroken` is never wrapped."""
    from rich.table import Column, Table

    found = Table(*(Column(name, no_wrap=name == unbroken) for name in columns), box=None, header_style="bold")
    for row in rows:
        found.add_row(*map(escape, row))
    return found


def track(items: Iterable[T], what: str, *, total: int | None = None, quiet: bool = False) -> Iterable[T]:
    """`items`, under a progress bar on a terminal unless `quiet`."""
    from rich.markup import escape as no_markup
    from rich.progress import track as bar

    where = console(stderr=True)
    off = quiet or not where.is_terminal
    # A bar reads its description as markup, on any console.
    return bar(items, no_markup(escape(what)), total=total, console=where, transient=True, disable=off)
