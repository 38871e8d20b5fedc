"""From a config to a finished run: create or resume, step, log, draw, save."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import nn

from ganzoo.builder import build_modules
from ganzoo.config.compatibility import batch_split_incompatibilities
from ganzoo.config.schema import Config
from ganzoo.data import BatchLoader, Dataset
from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.torch_state import allow_tf32
from ganzoo.training import checkpoint
from ganzoo.training.distributed import SINGLE_PROCESS, ProcessGroup
from ganzoo.training.evaluation import TrainingEvaluation
from ganzoo.training.failure_rules import Finding, Record
from ganzoo.training.log_record import log_terms
from ganzoo.training.monitor import Monitor
from ganzoo.training.progress import Reporter, StepTimeWatch, reporter
from ganzoo.training.release import is_current, write_release
from ganzoo.training.run_dir import RunDir
from ganzoo.training.samples import grid_file, write_sample_grid
from ganzoo.training.schedule import warn_dead_schedule
from ganzoo.training.signals import StopSignal
from ganzoo.training.state_tensors import first_not_finite
from ganzoo.training.trainer import COUNTERS, Trainer


def make_trainer(config: Config, dataset: Dataset, group: ProcessGroup = SINGLE_PROCESS) -> Trainer:
    """A trainer at step 0 for a resolved config; raises `InputError` where its batch cannot be split over `group`."""
    torch.set_num_threads(config.train.threads)
    device = torch.device(config.train.device)
    if device.type == "cuda":
        allow_tf32()
    batches = BatchLoader(dataset, seed=config.seed, flip=config.data.flip, device=device)
    game = build_modules(config)
    if reason := next(batch_split_incompatibilities(config, game.tricks, dataset.unlabelled, group.size), None):
        raise InputError(reason)
    if config.train.sync_batch_norm and group.size > 1:
        game.generator, game.discriminator = map(
            nn.SyncBatchNorm.convert_sync_batchnorm, (game.generator, game.discriminator)
        )
    return Trainer(game, batches, config, group)


def restore(run: RunDir, trainer: Trainer) -> tuple[float, str]:
    """Put the newest whole state of `run` into `trainer`; returns the seconds trained so far, and what to say of it.

    A state that is damaged is passed over for the one before it. A run that had saved nothing begins anew; raises
    `InputError`, and changes nothing, where what it saved cannot be gone on from.
    """
    run.recover()
    damaged, facts = [], {"seconds": 0.0}
    for path in reversed(checkpoint.saved_states(run.states)):
        try:
            facts = checkpoint.restore_trainer(trainer, path)
            break
        except checkpoint.OtherConfig:
            raise
        except InputError as error:
            damaged.append(str(error))
    else:
        check_can_restart(run, damaged)
    run.truncate_log(trainer.step)
    run.truncate_findings(trainer.step, trainer.rollbacks)
    return float(facts["seconds"]), f"passed over: {'; '.join(damaged)}" if damaged else ""


def check_can_restart(run: RunDir, damaged: list[str]) -> None:
    """Raise `InputError` where that would overwrite what was trained."""
    if damaged or run.release.exists():
        why = "; ".join(damaged) or f"{run.states} holds none"
        raise InputError(f"{run.folder} has no state to go on from ({why}); nothing was changed, begin a new run")


def fit_run(
    run: RunDir, trainer: Trainer, exam: TrainingEvaluation, seconds: float = 0.0, quiet: bool = False, note: str = ""
) -> None:
    """Train `run` to its last step; raises `Interrupted` or `TrainingFailed` with everything saved.

    Called in the first process; the others `follow_first_rank`. `note` is one more line to say at the start.
    """
    checkpoint.broadcast_state(trainer)
    with (
        reporter(trainer.config.train.steps, trainer.step, quiet) as report,
        StopSignal(report.write_line) as interrupt,
    ):
        session = Session(run, trainer, exam, report, seconds)
        report.write_line(header_line(run, trainer))
        for line in filter(None, (note, warn_dead_schedule(trainer.config.train))):
            report.write_line(line)
        try:
            run_steps(session, interrupt)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped at once without saving; {resume_hint(run)}") from None
        except OSError:
            session.refuse_if_gone()  # it may have gone between the check and the write
            raise
    if trainer.step < (steps := trainer.config.train.steps):
        raise Interrupted(
            f"stopped after step {trainer.step} of {steps}; go on with: ganzoo train --resume {run.folder}"
        )


def run_steps(session: Session, interrupt: StopSignal) -> None:
    """Train to the last step or to a signal, and save."""
    trainer, group = session.trainer, session.trainer.group
    session.catch_up()
    while trainer.step < trainer.config.train.steps and group.all_agree(interrupt.signal is None):
        with session.pace.counted():
            trainer.train_step()
        session.after_step()
    session.save()
    group.all_agree(True)  # so that no process ends, and has the others ended, before all is saved


def resume_hint(run: RunDir) -> str:
    """Return the last saved step and the command that resumes from it, for a message."""
    kept = checkpoint.saved_states(run.states)
    where = f"the last saved step is {checkpoint.step_of(kept[-1])}" if kept else "no step had been saved"
    return f"{where}; go on with: ganzoo train --resume {run.folder}"


def follow_first_rank(trainer: Trainer) -> None:
    """Train as the first process does, which logs and saves for all; raises what `fit_run` does."""
    steps, group = trainer.config.train.steps, trainer.group
    checkpoint.broadcast_state(trainer)
    with StopSignal() as interrupt:
        while trainer.step < steps and group.all_agree(interrupt.signal is None):
            trainer.train_step()
        group.all_agree(True)
    if trainer.step < steps:
        raise Interrupted(f"rank {group.rank} of {group.size} stopped after step {trainer.step} of {steps} too")


class Session:
    """What happens around the steps of one sitting: log, watch, grids, states."""

    def __init__(
        self, run: RunDir, trainer: Trainer, exam: TrainingEvaluation, report: Reporter, seconds: float
    ) -> None:
        self._run, self._identity = run, run.identity()
        self.trainer, self.exam, self.report = trainer, exam, report
        self.began = time.perf_counter() - seconds
        self.logged = progress_snapshot(trainer)
        self.pace = StepTimeWatch(trainer.config.train.threads)
        self.saved = trainer.step or None  # what is not at step 0 was restored from a state
        self.monitor = Monitor(run, trainer)
        self.board: Any = open_tensorboard(run) if trainer.config.train.tensorboard else None
        if trainer.config.train.on_failure == "rollback" and not checkpoint.saved_states(run.states):
            self.save_state()  # so that there is something to go back to

    @property
    def run(self) -> RunDir:
        """The run, for writing to it; raises `InputError` if its folder is gone, so that no part of it is created again."""
        self.refuse_if_gone()
        return self._run

    def refuse_if_gone(self) -> None:
        """Raise `InputError` if the folder of the run was deleted, moved or replaced."""
        if self._run.identity() != self._identity:
            step = self.trainer.step
            raise InputError(
                f"{self._run.folder} was deleted or moved during training; stopped unsaved after step {step}"
            )

    @property
    def seconds(self) -> float:
        """Seconds trained, over all sittings."""
        return time.perf_counter() - self.began

    def after_step(self) -> None:
        """Log, draw and save where it is time to."""
        train, step = self.trainer.config.train, self.trainer.step
        while self.trainer.graphs.messages:
            self.report.write_line(self.trainer.graphs.messages.pop(0))
        # What would have to be saved without being finite is logged first, and acted on.
        bad = first_not_finite(self.trainer) if step % train.save_every == 0 else None
        self.report.update(step, self.log(bad) if bad or self.is_logged(step) else None)
        if self.trainer.step != step:  # rolled back
            return
        if step % train.save_every == 0:
            self.save(known_finite=not bad)  # which draws too
        elif step % train.sample_every == 0 or (step < train.sample_every and step.bit_count() == 1):
            write_sample_grid(self.trainer, self.run.samples)

    def is_logged(self, step: int) -> bool:
        """Whether a record is due; one that would have to be saved without being finite is."""
        train = self.trainer.config.train
        fatal = step % train.save_every == 0 and not self.trainer.is_finite()
        return step == 1 or step % train.log_every == 0 or fatal or self.exam.due(step)

    def log(self, bad: str | None = None) -> Record:
        """Write one record of the log, and say and do what it calls for; `bad` is what of the state is not finite."""
        trainer, (then, images, turns) = self.trainer, self.logged
        self.logged = progress_snapshot(trainer)
        with self.pace.counted():  # for a device that works on by itself is waited for here
            terms = log_terms(trainer)
        terms |= {} if bad is None else {bad: None}
        speed = (trainer.images - images) / (self.logged[0] - then)
        counters: Record = {name: getattr(trainer, name) for name in COUNTERS}
        record = counters | {"terms": terms, "seconds": round(self.seconds, 3), "images_per_second": round(speed, 1)}
        record |= {"scores": self.exam.run(trainer.step)} if self.exam.due(trainer.step) else {}
        self.run.append(record)
        self.show_on_board(terms)
        if line := self.pace.check(self.logged[2] - turns):
            self.report.write_line(line)
        for finding in self.monitor.check(record):
            self.report.write_line(finding.text)
            if finding.fatal:
                self.handle_finding(finding, finite=None not in terms.values())
        return record

    def handle_finding(self, finding: Finding, finite: bool) -> None:
        """Go back, stop or go on, as `train.on_failure` says; what is not finite never goes on."""
        train = self.trainer.config.train
        if train.on_failure == "rollback" and self.trainer.rollbacks < train.rollbacks:
            self.roll_back(finding)
        elif train.on_failure != "warn" or not finite:
            raise TrainingFailed(f"{finding.text}; {self.failure_summary(finite)}")

    def roll_back(self, finding: Finding) -> None:
        """Return to the last good state, with lower rates and another random stream."""
        trainer, train = self.trainer, self.trainer.config.train
        rollbacks = trainer.rollbacks + 1
        checkpoint.restore_trainer(trainer, self.monitor.last_good_state(finding))
        trainer.reset_after_rollback(rollbacks)
        checkpoint.delete_states_after(self.run.states, trainer.step)
        self.run.truncate_log(trainer.step)
        self.monitor = Monitor(self.run, trainer)
        self.saved, self.logged = trainer.step, progress_snapshot(trainer)
        self.renew_release()
        rate = train.rollback_rate**rollbacks
        self.report.write_line(
            f"rollback {rollbacks} of {train.rollbacks}: on from step {trainer.step}, both rates times {rate:g}"
        )

    def failure_summary(self, finite: bool) -> str:
        """Save what can be saved; what is left and where it is."""
        if finite:
            self.save()
            return f"all is saved; the log is {self.run.metrics}"
        kept = checkpoint.saved_states(self.run.states)
        left = f"the last finite state is {kept[-1]}" if kept else "no state had been saved yet"
        return f"it began in step {self.trainer.last_finite_step() + 1}; {left}; the log is {self.run.metrics}"

    def show_on_board(self, terms: dict[str, float | None]) -> None:
        """The same figures for TensorBoard, where it is on."""
        shown = {} if self.board is None else terms
        for name, value in shown.items():
            if value is not None:
                self.board.add_scalar(name, value, self.trainer.step)

    def save(self, known_finite: bool = False) -> None:
        """Save state, release and grid of this step, once; `known_finite` if the state has just been checked for NaN."""
        if self.saved == self.trainer.step:
            return
        self.save_state(known_finite)
        write_release(self.trainer, self.run.release, self.seconds)
        write_sample_grid(self.trainer, self.run.samples)
        if self.board is not None:
            self.board.flush()

    def catch_up(self) -> None:
        """Write the release and the grid, and delete the state, that a kill kept from following the state restored."""
        if self.saved:
            checkpoint.delete_old_states(self.run.states, self.saved)
            self.renew_release()
            if not grid_file(self.trainer, self.run.samples).exists():
                write_sample_grid(self.trainer, self.run.samples)

    def renew_release(self) -> None:
        """Write the release unless the one that is there holds the present weights."""
        if not is_current(self.trainer, self.run.release):
            write_release(self.trainer, self.run.release, self.seconds)

    def save_state(self, known_finite: bool = False) -> None:
        """Save all that a resume needs."""
        checkpoint.save_state(self.trainer, self.run.states, {"seconds": self.seconds}, known_finite)
        self.saved = self.trainer.step


def progress_snapshot(trainer: Trainer) -> tuple[float, int, int]:
    """The time, and what has been done by now: images shown to D, steps of either player."""
    return time.perf_counter(), trainer.images, trainer.d_steps + trainer.g_steps


def header_line(run: RunDir, trainer: Trainer) -> str:
    """What trains on what, and where it is kept."""
    facts, train = trainer.config.dataset, trainer.config.train
    assert facts is not None, "a trainer's config is resolved"
    data = ", ".join([f"{facts.count:,} of {' x '.join(map(str, facts.shape))}", *class_summary(trainer.config)])
    where = f"{train.device}, {train.threads} threads, {train.precision}"
    players = ", ".join(f"{name} {count_parameters(net):,}" for name, net in (("G", trainer.G), ("D", trainer.D)))
    return f"{trainer.config.variant} on {facts.name} ({data}), {players} weights, {where}: {run.folder}"


def class_summary(config: Config) -> list[str]:
    """The number of classes, where the data have labels, and the names of those that were chosen."""
    names = config.dataset.class_names if config.dataset else ()
    count = f"{len(names):,} class{'' if len(names) == 1 else 'es'}"
    return [f"{count}: {', '.join(names)}" if config.data.classes else count] if names else []


def count_parameters(network: nn.Module) -> int:
    """How many weights a network has."""
    return sum(p.numel() for p in network.parameters())


def open_tensorboard(run: RunDir) -> Any:
    """TensorBoard's writer, below the run."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(run.folder / "tensorboard")
