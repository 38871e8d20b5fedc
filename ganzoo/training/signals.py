"""Signal handling: Ctrl-C, SIGTERM or a closed terminal stops training after the current step, with everything saved."""

import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from types import FrameType
from typing import Any

HANGUP = getattr(signal, "SIGHUP", None)  # not on Windows
DEBOUNCE = 0.1  # seconds
STOPPING = "stopping after this step, then saving; press Ctrl-C again to stop at once without saving"


class StopSignal(AbstractContextManager["StopSignal"]):
    """Context that records SIGINT, SIGTERM and SIGHUP, and prints `line` at the first signal.

    A second Ctrl-C raises `KeyboardInterrupt`; with `at_once` the first signal of any kind does. Signals within `DEBOUNCE`
    seconds of the first count as one, because a terminal and a wrapper may both deliver the same Ctrl-C. An ignored
    SIGHUP, as under `nohup`, stays ignored.
    """

    def __init__(
        self, say: Callable[[str], object] = lambda line: None, line: str = STOPPING, at_once: bool = False
    ) -> None:
        self.write_line, self.line, self.at_once = say, line, at_once
        self.signal: int | None = None
        self._settled, self._presses = False, 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignal":
        # Only the main thread can set handlers; in other threads the caller's handlers stay.
        if threading.current_thread() is threading.main_thread():
            hangup = [HANGUP] if HANGUP and signal.getsignal(HANGUP) is not signal.SIG_IGN else []
            # Handle SIGINT even if it is ignored, as in a script's background job: a worker raises it when its parent ends.
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
        with suppress(RuntimeError):  # the signal interrupted a write to the same stream
            self.write_line(self.line)
        time.sleep(DEBOUNCE)  # a duplicate signal arrives here, not after the next long operation
        self._settled = True
        if self.at_once:
            raise KeyboardInterrupt
