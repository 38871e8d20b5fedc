"""The training loop: create or restore a trainer, train to the last step or a signal, choose a precision."""

import time
from collections.abc import Callable, Sequence

import torch
from torch import nn

from ganzoo.builder import build_modules
from ganzoo.config.batch_split import batch_split_incompatibilities
from ganzoo.config.schema import ResolvedConfig, with_train
from ganzoo.cpu_threads import keep_freed_memory
from ganzoo.data import BatchLoader, Dataset
from ganzoo.errors import InputError, Interrupted
from ganzoo.rng import RngScope
from ganzoo.terminal import counted
from ganzoo.torch_state import allow_tf32
from ganzoo.training import checkpoint
from ganzoo.training.cuda_graphs import WARMUP_STEPS
from ganzoo.training.distributed import SINGLE_PROCESS, ProcessGroup
from ganzoo.training.evaluation import TrainingEvaluation
from ganzoo.training.progress import reporter
from ganzoo.training.run_dir import RunDir
from ganzoo.training.schedule import warn_dead_schedule
from ganzoo.training.session import Session
from ganzoo.training.signals import StopSignal
from ganzoo.training.trainer import Trainer

TIMING_ROUNDS = 3
MAX_TIME_RATIO = 0.9
"""Choose bf16 only if it takes at most this fraction of float32's time; a gain under a tenth is noise on most machines."""


def make_trainer(
    config: ResolvedConfig, dataset: Dataset, group: ProcessGroup = SINGLE_PROCESS, kind: type[Trainer] = Trainer
) -> Trainer:
    """A trainer at step 0 for a resolved config; raises `InputError` if the batch cannot be split over `group`.

    It is of `kind`, or of the loss's own if `kind` is `Trainer`.
    """
    torch.set_num_threads(config.train.threads)
    device = torch.device(config.train.device)
    if device.type == "cuda":
        allow_tf32()
    elif device.type == "cpu":
        keep_freed_memory()
    batches = BatchLoader(dataset, seed=config.seed, flip=config.data.flip, device=device)
    game = build_modules(config)
    if reason := next(batch_split_incompatibilities(config, game.tricks, dataset.unlabelled, group.size), None):
        raise InputError(reason)
    if config.train.sync_batch_norm and group.size > 1:
        game.generator, game.discriminator = map(
            nn.SyncBatchNorm.convert_sync_batchnorm, (game.generator, game.discriminator)
        )
    made: Trainer = (kind if kind is not Trainer else game.loss.trainer or Trainer)(game, batches, config, group)
    return made


