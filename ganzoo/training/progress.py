"""What a person sees while training: a bar on a terminal, plain lines elsewhere, or nothing."""

import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ganzoo import terminal
from ganzoo.errors import escape

SECONDS_BETWEEN_LINES = 10.0


class Reporter(AbstractContextManager["Reporter"]):
    """Says nothing: the form of the two below, and `--quiet`."""

    def write_line(self, line: str) -> None:
        """One line about the run."""

    def update(self, step: int, record: dict[str, Any] | None = None) -> None:
        """`step` steps are done; `record` is what was logged of them, if it was."""

    def __exit__(self, *_: object) -> None:
        pass


class Bar(Reporter):
    """A progress bar with ETA, losses and images per second."""

    def __init__(self, steps: int, done: int) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        self.progress = Progress(
            *columns, TextColumn("eta"), TimeRemainingColumn(), console=terminal.console(stderr=True)
        )
        self.task = self.progress.add_task("training", total=steps, completed=done)
        self.progress.start()

    def write_line(self, line: str) -> None:
        self.progress.console.print(escape(line))

    def update(self, step: int, record: dict[str, Any] | None = None) -> None:
        described = {"description": f"step {record['step']}: {progress_text(record)}"} if record else {}
        self.progress.update(self.task, completed=step, **described)  # type: ignore[arg-type]

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


class Lines(Reporter):
    """A plain line now and then."""

    def __init__(self, steps: int) -> None:
        self.steps, self.last = steps, 0.0
        self.record: dict[str, Any] | None = None

    def write_line(self, line: str) -> None:
        terminal.err(line)

    def update(self, step: int, record: dict[str, Any] | None = None) -> None:
        self.record = record or self.record
        if step == self.steps or (record and time.monotonic() - self.last > SECONDS_BETWEEN_LINES):
            self.last = time.monotonic()
            self.write_line("  ".join([f"step {step}/{self.steps}", *self.described(step)]))

    def described(self, step: int) -> list[str]:
        """Return the last record in words, with its step if that is an earlier one."""
        if self.record is None:
            return []
        earlier = [] if self.record["step"] == step else [f"(logged at step {self.record['step']})"]
        return [progress_text(self.record), *earlier]


def progress_text(record: dict[str, Any]) -> str:
    """Both losses and the speed, in a few words."""
    losses = "  ".join(f"{player} {player_loss(record['terms'], player):.3f}" for player in ("d", "g"))
    return f"{losses}  {record['images_per_second']:.0f} images/s"


def player_loss(terms: Mapping[str, float | None], player: str) -> float:
    """The sum of a player's terms among those of a record of the log; nan where one is not finite."""
    own = [value for name, value in terms.items() if name.startswith(f"{player}/")]
    return sum(float("nan") if value is None else value for value in own)


def reporter(steps: int, done: int, quiet: bool) -> Reporter:
    """The reporter that fits where the output goes."""
    if quiet:
        return Reporter()
    return Bar(steps, done) if sys.stderr.isatty() else Lines(steps)


SLOWDOWN_FACTOR = 5.0
WINDOW = 1.0  # seconds; a hiccup in one short step is none of its own


class StepTimeWatch:
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

    def check(self, steps: int) -> str | None:
        """A line if the last `steps` were `SLOWDOWN_FACTOR` times slower than the fastest; again only after a recovery."""
        self.steps += steps
        if self.seconds < WINDOW:
            return None
        pace = self.seconds / self.steps
        self.seconds, self.steps = 0.0, 0
        self.best = min(self.best, pace)
        known, self.slow = self.slow, pace > self.best * (SLOWDOWN_FACTOR / 2 if self.slow else SLOWDOWN_FACTOR)
        return self.said(pace) if self.slow and not known else None

    def said(self, pace: float) -> str:
        """How much slower, and what loses less."""
        times, seconds = f"{pace / self.best:.0f} times", f"{pace:.2g} s, was {self.best:.2g} s"
        advice = " A new run with --threads 1 loses least beside it." if self.threads > 1 else ""
        return f"a step of D or G takes {times} as long as before ({seconds}): is other work on this machine?{advice}"
