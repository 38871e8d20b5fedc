"""One cell in a process of its own: `python -m ganzoo.experiments.worker`, with the job as a line of JSON on stdin.

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
from ganzoo.atomic_io import FORMAT, file_lock, recover_folder, write_json
from ganzoo.config.schema import ResolvedConfig, Table, parse, with_train
from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.experiments.cell import CELL_FILE, read_cell_result
from ganzoo.experiments.environment import environment
from ganzoo.experiments.run_summary import last_counters, summarize_run
from ganzoo.experiments.spec import FIRST_SLICE_STEPS
from ganzoo.plugins import run_plugins
from ganzoo.sampling import load
from ganzoo.training.run_dir import RunDir

ScoreFn = Callable[..., Any]
"""`ganzoo.evaluator.evaluate`, or what takes its place."""

SCORE_DETAILS, KEPT_FACTS = ("spread", "reference_n", "details"), ("extractor", "data", "samples")
"""What is kept of each score beside its value, and of what all were measured with."""

BUDGET_TOLERANCE = 0.02
"""The share of a budget of minutes that may be left over."""


def main(score: ScoreFn | None = None) -> int:
    """Work on the job on stdin; the exit code is that of `ganzoo train`, but for a diverged cell, which is finished: 0."""
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    try:
        run_plugins(job["plugins"])
        run_cell(job, score)
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


def run_cell(job: Table, score: ScoreFn | None = None) -> None:
    """Train a cell to its budget, measure it, and write its `cell.json`; a cell that has one is left alone."""
    run, config = RunDir(Path(job["folder"])), parse(ResolvedConfig, job["config"])
    with cell_lock(run.folder):
        recover_folder(run.folder / CELL_FILE)
        if read_cell_result(run.folder) is not None:
            return
        failure = train(run, config, job["minutes"])
        record = {"format": FORMAT, "measure": job["measure"], "ran": environment(job["jobs"])} | summarize_run(
            run, failure
        )
        measured = {} if failure else score_cell(run, job["measure"], score)
        write_json(run.folder / CELL_FILE, record | {"scores": {}, "metrics": [], "floors": {}} | measured)


def cell_lock(folder: Path) -> AbstractContextManager[None]:
    """Let one process at a time work on a cell: one that was cut off may still be saving."""
    return file_lock(folder.with_name(f".{folder.name}.lock"))


def train(run: RunDir, config: ResolvedConfig, minutes: float | None) -> str | None:
    """Train to the end of the budget; returns what the training failed of, if it did."""
    try:
        if minutes is None:
            start_or_resume(run, config)
        else:
            train_for(run, config, 60 * minutes)
    except TrainingFailed as error:
        return str(error)
    return None


def start_or_resume(run: RunDir, config: ResolvedConfig) -> None:
    """Begin the run of `config`, or take it up where it stopped."""
    if run.config_file.is_file():
        api.resume(run.folder, config)
    else:
        api.train(config, out=run.folder)


def train_for(run: RunDir, config: ResolvedConfig, seconds: float) -> None:
    """Train until `seconds` are used up, in slices: each an exact resume, and as long as the last one's speed allows.

    A slice aims at nine tenths of what is left, and at no more steps than have been done, so that one whose steps get
    slower does not overshoot by much. The last ends within 2 % of the budget.
    """
    end, before = run.config().train.steps if run.config_file.is_file() else FIRST_SLICE_STEPS, (0, 0.0)
    while True:
        start_or_resume(run, with_train(config, steps=end))
        done = last_counters(run)
        step, spent = done["step"], done["seconds"]
        if seconds - spent < BUDGET_TOLERANCE * seconds:
            return
        speed = (step - before[0]) / (spent - before[1])
        end, before = step + max(1, min(step, int(0.9 * speed * (seconds - spent)))), (step, spent)


def score_cell(run: RunDir, how: Table, score: ScoreFn | None = None) -> Table:
    """The scores of the averaged weights of the last step with all that belongs to them, and the floors beside them."""
    sampler, device = load(run.folder), run.config().train.device
    sampler.generator.to(device)
    found = (score or default_score_fn())(sampler, **how, device=device)
    scores, told = found.scores, {each.name: each.as_json() for each in found.scores}
    return {
        "scores": {name: table["value"] for name, table in told.items()},
        "details": {name: {key: table[key] for key in SCORE_DETAILS} for name, table in told.items()},
        "measured_with": {key: found.facts[key] for key in KEPT_FACTS if key in found.facts},
        "metrics": [{"protocol": each.name, "metric": each.metric, "better": each.better} for each in scores],
        **floor_tables(told.values()),
    }


def default_score_fn() -> ScoreFn:
    """`ganzoo.evaluator.evaluate`."""
    from ganzoo.evaluator import evaluate

    return evaluate


def floor_tables(scores: Iterable[Table]) -> Table:
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
