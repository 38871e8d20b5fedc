"""Ctrl-C, or a terminal that is closed, ends the training after the step, with everything saved."""

from __future__ import annotations

import signal
import threading
from contextlib import AbstractContextManager
from types import FrameType
from typing import Any

HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none


class Interrupt(AbstractContextManager["Interrupt"]):
    """Notes SIGINT, SIGTERM and SIGHUP while it is entered; the second one ends the program at once.

    A hangup that is ignored, as under `nohup`, stays so.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        # Python lets only the main thread set handlers; elsewhere the caller's own stay.
        if threading.current_thread() is threading.main_thread():
            hangup = [HANGUP] if HANGUP and signal.getsignal(HANGUP) is not signal.SIG_IGN else []
            # A script's background job ignores SIGINT; a worker whose command has ended raises it all the same.
            heard = (signal.SIGINT, signal.SIGTERM, *hangup)
            self._before = {number: signal.signal(number, self._note) for number in heard}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            raise KeyboardInterrupt
        self.signal = number
