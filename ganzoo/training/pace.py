"""Whether the steps of a sitting have become much slower than they were."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

SLOWER = 5.0
WINDOW = 1.0  # seconds; a hiccup in one short step is none of its own


class Pace:
    """Compares each record, or as many as make a second of steps, with the fastest of this sitting.

    A step is one of D or of G here, so that a schedule which changes their ratio does not count. `threads` is how many
    compute.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.seconds, self.steps = 0.0, 0
        self.best, self.slow = math.inf, False

    @contextmanager
    def counted(self) -> Iterator[None]:
        """What is done within belongs to the steps; saving, drawing and scoring do not."""
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began

    def look(self, steps: int) -> str | None:
        """A line if the last `steps` were `SLOWER` than the fastest; the next one only after they were half way back."""
        self.steps += steps
        if self.seconds < WINDOW:
            return None
        pace = self.seconds / self.steps
        self.seconds, self.steps = 0.0, 0
        self.best = min(self.best, pace)
        known, self.slow = self.slow, pace > self.best * (SLOWER / 2 if self.slow else SLOWER)
        return self.said(pace) if self.slow and not known else None

    def said(self, pace: float) -> str:
        """How much slower, and what loses less."""
        times, seconds = f"{pace / self.best:.0f} times", f"{pace:.2g} s, was {self.best:.2g} s"
        advice = " A new run with --threads 1 loses least beside it." if self.threads > 1 else ""
        return f"a step of D or G takes {times} as long as before ({seconds}): is other work on this machine?{advice}"
