"""Terminal and notebook output: escaped lines, tables, progress bars, streams that tolerate a closed pipe."""

import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, TextIO, TypeVar, cast

from ganzoo.errors import escape

if TYPE_CHECKING:  # rich takes a fifth of a second, which `ganzoo --help` must not wait for
    from rich.console import Console
    from rich.table import Table


T = TypeVar("T")


class TolerantStream:
    """A text stream that discards its output once the reader has closed the pipe, as in `ganzoo train ... 2>&1 | head -1`.

    `gone` is the error type that means a closed pipe; other errors are raised.
    """

    def __init__(self, stream: TextIO, gone: type[OSError]) -> None:
        self._stream, self._gone = stream, gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write `text`, or discard it if the reader is gone."""
        try:
            self._stream.write(text)
        except self._gone:
            self._discard()
        return len(text)

    def flush(self) -> None:
        """Flush the buffer, or discard it if the reader is gone."""
        try:
            self._stream.flush()
        except self._gone:
            self._discard()

    def _discard(self) -> None:
        # The buffer keeps unwritten text and retries, at the latest when the interpreter exits.
        with suppress(OSError, ValueError):  # ValueError: a stream without a descriptor
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, self._stream.fileno())
            os.close(null)


def tolerant(stream: TextIO | None, gone: type[OSError] = OSError) -> TextIO:
    """`stream` as a `TolerantStream`; a stream closed before the program started discards everything."""
    return cast(TextIO, TolerantStream(stream or open(os.devnull, "w", encoding="utf-8"), gone))


def out(line: str) -> None:
    """Print one line to stdout and flush."""
    print(escape(line), flush=True)


def out_lines(text: str) -> None:
    """Print text with intended line breaks, such as JSON, line by line."""
    for line in text.split("\n"):
        out(line)


def err(line: str) -> None:
    """Print one line to stderr in a single write, because several processes may print at the same time."""
    stream = tolerant(sys.stderr)
    stream.write(f"{escape(line)}\n")
    stream.flush()


def console(stderr: bool = False) -> "Console":
    """A rich console without markup, emoji and highlighting; escape the strings that it prints."""
    from rich.console import Console

    stream = tolerant(sys.stderr) if stderr else None
    return Console(file=stream, markup=False, emoji=False, highlight=False)


def in_notebook() -> bool:
    """True in a cell of a notebook; False in a terminal, IPython's too."""
    return hasattr(_shell(), "kernel")


def notebook_output() -> Callable[[str], None]:
    """A function that shows a text in the current cell of a notebook, in place of the text before."""
    handle = import_module("IPython.display").display({"text/plain": ""}, raw=True, display_id=True)
    return lambda text: handle.update({"text/plain": text}, raw=True)


def _shell() -> Any:
    # A program that runs in a notebook has imported IPython; no other one waits for the import.
    ipython = sys.modules.get("IPython")
    return ipython and ipython.get_ipython()


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
    # A progress bar interprets its description as markup on any console.
    return bar(items, no_markup(escape(what)), total=total, console=where, transient=True, disable=off)


def duration(seconds: float) -> str:
    """A time as text in at most two units: 47 s, 3 min 47 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < 3600:
        minutes, rest = divmod(whole, 60)
        return f"{minutes} min {rest} s" if minutes else f"{rest} s"
    hours, minutes = divmod(round(whole / 60), 60)
    return f"{hours:,} h {minutes} min"


def counted(number: int, what: str) -> str:
    """A number with its noun: 1 run, 4 runs."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
