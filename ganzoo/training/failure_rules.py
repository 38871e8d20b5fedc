"""Rules that detect failures in the log, each with its meaning and remedy; diagnosis of a log, and the monitor of a run."""

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ganzoo.losses.base import HARD_TARGETS
from ganzoo.training import checkpoint
from ganzoo.training import failure_signs as signs
from ganzoo.training.failure_signs import Figures
from ganzoo.training.run_dir import RunDir
from ganzoo.training.run_history import RECENT, WINDOW, History, Record
from ganzoo.training.trainer import Trainer

PATIENCE = 25  # records to wait, because early images have no shapes yet


@dataclass(frozen=True)
class Finding:
    """A detected failure, reported at most once between two rollbacks."""

    step: int
    rule: str
    text: str
    figures: Figures
    fatal: bool
    """True if `train.on_failure` applies."""

    def as_record(self) -> dict[str, Any]:
        """The finding as a line of `findings.jsonl`; a non-finite figure is null."""
        return asdict(self) | {"figures": {k: v if math.isfinite(v) else None for k, v in self.figures.items()}}


@dataclass(frozen=True)
class Rule:
    """One kind of failure: its detector, usual meaning and remedy (config keys to change)."""

    name: str
    detect: Callable[[History], Figures | None]
    """Returns the figures that show the failure, or None."""
    meaning: str
    remedy: str
    needs: int = 1
    """Number of records before `detect` is called."""
    at_once: Callable[[History], Figures | None] = lambda history: None
    """Returns the figures that show the failure in a single record, or None."""
    fatal: bool = False

    def finding(self, history: History) -> Finding | None:
        """The finding after the last record of `history`, or None."""
        figures = self.at_once(history) or (self.detect(history) if len(history.window) >= self.needs else None)
        if figures is None:
            return None
        # A lowest loss of -0.0 plus 0.0 is 0.0.
        shown = ", ".join(f"{name} {value + 0.0:.3g}" for name, value in figures.items())
        step = history.last["step"]
        return Finding(step, self.name, f"step {step}: {self.meaning} ({shown}); {self.remedy}", figures, self.fatal)


RULES = {
    rule.name: rule
    for rule in (
        Rule(
            "not-finite",
            signs.not_finite,
            "a number became NaN or infinite",
            "lower train.discriminator.lr and train.generator.lr, or let train.on_failure='rollback' do it",
            fatal=True,
        ),
        Rule(
            "loss-explodes",
            signs.loss_explodes,
            "a loss term exceeds a million",
            "lower train.discriminator.lr and train.generator.lr",
        ),
        Rule(
            "d-has-won",
            signs.d_has_won,
            "D's loss is at its minimum and its outputs are saturated, so G hardly learns",
            "start again with a lower train.discriminator.lr, tricks.instance_noise=true or (no batch norm) tricks.r1=true",
            needs=RECENT,
            fatal=True,
        ),
        Rule(
            "gradient-explodes",
            signs.gradient_explodes,
            "a gradient norm is far above its first value or exceeds a million",
            "lower both learning rates, or limit D's gradient (no batch norm): networks.discriminator.spectral_norm=true or "
            "tricks.r1=true",
            needs=RECENT,
            at_once=signs.gradient_is_huge,
        ),
        Rule(
            "gradient-vanishes",
            signs.gradient_vanishes,
            "a gradient has vanished, so these layers no longer learn",
            "try another loss.name, networks.init or networks.discriminator.norm",
            needs=RECENT,
            at_once=signs.gradient_is_zero,
        ),
        Rule(
            "d-is-fooled",
            signs.d_is_fooled,
            "G's loss falls steadily while D's rises: G fools a D that has stopped learning",
            "raise train.discriminator.lr or train.ratio, lower train.generator.lr",
            needs=PATIENCE,
        ),
        Rule(
            "d-loss-spreads",
            signs.d_loss_spreads,
            "D's loss varies more and more",
            "lower train.discriminator.lr, or without batch norm in D limit its gradient with tricks.r1=true",
            needs=WINDOW,
        ),
        Rule(
            "d-memorises",
            signs.d_memorizes,
            "D memorizes the training images, so its scores say little about new ones and G stops improving",
            "augment what D sees with tricks.augment=true or tricks.ada=true, use more images, or stop here",
            needs=RECENT,
        ),
        Rule(
            "samples-alike",
            signs.samples_alike,
            "all samples look alike: G ignores its latent (mode collapse)",
            "try tricks.packing=true, networks.discriminator.minibatch_features='stddev', or a loss.name with a penalty",
            needs=PATIENCE,
        ),
        Rule(
            "oscillates",
            signs.oscillates,
            "the images of fixed latents move far and come back: G and D oscillate",
            "lower both learning rates, or try tricks.historical_averaging=true, or without batch norm in D tricks.r1=true",
            needs=PATIENCE,
        ),
    )
}


def new_findings(history: History, known: Iterable[str], watched: Iterable[str]) -> list[Finding]:
    """New findings of the `watched` rules after the last record of `history`, except rules in `known`."""
    found = (RULES[name].finding(history) for name in watched if name not in known)
    return [finding for finding in found if finding is not None]


def diagnose(
    records: Iterable[Record], watched: Iterable[str], bounds: tuple[float, float] = HARD_TARGETS
) -> list[Finding]:
    """All findings that the monitor would have reported on these records, for a loss with these `d_loss_bounds`."""
    history, findings = History(bounds=bounds), list[Finding]()
    for record in records:
        history.add(record)
        findings += new_findings(history, {finding.rule for finding in findings}, watched)
    return findings


def rules_without_enough_records(records: int, watched: Iterable[str]) -> dict[str, int]:
    """The `watched` rules that need more than this number of records, each with the number it needs."""
    return {name: RULES[name].needs for name in watched if records < RULES[name].needs}


class Monitor:
    """Checks each log record against the failure rules; a rule fires at most once between two rollbacks."""

    def __init__(self, run: RunDir, trainer: Trainer) -> None:
        self.run, self.trainer = run, trainer
        self.history = History(run.records(), trainer.loss.d_loss_bounds)
        self.known = {found["rule"] for found in run.findings() if found["rollbacks"] == trainer.rollbacks}

    def check(self, record: Record) -> list[Finding]:
        """The new findings after `record`; appends them to the run's `findings.jsonl`."""
        self.history.add(record)
        found = new_findings(self.history, self.known, self.trainer.loss.watch)
        for finding in found:
            self.known.add(finding.rule)
            self.run.append_finding(finding.as_record() | {"rollbacks": self.trainer.rollbacks})
        return found

    def last_good_state(self, finding: Finding) -> Path:
        """The newest training state from before the records that show `finding`, or the oldest one saved."""
        states = checkpoint.saved_states(self.run.states)
        began = self.history.late[0]["step"]
        earlier = [path for path in states if checkpoint.step_of(path) < began]
        return earlier[-1] if earlier else states[0]
