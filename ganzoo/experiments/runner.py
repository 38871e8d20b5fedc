"""Run a comparison: train and score unfinished cells, update the results, write the report."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.experiments import tuning
from ganzoo.experiments.cell import Cell
from ganzoo.experiments.cell_schema import CellRecord
from ganzoo.experiments.job import Job, Outcome
from ganzoo.experiments.local_pool import LocalPool, ReportFn
from ganzoo.experiments.plan import Plan
from ganzoo.experiments.progress import cell_bars, opening_lines, time_left
from ganzoo.experiments.report.html import write_report, write_table
from ganzoo.experiments.results_schema import Tuning
from ganzoo.experiments.spec import Setting
from ganzoo.training.signals import StopSignal

RunJobs = Callable[[Sequence[Job], ReportFn], None]
"""`LocalPool.run_jobs`, or a replacement."""
Log = Callable[[str], None]
SCORES_PER_LINE = 3
"""Number of scores in a progress line."""
STOPPING = "stopping after the current runs have saved; press Ctrl-C again to stop at once without saving"


def run_comparison(plan: Plan, run_jobs: RunJobs | None = None, say: Log = print) -> Path:
    """Finish the cells of `plan`, and return its folder with `results.json`, `table.md` and `report.html`.

    Finished cells are not repeated. Raises `Interrupted` on Ctrl-C, with everything saved; `TrainingFailed` if a cell ended
    without a result (divergence is a result); `InputError` for invalid input reported by a cell.
    """
    with StopSignal(say, STOPPING, at_once=True):
        return run_cells(plan, run_jobs, say)


def run_cells(plan: Plan, run_jobs: RunJobs | None, say: Log) -> Path:
    """`run_comparison` without signal handling."""
    book, tuning = plan.book, None
    settings, cells, places, quiet = plan.settings, plan.cells, plan.places, plan.request.quiet
    run_jobs = run_jobs or LocalPool(plan.request.jobs).run_jobs
    for line in opening_lines(plan.request, settings):
        say(line)
    plan.request.out.mkdir(parents=True, exist_ok=True)
    if book.old() is None:
        book.write(settings, places)  # fixes the settings for a later command, if this one is stopped while tuning
    if plan.trials:
        trials = [cell for of_one in plan.trials for cell in of_one]
        check_lost_cells(Runner(trials, run_jobs, say, quiet=quiet).finish())
        settings, tuning = choose_tuned_settings(plan)
        cells = plan.cells_of(settings)
    book.write(settings, places, tuning)
    lost = Runner(cells, run_jobs, say, lambda: book.write(settings, places, tuning), quiet).finish()
    results = book.write(settings, places, tuning)
    with book.locked():
        write_table(results, book.folder)
        write_report(results, book.folder)
    check_lost_cells(lost)
    return book.folder


def check_lost_cells(lost: Sequence[str]) -> None:
    """Raise `TrainingFailed` if cells ended without a result; `lost` has a line for each."""
    if lost:
        raise TrainingFailed(f"{len(lost)} cells ended without a result ({lost[0]}); run the same command to try again")


def choose_tuned_settings(plan: Plan) -> tuple[list[Setting], Tuning]:
    """Each setting with its best draw, and the record of the tuning."""
    shared, tried = plan.request.shared, zip(plan.runnable, plan.trials, strict=True)
    found = {s.name: tuning.apply_tuning(s, shared, [cell.record() for cell in cells]) for s, cells in tried}
    settings = [found[s.name][0] if s.name in found else s for s in plan.settings]
    return settings, Tuning(
        draws=plan.request.tune,
        seed=tuning.TUNING_SEED,
        split=tuning.TUNING_SPLIT,
        settings={name: entry for name, (_, entry) in found.items()},
    )


class Runner:
    """Runs a set of cells; reports and saves as each finishes."""

    def __init__(
        self,
        cells: Sequence[Cell],
        run_jobs: RunJobs,
        say: Log,
        ended: Callable[[], object] = lambda: None,
        quiet: bool = False,
    ) -> None:
        self.cells, self.run_jobs, self.log, self.ended, self.quiet = cells, run_jobs, say, ended, quiet
        self.began, self.before = time.monotonic(), self.finished
        self.by_folder = {cell.job().folder: cell for cell in cells}
        self.lost: list[str] = []

    def finish(self) -> list[str]:
        """Run the unfinished cells; returns a line for each cell that ended without a result."""
        waiting = [cell for cell in self.cells if cell.record() is None]
        if len(waiting) < len(self.cells):
            self.log(f"{len(self.cells) - len(waiting)} of {len(self.cells)} cells are already finished")
        try:
            with cell_bars(waiting, self.quiet):
                self.run_jobs([cell.job() for cell in waiting], self.report)
        except KeyboardInterrupt:
            self.ended()
            done = f"{self.finished} of {len(self.cells)} cells finished"
            raise Interrupted(f"stopped with {done}; run the same command to continue") from None
        return self.lost

    @property
    def finished(self) -> int:
        """The number of finished cells."""
        return sum(cell.record() is not None for cell in self.cells)

    def report(self, job: Job, outcome: Outcome) -> None:
        """Record and log the outcome of a cell."""
        cell = self.by_folder[job.folder]
        if outcome.code == 2:
            raise InputError(f"{cell.name}: {outcome.message}")
        record = cell.record()
        if record is None:
            self.lost.append(f"{cell.name}: {outcome.message or f'exit code {outcome.code}'}")
        self.ended()
        total, seconds = len(self.cells), time.monotonic() - self.began
        left = time_left(self.finished - self.before, total - self.before, seconds)
        result = f"{cell.name}: {describe_result(record)}" if record else self.lost[-1]
        self.log(f"[{self.finished}/{total}] {result}{left}")


def describe_result(record: CellRecord) -> str:
    """A finished cell as one line of text, with its first scores."""
    if record.status == "failed":
        return f"failed: {record.finding}"
    first = list(record.scores.items())[:SCORES_PER_LINE]
    scores = [f"{name} {'none' if value is None else f'{value:.4g}'}" for name, value in first]
    return f"{', '.join(scores) or 'no score'}, {record.cost.seconds:.0f} s"
