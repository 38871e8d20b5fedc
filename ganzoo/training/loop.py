"""From a config to a finished run: create or resume, step, log, draw, save."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from torch import nn

from ganzoo.build import make_game
from ganzoo.config import Config
from ganzoo.data import Batches, Dataset
from ganzoo.errors import InputError, Interrupted, TrainingFailed
from ganzoo.training import checkpoint
from ganzoo.training.interrupt import Interrupt
from ganzoo.training.progress import Reporter, reporter
from ganzoo.training.release import write_release
from ganzoo.training.run import Run
from ganzoo.training.samples import draw_grid
from ganzoo.training.trainer import COUNTERS, Trainer


def make_trainer(config: Config, dataset: Dataset) -> Trainer:
    """A trainer at step 0 for a resolved config."""
    torch.set_num_threads(config.train.threads)
    device = torch.device(config.train.device)
    batches = Batches(dataset, seed=config.seed, flip=config.data.flip, device=device)
    return Trainer(make_game(config), batches, config)


def restore(run: Run, trainer: Trainer) -> float:
    """Put the newest whole state of `run` into `trainer`; returns the seconds trained so far.

    A state that is damaged is passed over for the one before it; without any, the run begins anew.
    """
    for path in reversed(checkpoint.states(run.states)):
        try:
            facts = checkpoint.restore(trainer, path)
        except InputError:
            continue
        run.cut_back(trainer.step)
        return float(facts["seconds"])
    run.cut_back(0)
    return 0.0


def fit(run: Run, trainer: Trainer, seconds: float = 0.0, quiet: bool = False) -> None:
    """Train `run` to its last step; raises `Interrupted` or `TrainingFailed` with everything saved."""
    steps = trainer.config.train.steps
    with reporter(steps, trainer.step, quiet) as report, Interrupt() as interrupt:
        session = Session(run, trainer, report, seconds)
        report.say(headline(run, trainer))
        while trainer.step < steps and interrupt.signal is None:
            trainer.train_step()
            session.after_step()
        session.save()
    if interrupt.signal is not None and trainer.step < steps:
        raise Interrupted(
            f"stopped after step {trainer.step} of {steps}; go on with: ganzoo train --resume {run.folder}"
        )


class Session:
    """What happens around the steps of one sitting: log, grids, states."""

    def __init__(self, run: Run, trainer: Trainer, report: Reporter, seconds: float) -> None:
        self.run, self.trainer, self.report = run, trainer, report
        self.began = time.perf_counter() - seconds
        self.logged = (time.perf_counter(), trainer.images)
        self.saved: int | None = None
        self.board: Any = open_board(run) if trainer.config.train.tensorboard else None

    @property
    def seconds(self) -> float:
        """Seconds trained, over all sittings."""
        return time.perf_counter() - self.began

    def after_step(self) -> None:
        """Log, draw and save where it is time to."""
        train, step = self.trainer.config.train, self.trainer.step
        record = self.log() if step == 1 or step % train.log_every == 0 else None
        self.report.update(step, record)
        if step % train.save_every == 0:
            self.save()  # which draws too
        elif step % train.sample_every == 0 or (step < train.sample_every and step.bit_count() == 1):
            draw_grid(self.trainer, self.run.samples)

    def log(self) -> dict[str, Any]:
        """Write one record of the log."""
        self.refuse_nan()
        trainer, (then, images) = self.trainer, self.logged
        self.logged = (time.perf_counter(), trainer.images)
        terms, speed = readings(trainer), (trainer.images - images) / (self.logged[0] - then)
        counters: dict[str, Any] = {name: getattr(trainer, name) for name in COUNTERS}
        record = counters | {"terms": terms, "seconds": round(self.seconds, 3), "images_per_second": round(speed, 1)}
        self.run.append(record)
        self.show_on_board(terms)
        return record

    def show_on_board(self, terms: dict[str, float | None]) -> None:
        """The same figures for TensorBoard, where it is on."""
        shown = {} if self.board is None else terms
        for name, value in shown.items():
            if value is not None:
                self.board.add_scalar(name, value, self.trainer.step)

    def save(self) -> None:
        """Save state, release and grid of this step, once."""
        if self.saved == self.trainer.step:
            return
        self.refuse_nan()
        checkpoint.save_state(self.trainer, self.run.states, {"seconds": self.seconds})
        write_release(self.trainer, self.run.release, self.seconds)
        draw_grid(self.trainer, self.run.samples)
        if self.board is not None:
            self.board.flush()
        self.saved = self.trainer.step

    def refuse_nan(self) -> None:
        """Raise `TrainingFailed` where a loss has not been finite."""
        if not checkpoint.is_finite(self.trainer):
            raise TrainingFailed(self.obituary())

    def obituary(self) -> str:
        """What went wrong, what is left, what to do."""
        step = int(self.trainer.first_bad) + 1
        kept = checkpoint.states(self.run.states)
        left = f"the last finite state is {kept[-1]}" if kept else "no state had been saved yet"
        return (
            f"the loss became NaN or infinite in step {step}; {left}; the log is {self.run.metrics}; "
            "a lower train.discriminator.lr and train.generator.lr is the usual remedy"
        )


def headline(run: Run, trainer: Trainer) -> str:
    """What trains on what, and where it is kept."""
    facts, train = trainer.config.dataset, trainer.config.train
    assert facts is not None, "a trainer's config is resolved"
    size, where = " x ".join(map(str, facts.shape)), f"{train.device}, {train.threads} threads"
    players = ", ".join(f"{name} {count_parameters(net):,}" for name, net in (("G", trainer.G), ("D", trainer.D)))
    return f"{trainer.config.variant} on {facts.name} ({facts.count:,} of {size}), {players} weights, {where}: {run.folder}"


def count_parameters(network: nn.Module) -> int:
    """How many weights a network has."""
    return sum(p.numel() for p in network.parameters())


def readings(trainer: Trainer) -> dict[str, float | None]:
    """Every named term, the loss's own figures and both gradient norms; None where a number is not finite."""
    named = {f"d/{name}": value for name, value in trainer.d_terms.items()}
    named |= {f"g/{name}": value for name, value in trainer.g_terms.items()}
    named |= {f"loss/{name}": value for name, value in trainer.loss.readings().items()}
    named |= {"norm/d": gradient_norm(trainer.D), "norm/g": gradient_norm(trainer.G)}
    values = torch.stack([value.detach().float().reshape(()) for value in named.values()]).tolist()
    return {name: value if math.isfinite(value) else None for name, value in zip(named, values, strict=True)}


def gradient_norm(network: nn.Module) -> torch.Tensor:
    """Euclidean norm of the gradient that the last step of `network` went down."""
    gradients = [p.grad for p in network.parameters() if p.grad is not None]
    return torch.stack(torch._foreach_norm(gradients)).norm() if gradients else torch.zeros(())


def open_board(run: Run) -> Any:
    """TensorBoard's writer, below the run."""
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(run.folder / "tensorboard")
