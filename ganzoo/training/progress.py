"""What a person sees while training: a bar on a terminal, plain lines elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from contextlib import AbstractContextManager
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from ganzoo import terminal
from ganzoo.errors import escape

PLAIN_SECONDS = 10.0


class Reporter(AbstractContextManager["Reporter"]):
    """Says nothing: the form of the two below, and `--quiet`."""

    def say(self, line: str) -> None:
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

    def say(self, line: str) -> None:
        self.progress.console.print(escape(line))

    def update(self, step: int, record: dict[str, Any] | None = None) -> None:
        described = {"description": f"step {record['step']}: {summary(record)}"} if record else {}
        self.progress.update(self.task, completed=step, **described)  # type: ignore[arg-type]

    def __exit__(self, *_: object) -> None:
        self.progress.stop()


class Lines(Reporter):
    """A plain line now and then."""

    def __init__(self, steps: int) -> None:
        self.steps, self.last = steps, 0.0
        self.record: dict[str, Any] | None = None

    def say(self, line: str) -> None:
        terminal.err(line)

    def update(self, step: int, record: dict[str, Any] | None = None) -> None:
        self.record = record or self.record
        if step == self.steps or (record and time.monotonic() - self.last > PLAIN_SECONDS):
            self.last = time.monotonic()
            self.say("  ".join([f"step {step}/{self.steps}", *self.described(step)]))

    def described(self, step: int) -> list[str]:
        """Return the last record in words, with its step if that is an earlier one."""
        if self.record is None:
            return []
        earlier = [] if self.record["step"] == step else [f"(logged at step {self.record['step']})"]
        return [summary(self.record), *earlier]


def summary(record: dict[str, Any]) -> str:
    """Both losses and the speed, in a few words."""
    losses = "  ".join(f"{player} {total(record, player):.3f}" for player in ("d", "g"))
    return f"{losses}  {record['images_per_second']:.0f} images/s"


def total(record: dict[str, Any], player: str) -> float:
    """The sum of a player's terms in a record of the log; nan where one is not finite."""
    terms = [v for name, v in record["terms"].items() if name.startswith(f"{player}/")]
    return sum(float("nan") if value is None else value for value in terms)


def reporter(steps: int, done: int, quiet: bool) -> Reporter:
    """The reporter that fits where the output goes."""
    if quiet:
        return Reporter()
    return Bar(steps, done) if sys.stderr.isatty() else Lines(steps)
