"""One cell in a process of its own: `python -m ganzoo.comparing.worker`, with the job as a line of JSON on stdin.

It stops, with everything saved, when its stdin closes: so no worker outlives the command that started it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ganzoo import api, terminal
from ganzoo.comparing.budget import FIRST_SLICE
from ganzoo.comparing.cells import RECORD, read_record
from ganzoo.comparing.facts import counted, facts_of
from ganzoo.comparing.machine import machine
from ganzoo.config import Config, Table, parse, with_train
from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.files import FORMAT, lock, recover_folder, write_json
from ganzoo.plugins import run_plugins
from ganzoo.sampling import load
from ganzoo.training.run import Run

Score = Callable[..., Any]
"""`ganzoo.measure.measure`, or what takes its place."""

MORE, WITH = ("spread", "reference_n", "details"), ("extractor", "data", "samples")
"""What is kept of each score beside its value, and of what all were measured with."""

CLOSE = 0.02
"""The share of a budget of minutes that may be left over."""


def main(score: Score | None = None) -> int:
    """Work on the job on stdin; the exit code is that of `ganzoo train`, but for a diverged cell, which is finished: 0."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    try:
        run_plugins(job["plugins"])
        work(job, score)
    except InputError as error:
        terminal.err(str(error))
        return 2
    except (Interrupted, KeyboardInterrupt):
        return 130
    return 0


def _stop_with_the_parent() -> None:
    # Not through sys.stdin, whose lock a thread that waits would hold when the interpreter ends.
    while os.read(0, 1):
        pass
    signal.raise_signal(signal.SIGINT)


def work(job: Table, score: Score | None = None) -> None:
    """Train a cell to its budget, measure it, and write its `cell.json`; a cell that has one is left alone."""
    run, config = Run(Path(job["folder"])), parse(Config, job["config"])
    with locked(run.folder):
        recover_folder(run.folder / RECORD)
        if read_record(run.folder) is not None:
            return
        failure = train(run, config, job["minutes"])
        record = {"format": FORMAT, "measure": job["measure"], "ran": machine(job["jobs"])} | facts_of(run, failure)
        measured = {} if failure else measure(run, job["measure"], score)
        write_json(run.folder / RECORD, record | {"scores": {}, "metrics": [], "floors": {}} | measured)


def locked(folder: Path) -> AbstractContextManager[None]:
    """Let one process at a time work on a cell: one that was cut off may still be saving."""
    return lock(folder.with_name(f".{folder.name}.lock"))


def train(run: Run, config: Config, minutes: float | None) -> str | None:
    """Train to the end of the budget; returns what the training failed of, if it did."""
    try:
        if minutes is None:
            go_on(run, config)
        else:
            train_for(run, config, 60 * minutes)
    except TrainingFailed as error:
        return str(error)
    return None


def go_on(run: Run, config: Config) -> None:
    """Begin the run of `config`, or take it up where it stopped."""
    if run.config_file.is_file():
        api.resume(run.folder, config)
    else:
        api.train(config, out=run.folder)


def train_for(run: Run, config: Config, seconds: float) -> None:
    """Train until `seconds` are used up, in slices: each an exact resume, and as long as the last one's speed allows.

    A slice aims at nine tenths of what is left, and at no more steps than have been done, so that one whose steps get
    slower does not overshoot by much. The last ends within 2 % of the budget.
    """
    end, before = run.config().train.steps if run.config_file.is_file() else FIRST_SLICE, (0, 0.0)
    while True:
        go_on(run, with_train(config, steps=end))
        done = counted(run)
        step, spent = done["step"], done["seconds"]
        if seconds - spent < CLOSE * seconds:
            return
        speed = (step - before[0]) / (spent - before[1])
        end, before = step + max(1, min(step, int(0.9 * speed * (seconds - spent)))), (step, spent)


def measure(run: Run, how: Table, score: Score | None = None) -> Table:
    """The scores of the averaged weights of the last step with all that belongs to them, and the floors beside them."""
    sampler, device = load(run.folder), run.config().train.device
    sampler.generator.to(device)
    found = (score or standard_score())(sampler, **how, device=device)
    scores, told = found.scores, {each.name: each.as_json() for each in found.scores}
    return {
        "scores": {name: table["value"] for name, table in told.items()},
        "details": {name: {key: table[key] for key in MORE} for name, table in told.items()},
        "measured_with": {key: found.facts[key] for key in WITH if key in found.facts},
        "metrics": [{"protocol": each.name, "metric": each.metric, "better": each.better} for each in scores],
        **floors(told.values()),
    }


def standard_score() -> Score:
    """`ganzoo.measure.measure`."""
    from ganzoo.measure import measure

    return measure


def floors(scores: Iterable[Table]) -> Table:
    """The floors of `scores`; those that had to be taken at another number of samples with the score at that number.

    A number that is not finite is None; a floor that is not is none.
    """
    there = [score for score in scores if score["floor"] is not None]
    at_floor = {
        score["name"]: {"n": score["floor_n"], "floor": score["floor"], "value": score["value_at_floor"]}
        for score in there
        if score["floor_n"] != score["n"]
    }
    return {"floors": {s["name"]: s["floor"] for s in there if s["name"] not in at_floor}, "at_floor": at_floor}


if __name__ == "__main__":
    sys.exit(main())