def restore(run: RunDir, trainer: Trainer) -> tuple[float, str]:
    """Restore the newest intact training state of `run`; returns the seconds trained so far and a note on damaged states.

    Skips damaged states. A run without a saved state starts from step 0. Raises `InputError`, and changes nothing, if
    the saved states cannot be resumed.
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
    return float(facts["seconds"]), f"skipped: {'; '.join(damaged)}" if damaged else ""


def check_can_restart(run: RunDir, damaged: list[str]) -> None:
    """Raise `InputError` if a restart would overwrite trained weights."""
    if damaged or run.release.exists():
        why = "; ".join(damaged) or f"{run.states} is empty"
        raise InputError(f"cannot resume {run.folder}: no usable state ({why}). Nothing was changed; start a new run")


def fit_run(
    run: RunDir,
    trainer: Trainer,
    evaluation: TrainingEvaluation,
    seconds: float = 0.0,
    quiet: bool = False,
    notes: Sequence[str] = (),
) -> None:
    """Train `run` to its last step; raises `Interrupted` or `TrainingFailed` with everything saved.

    Rank 0 calls it; the other ranks call `follow_first_rank`. `notes` are printed at the start, one line each.
    """
    checkpoint.broadcast_state(trainer)
    with (
        reporter(trainer.config.train.steps, trainer.step, quiet) as report,
        StopSignal(report.write_line) as stop,
    ):
        session = Session(run, trainer, evaluation, report, seconds)
        report.write_line(header_line(run, trainer))
        for line in filter(None, (*notes, warn_dead_schedule(trainer.config.train))):
            report.write_line(line)
        try:
            run_steps(session, stop)
        except KeyboardInterrupt:
            raise Interrupted(f"stopped at once without saving; {resume_hint(run)}") from None
        except OSError:
            session.check_folder()  # the folder may have been deleted between the check and the write
            raise
    if trainer.step < (steps := trainer.config.train.steps):
        raise Interrupted(
            f"stopped after step {trainer.step} of {steps}; resume with: ganzoo train --resume {run.folder}"
        )


def run_steps(session: Session, stop: StopSignal) -> None:
    """Train to the last step or to a stop signal, then save."""
    trainer, group = session.trainer, session.trainer.group
    session.catch_up()
    while trainer.step < trainer.config.train.steps and group.all_agree(stop.signal is None):
        with session.step_time.counted():
            trainer.train_step()
        session.after_step()
    session.save()
    group.all_agree(True)  # a process that exits earlier would end the others before everything is saved


def resume_hint(run: RunDir) -> str:
    """The last saved step and the command that resumes from it, for a message."""
    kept = checkpoint.saved_states(run.states)
    where = f"the last saved step is {checkpoint.step_of(kept[-1])}" if kept else "no step had been saved"
    return f"{where}; resume with: ganzoo train --resume {run.folder}"


def follow_first_rank(trainer: Trainer) -> None:
    """Train in step with rank 0, which logs and saves; raises the same errors as `fit_run`."""
    steps, group = trainer.config.train.steps, trainer.group
    checkpoint.broadcast_state(trainer)
    with StopSignal() as stop:
        while trainer.step < steps and group.all_agree(stop.signal is None):
            trainer.train_step()
        group.all_agree(True)
    if trainer.step < steps:
        raise Interrupted(f"rank {group.rank} of {group.size} stopped after step {trainer.step} of {steps} too")


def header_line(run: RunDir, trainer: Trainer) -> str:
    """The run's first output line: variant, data, parameter counts, device, folder."""
    facts, train = trainer.config.dataset, trainer.config.train
    data = ", ".join([f"{facts.count:,} of {' x '.join(map(str, facts.shape))}", *class_summary(trainer.config)])
    where = f"{train.device}, {counted(train.threads, 'thread')}, {train.precision}"
    players = ", ".join(f"{name} {count_parameters(net):,}" for name, net in (("G", trainer.G), ("D", trainer.D)))
    return f"{trainer.config.variant} on {facts.name} ({data}), {players} weights, {where}: {run.folder}"


def class_summary(config: ResolvedConfig) -> list[str]:
    """The number of classes, if the data have labels, and the names of the selected ones."""
    names = config.dataset.class_names
    count = f"{len(names):,} class{'' if len(names) == 1 else 'es'}"
    return [f"{count}: {', '.join(names)}" if config.data.classes else count] if names else []


def count_parameters(network: nn.Module) -> int:
    """The number of parameters of a network."""
    return sum(p.numel() for p in network.parameters())


def resolve_precision(config: ResolvedConfig, dataset: Dataset) -> ResolvedConfig:
    """`config` with a precision of "auto" replaced by the faster one, as measured; other configs are returned unchanged."""
    if config.train.precision != "auto":
        return config
    configs = {name: with_train(config, precision=name) for name in ("float32", "bf16")}
    trainers = {name: make_trainer(each, dataset) for name, each in configs.items()}
    # The first round fills caches; with CUDA graphs, each player's step is captured after its warm-up.
    unmeasured = 1 + WARMUP_STEPS * config.train.cuda_graphs
    rounds = [
        {name: step_seconds(trainer) for name, trainer in trainers.items()} for _ in range(unmeasured + TIMING_ROUNDS)
    ]
    full, low = (min(taken[name] for taken in rounds[unmeasured:]) for name in configs)
    return configs["bf16" if low < MAX_TIME_RATIO * full else "float32"]


def step_seconds(trainer: Trainer) -> float:
    """Seconds for one G step and its D steps, ignoring the critic warm-up."""
    with RngScope(trainer.seed, "precision"):
        return float(trainer.ratio) * seconds(trainer.d_step, trainer) + seconds(trainer.g_step, trainer)


def seconds(step: Callable[[], object], trainer: Trainer) -> float:
    """Seconds for one step of a player, until the device has finished."""
    began = time.perf_counter()
    step()
    trainer.is_finite()  # synchronizes with the device
    return time.perf_counter() - began
