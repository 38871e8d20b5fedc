"""Training progress: a bar on a terminal or in a notebook, plain lines elsewhere, or nothing; a warning if steps slow down."""

import math
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ganzoo import terminal
from ganzoo.errors import escape

SECONDS_BETWEEN_LINES = 10.0
SECONDS_BETWEEN_DRAWS = 0.25
BAR_WIDTH = 30  # characters


class Reporter(AbstractContextManager["Reporter"]):
    """Prints nothing (`--quiet`); the base class of the others."""

    def write_line(self, line: str) -> None:
        """Print one line about the run."""

    def update(self, step: int, record: dict[str, Any] | None = None) -> None:
        """Show that `step` steps are done; `record` is this step's log record, if one was written."""

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


class NotebookBar(Reporter):
    """All lines and a text bar in one output of a notebook's cell, redrawn at most every `SECONDS_BETWEEN_DRAWS`."""

    def __init__(self, steps: int, done: int) -> None:
        self.steps, self.done, self.step = steps, done, done
        self.began = self.drawn = time.monotonic()
        self.lines: list[str] = []
        self.losses = ""
        self.show = terminal.notebook_output()

    def write_line(self, line: str) -> None:
        self.lines.append(escape(line))
        self.draw()

    def update(self, step: int, record: dict[str, Any] | None = None) -> None:
        self.step, self.losses = step, progress_text(record) if record else self.losses
        if step == self.steps or time.monotonic() - self.drawn > SECONDS_BETWEEN_DRAWS:
            self.draw()

    def draw(self) -> None:
        """Show lines, bar, losses and the time left."""
        self.drawn = time.monotonic()
        full = BAR_WIDTH * self.step // self.steps
        left = (self.drawn - self.began) * (self.steps - self.step) / max(self.step - self.done, 1)
        eta = f"eta {timedelta(seconds=round(left))}" if self.done < self.step < self.steps else ""
        bar = [f"step {self.step}/{self.steps}", "\u2588" * full + "\u2591" * (BAR_WIDTH - full), self.losses, eta]
        self.show("\n".join([*self.lines, "  ".join(filter(None, bar))]))

    def __exit__(self, *_: object) -> None:
        self.draw()


class Lines(Reporter):
    """Plain text lines, at most one every `SECONDS_BETWEEN_LINES`, plus the last step's."""

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
        """The last record as text, with its step if that is an earlier one."""
        if self.record is None:
            return []
        earlier = [] if self.record["step"] == step else [f"(logged at step {self.record['step']})"]
        return [progress_text(self.record), *earlier]


def progress_text(record: dict[str, Any]) -> str:
    """Both losses and the speed, as short text."""
    losses = "  ".join(f"{player} {player_loss(record['terms'], player):.3f}" for player in ("d", "g"))
    return f"{losses}  {record['images_per_second']:.0f} images/s"


def player_loss(terms: Mapping[str, float | None], player: str) -> float:
    """The sum of a player's terms in a log record; NaN if one is not finite."""
    own = [value for name, value in terms.items() if name.startswith(f"{player}/")]
    return sum(float("nan") if value is None else value for value in own)


def reporter(steps: int, done: int, quiet: bool) -> Reporter:
    """The reporter for the output: none if `quiet`, a bar on a terminal or in a notebook, else lines."""
    if quiet:
        return Reporter()
    if terminal.in_notebook():
        return NotebookBar(steps, done)
    return Bar(steps, done) if sys.stderr.isatty() else Lines(steps)


class Outlook:
    """One line early in a run: the remaining time, from the first seconds, and when and where its sample grids come."""

    def __init__(self, done: int, steps: int, every: int, samples: Path) -> None:
        self.steps, self.every, self.samples = steps, every, samples
        self.first = done + 1  # the first step of a process is slow
        self.began = math.inf
        self.due = True

    def check(self, step: int) -> str | None:
        """The line, once `OUTLOOK_AFTER` seconds have passed since the first step of this process."""
        now = time.perf_counter()
        if step == self.first:
            self.began = now
        if not self.due or now - self.began < OUTLOOK_AFTER:
            return None
        self.due = False
        step_time = (now - self.began) / (step - self.first)
        left = step_time * (self.steps - step)
        if left < WORTH_SAYING:
            return None
        time_left, interval = terminal.duration(left), terminal.duration(min(step_time * self.every, left))
        return f"about {time_left} for the other {self.steps - step:,} steps; a sample grid every {interval}: {self.samples}"


OUTLOOK_AFTER, WORTH_SAYING = 3.0, 20.0  # seconds
SLOWDOWN_FACTOR = 5.0
WINDOW = 1.0  # seconds; long enough that one slow step does not trigger the warning


class StepTimeWatch:
    """Compares the step time of each log interval, or of several that make up a second, with the fastest in this process.

    Counts updates of D and of G, so a schedule that changes their ratio has no effect. `threads`: number of CPU threads
    in use.
    """

    def __init__(self, threads: int) -> None:
        self.threads = threads
        self.seconds, self.steps = 0.0, 0
        self.best, self.slow = math.inf, False

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Count the time spent in this block as training; saving, sample grids and scores stay outside."""
        began = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - began

    def check(self, steps: int) -> str | None:
        """A warning if the last `steps` were `SLOWDOWN_FACTOR` times slower than the fastest; again only after a recovery."""
        self.steps += steps
        if self.seconds < WINDOW:
            return None
        step_time = self.seconds / self.steps
        self.seconds, self.steps = 0.0, 0
        self.best = min(self.best, step_time)
        known, self.slow = self.slow, step_time > self.best * (SLOWDOWN_FACTOR / 2 if self.slow else SLOWDOWN_FACTOR)
        return self.warning(step_time) if self.slow and not known else None

    def warning(self, step_time: float) -> str:
        """The warning text: the slowdown factor, both times, and advice."""
        times, seconds = f"{step_time / self.best:.0f} times", f"{step_time:.2g} s, was {self.best:.2g} s"
        advice = " If so, a new run with --threads 1 slows down least." if self.threads > 1 else ""
        return f"an update of D or G takes {times} as long as before ({seconds}): do other jobs share the CPU?{advice}"
