"""Standard streams whose reader may go away before the program ends."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import Any, TextIO, cast


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
