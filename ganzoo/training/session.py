"""Logging, monitoring, sample grids and checkpoints around the steps of one process."""

import time
from typing import Any

from ganzoo.errors import InputError, TrainingFailed
from ganzoo.training import checkpoint
from ganzoo.training.evaluation import TrainingEvaluation
from ganzoo.training.failure_rules import Finding, Monitor
from ganzoo.training.log_record import log_terms
from ganzoo.training.progress import Outlook, Reporter, StepTimeWatch
from ganzoo.training.release import grid_file, is_current, write_release, write_sample_grid
from ganzoo.training.run_dir import RunDir
from ganzoo.training.run_history import Record
from ganzoo.training.state import COUNTERS
from ganzoo.training.state_tensors import first_not_finite
from ganzoo.training.trainer import Trainer


class Session:
    """Logging, monitoring, sample grids and checkpoints for the lifetime of one process."""

    def __init__(
        self, run: RunDir, trainer: Trainer, evaluation: TrainingEvaluation, report: Reporter, seconds: float
    ) -> None:
        self._run, self._identity = run, run.identity()
        self.trainer, self.evaluation, self.report = trainer, evaluation, report
        self.began = time.perf_counter() - seconds
        self.logged = progress_snapshot(trainer)
        train = trainer.config.train
        self.outlook = Outlook(trainer.step, train.steps, train.sample_every, self._run.samples)
        self.step_time = StepTimeWatch(train.threads)
        self.saved = trainer.step or None  # a step other than 0 was restored
        self.monitor = Monitor(run, trainer)
        self.board: Any = open_tensorboard(run) if train.tensorboard else None
        if train.on_failure == "rollback" and not checkpoint.saved_states(run.states):
            self.save_state()  # a state to roll back to

    @property
    def run(self) -> RunDir:
        """The run, for writing; raises `InputError` if its folder is gone, so that no part of it is created again."""
        self.check_folder()
        return self._run

    def check_folder(self) -> None:
        """Raise `InputError` if the run folder was deleted, moved or replaced."""
        if self._run.identity() != self._identity:
            step = self.trainer.step
            raise InputError(
                f"{self._run.folder} was deleted or moved during training; stopped unsaved after step {step}"
            )

    @property
    def seconds(self) -> float:
        """Seconds trained, over all resumes, without those of scores."""
        return time.perf_counter() - self.began

    def after_step(self) -> None:
        """Log, write sample grids and save, each at its interval."""
        train, step = self.trainer.config.train, self.trainer.step
        while self.trainer.graphs.messages:
            self.report.write_line(self.trainer.graphs.messages.pop(0))
        # A state that is not finite is logged and handled before it would be saved.
        bad = first_not_finite(self.trainer) if step % train.save_every == 0 else None
        self.report.update(step, self.log(bad) if bad or self.is_logged(step) else None)
        if line := self.outlook.check(step):
            self.report.write_line(line)
        if self.trainer.step != step:  # rolled back
            return
        if step % train.save_every == 0:
            self.save(known_finite=not bad)  # includes the sample grid
        elif step % train.sample_every == 0 or (step < train.sample_every and step.bit_count() == 1):
            write_sample_grid(self.trainer, self.run.samples)

    def is_logged(self, step: int) -> bool:
        """True if a log record is due, as it always is before a save with a non-finite loss."""
        train = self.trainer.config.train
        fatal = step % train.save_every == 0 and not self.trainer.is_finite()
        return step == 1 or step % train.log_every == 0 or fatal or self.evaluation.due(step)

    def log(self, bad: str | None = None) -> Record:
        """Append a log record and handle what the monitor finds in it; `bad` names a tensor that is not finite."""
        trainer, (then, images, turns) = self.trainer, self.logged
        self.logged = progress_snapshot(trainer)
        with self.step_time.counted():  # synchronizes with the GPU
            terms = log_terms(trainer)
        terms |= {} if bad is None else {bad: None}
        speed = (trainer.images - images) / (self.logged[0] - then)
        counters: Record = {name: getattr(trainer, name) for name in COUNTERS}
        record = counters | {"terms": terms, "seconds": round(self.seconds, 3), "images_per_second": round(speed, 1)}
        record |= {"scores": self.measure()} if self.evaluation.due(trainer.step) else {}
        self.run.append(record)
        self.show_on_board(terms)
        if line := self.step_time.check(self.logged[2] - turns):
            self.report.write_line(line)
        for finding in self.monitor.check(record):
            self.report.write_line(finding.text)
            if finding.fatal:
                self.handle_finding(finding, finite=None not in terms.values())
        return record

    def measure(self) -> dict[str, float]:
        """The scores due at this step; their time does not count as training, in seconds and in images per second."""
        began = time.perf_counter()
        scores = self.evaluation.run(self.trainer.step)
        spent = time.perf_counter() - began
        self.began += spent
        self.logged = (self.logged[0] + spent, *self.logged[1:])
        return scores

    def handle_finding(self, finding: Finding, finite: bool) -> None:
        """Roll back, stop or continue, as set by `train.on_failure`; NaN or infinity never continues."""
        train = self.trainer.config.train
        if train.on_failure == "rollback" and self.trainer.rollbacks < train.rollbacks:
            self.roll_back(finding)
        elif train.on_failure != "warn" or not finite:
            raise TrainingFailed(f"{finding.text}; {self.failure_summary(finite)}")

    def roll_back(self, finding: Finding) -> None:
        """Restore the last good training state, with lower learning rates and other random numbers."""
        trainer, train = self.trainer, self.trainer.config.train
        rollbacks = trainer.rollbacks + 1
        checkpoint.restore_trainer(trainer, self.monitor.last_good_state(finding))
        trainer.reset_after_rollback(rollbacks)
        checkpoint.delete_states_after(self.run.states, trainer.step)
        self.run.truncate_log(trainer.step)
        self.monitor = Monitor(self.run, trainer)
        self.saved, self.logged = trainer.step, progress_snapshot(trainer)
        self.renew_release()
        rate = train.rollback_lr_factor**rollbacks
        self.report.write_line(
            f"rollback {rollbacks} of {train.rollbacks} to step {trainer.step}, both learning rates times {rate:g}"
        )

    def failure_summary(self, finite: bool) -> str:
        """Save if possible, and describe what was kept, for the error message."""
        if finite:
            self.save()
            return f"everything is saved; log: {self.run.metrics}"
        kept = checkpoint.saved_states(self.run.states)
        left = f"last finite state: {kept[-1]}" if kept else "no state had been saved yet"
        return f"first non-finite loss in step {self.trainer.last_finite_step() + 1}; {left}; log: {self.run.metrics}"

    def show_on_board(self, terms: dict[str, float | None]) -> None:
        """Write the terms to TensorBoard, if it is on."""
        shown = {} if self.board is None else terms
        for name, value in shown.items():
            if value is not None:
                self.board.add_scalar(name, value, self.trainer.step)

    def save(self, known_finite: bool = False) -> None:
        """Save this step's training state, release and grid, once; `known_finite` skips the check for NaN."""
        if self.saved == self.trainer.step:
            return
        self.save_state(known_finite)
        write_release(self.trainer, self.run.release, self.seconds)
        write_sample_grid(self.trainer, self.run.samples)
        if self.board is not None:
            self.board.flush()

    def catch_up(self) -> None:
        """Complete a save that a kill interrupted after the training state: release, grid and deletion of old states."""
        if self.saved:
            checkpoint.delete_old_states(self.run.states, self.saved)
            self.renew_release()
            if not grid_file(self.trainer, self.run.samples).exists():
                write_sample_grid(self.trainer, self.run.samples)

    def renew_release(self) -> None:
        """Write the release unless it has the current weights."""
        if not is_current(self.trainer, self.run.release):
            write_release(self.trainer, self.run.release, self.seconds)

    def save_state(self, known_finite: bool = False) -> None:
        """Save the training state."""
        checkpoint.save_state(self.trainer, self.run.states, {"seconds": self.seconds}, known_finite)
        self.saved = self.trainer.step


def progress_snapshot(trainer: Trainer) -> tuple[float, int, int]:
    """Clock time in seconds, images shown to D, and updates of both players so far."""
    return time.perf_counter(), trainer.images, trainer.d_steps + trainer.g_steps


def open_tensorboard(run: RunDir) -> Any:
    """A TensorBoard writer in the run's folder."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(run.folder / "tensorboard")
