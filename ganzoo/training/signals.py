"""Ctrl-C, or a terminal that is closed, ends the training after the step, with everything saved."""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import FrameType
from typing import Any

HANGUP = getattr(signal, "SIGHUP", None)  # Windows has none
DEBOUNCE = 0.1  # seconds
STOPPING = "stopping after this step, then saving; press Ctrl-C again to stop at once without saving"


class StopSignal(AbstractContextManager["StopSignal"]):
    """Notes SIGINT, SIGTERM and SIGHUP while it is entered, and says `line` at the first; a second Ctrl-C ends the program.

    That one raises `KeyboardInterrupt`; with `at_once` the first signal of any kind does too. Signals within `DEBOUNCE` of
    the first count as one: a terminal and a wrapper may both deliver the same Ctrl-C. A hangup that is ignored, as under
    `nohup`, stays so.
    """

    def __init__(
        self, say: Callable[[str], object] = lambda line: None, line: str = STOPPING, at_once: bool = False
    ) -> None:
        self.write_line, self.line, self.at_once = say, line, at_once
        self.signal: int | None = None
        self._settled, self._presses = False, 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
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
        if self.signal is None:
            self._first(number)
        elif self._settled and number == signal.SIGINT:
            self._presses += 1
            if self._presses > 1:
                raise KeyboardInterrupt

    def _first(self, number: int) -> None:
        self.signal, self._presses = number, int(number == signal.SIGINT)
        with suppress(RuntimeError):  # the signal came while the same stream was being written to
            self.write_line(self.line)
        time.sleep(DEBOUNCE)  # a second delivery is handled in here, at once, and not later after a long operation
        self._settled = True
        if self.at_once:
            raise KeyboardInterrupt
