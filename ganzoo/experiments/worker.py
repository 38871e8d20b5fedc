"""Worker process for one cell: `python -m ganzoo.experiments.worker`, with the job as a line of JSON on stdin.

It saves everything and stops when its stdin closes, so that no worker outlives the command that started it.
"""

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from math import isfinite
from pathlib import Path

from ganzoo import api, terminal
from ganzoo.atomic_io import FORMAT, file_lock, recover_folder, write_json
from ganzoo.config.schema import ResolvedConfig, with_train
from ganzoo.config.tables import Table
from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.evaluation import Evaluation, Score
from ganzoo.evaluation.score import finite_or_none
from ganzoo.experiments.budget import FIRST_SLICE_STEPS
from ganzoo.experiments.cell import CELL_FILE, read_cell_result
from ganzoo.experiments.cell_schema import CellRecord, MeasuredWith, Metric, ScoreAtFloor, ScoreDetail
from ganzoo.experiments.environment import environment
from ganzoo.experiments.job import Job, ScoringOptions
from ganzoo.experiments.run_summary import last_counters, summarize_run
from ganzoo.json_io import as_table
from ganzoo.parts import run_plugins
from ganzoo.sampling import load
from ganzoo.training.run_dir import RunDir

ScoreFn = Callable[..., Evaluation]
"""`ganzoo.evaluator.evaluate`, or a replacement."""

BUDGET_TOLERANCE = 0.02
"""The fraction of a budget in minutes that may remain unused."""


def main(score: ScoreFn | None = None) -> int:
    """Run the job read from stdin. Returns the exit code of `ganzoo train`, but 0 for a diverged cell, which is finished."""
    job = Job.model_validate_json(sys.stdin.readline())
    threading.Thread(target=_stop_with_the_parent, daemon=True).start()
    try:
        run_plugins(job.plugins)
        run_cell(job, score)
    except InputError as error:
        terminal.err(str(error))
        return 2
    except (Interrupted, KeyboardInterrupt):
        return 130
    return 0


def _stop_with_the_parent() -> None:
    # os.read instead of sys.stdin, because the waiting thread would hold sys.stdin's lock at interpreter exit.
    while os.read(0, 1):
        pass
    signal.raise_signal(signal.SIGINT)


def run_cell(job: Job, score: ScoreFn | None = None) -> None:
    """Train a cell to its budget, score it, and write its `cell.json`; does nothing for a finished cell."""
    run = RunDir(job.folder)
    with cell_lock(run.folder):
        recover_folder(run.folder / CELL_FILE)
        if read_cell_result(run.folder) is not None:
            return
        failure = train(run, job.config, job.minutes)
        outcome = as_table(summarize_run(run, failure)) | {"ran": environment(job.jobs)}
        scores = {"metrics": [], "floors": {}} if failure else score_cell(run, job.measure, score)
        record = CellRecord(format=FORMAT, measure=job.measure, **outcome | scores)
        write_json(run.folder / CELL_FILE, as_table(record))


def cell_lock(folder: Path) -> AbstractContextManager[None]:
    """Context in which no other process works on the cell; an interrupted worker may still be saving."""
    return file_lock(folder.with_name(f".{folder.name}.lock"))


def train(run: RunDir, config: ResolvedConfig, minutes: float | None) -> str | None:
    """Train to the end of the budget; returns the reason if training failed, else None."""
    try:
        if minutes is None:
            start_or_resume(run, config)
        else:
            train_for(run, config, 60 * minutes)
    except TrainingFailed as error:
        return str(error)
    return None


def start_or_resume(run: RunDir, config: ResolvedConfig) -> None:
    """Start the run of `config`, or resume it."""
    if run.config_file.is_file():
        api.resume(run.folder, config)
    else:
        api.train(config, out=run.folder)


def train_for(run: RunDir, config: ResolvedConfig, seconds: float) -> None:
    """Train for `seconds`, in slices: each one is an exact resume, with a length from the speed of the previous one.

    A slice aims at nine tenths of the remaining time, and at most doubles the number of steps, so that a slowdown does not
    overshoot the budget by much. The last slice ends within 2 % of the budget.
    """
    end, before = run.config().train.steps if run.config_file.is_file() else FIRST_SLICE_STEPS, (0, 0.0)
    while True:
        start_or_resume(run, with_train(config, steps=end))
        done = last_counters(run)
        step, spent = done.step, done.seconds
        if seconds - spent < BUDGET_TOLERANCE * seconds:
            return
        speed = (step - before[0]) / (spent - before[1])
        end, before = step + max(1, min(step, int(0.9 * speed * (seconds - spent)))), (step, spent)


def score_cell(run: RunDir, how: ScoringOptions, score: ScoreFn | None = None) -> Table:
    """The score fields of a `CellRecord`, for the moving average of G at the last step."""
    sampler, device = load(run.folder), run.config().train.device
    sampler.generator.to(device)
    found = (score or default_score_fn())(sampler, **how.keywords(), device=device)
    return {
        "scores": {each.name: finite_or_none(each.value) for each in found.scores},
        "details": {each.name: score_detail(each) for each in found.scores},
        "measured_with": {key: found.facts[key] for key in MeasuredWith.model_fields if key in found.facts},
        "metrics": [Metric(protocol=each.name, metric=each.metric, better=each.better) for each in found.scores],
        "floors": floors(found.scores),
        "at_floor": scores_at_floor(found.scores),
    }


def default_score_fn() -> ScoreFn:
    """`ganzoo.evaluator.evaluate`."""
    from ganzoo.evaluator import evaluate

    return evaluate


def score_detail(score: Score) -> ScoreDetail:
    """The details of a score other than its value."""
    return ScoreDetail(
        spread=finite_or_none(score.spread), reference_n=score.reference_n, details=finite_or_none(score.details)
    )


def floors(scores: Iterable[Score]) -> dict[str, float]:
    """The finite floors computed at the score's number of samples."""
    return {each.name: floor for each, floor in finite_floors(scores) if each.floor_n == each.n}


def scores_at_floor(scores: Iterable[Score]) -> dict[str, ScoreAtFloor]:
    """The finite floors computed at another number of samples, each with the score at that number."""
    return {
        each.name: ScoreAtFloor(n=each.floor_n, floor=floor, value=finite_or_none(each.value_at_floor))
        for each, floor in finite_floors(scores)
        if each.floor_n != each.n
    }


def finite_floors(scores: Iterable[Score]) -> Iterator[tuple[Score, float]]:
    """The scores with a finite floor, and the floor."""
    return ((each, each.floor) for each in scores if each.floor is not None and isfinite(each.floor))


if __name__ == "__main__":
    sys.exit(main())
