"""What can be told of a training from its log, what it means and what to change; a finished run can be read as well."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

from ganzoo.losses.base import HARD_TARGETS
from ganzoo.training import signs
from ganzoo.training.signs import LAST, PATIENCE, WINDOW, Figures, History, Record


@dataclass(frozen=True)
class Finding:
    """What was seen, once a run."""

    step: int
    rule: str
    text: str
    figures: Figures
    fatal: bool
    """Whether `train.on_failure` acts on it."""

    def as_record(self) -> dict[str, Any]:
        """A line of `findings.jsonl`; a figure that is not finite is null."""
        return asdict(self) | {"figures": {k: v if math.isfinite(v) else None for k, v in self.figures.items()}}


@dataclass(frozen=True)
class Rule:
    """One kind of failure: how it shows, what it usually means, what to change (keys of the config)."""

    name: str
    sign: Callable[[History], Figures | None]
    """The figures that show it, or None."""
    means: str
    remedy: str
    needs: int = 1
    """Records before `sign` is asked."""
    at_once: Callable[[History], Figures | None] = lambda history: None
    """The figures that show it in a single record, or None."""
    fatal: bool = False

    def finding(self, history: History) -> Finding | None:
        """What there is to say after the last record of `history`."""
        figures = self.at_once(history) or (self.sign(history) if len(history.window) >= self.needs else None)
        if figures is None:
            return None
        shown = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
        step = history.last["step"]
        return Finding(step, self.name, f"step {step}: {self.means} ({shown}); {self.remedy}", figures, self.fatal)


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
            "a loss is beyond a million",
            "lower train.discriminator.lr and train.generator.lr",
        ),
        Rule(
            "d-has-won",
            signs.d_has_won,
            "D's loss is at its lowest and its outputs are saturated, so G hardly learns",
            "begin again with a lower train.discriminator.lr, tricks.instance_noise=true or (no batch norm) tricks.r1=true",
            needs=LAST,
            fatal=True,
        ),
        Rule(
            "gradient-explodes",
            signs.gradient_explodes,
            "a gradient norm is far above its first value or beyond a million",
            "lower the rates, or without batch norm hold D's slope: networks.discriminator.spectral=true or tricks.r1=true",
            needs=LAST,
            at_once=signs.gradient_is_huge,
        ),
        Rule(
            "gradient-vanishes",
            signs.gradient_vanishes,
            "a gradient has vanished, so these layers no longer learn",
            "try another loss.name, networks.init or networks.discriminator.norm",
            needs=LAST,
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
            "D's loss varies ever more",
            "lower train.discriminator.lr, or without batch norm in D hold its slope with tricks.r1=true",
            needs=WINDOW,
        ),
        Rule(
            "samples-alike",
            signs.samples_alike,
            "all samples look alike: G ignores its latent (mode collapse)",
            "try tricks.packing=true, networks.discriminator.minibatch='stddev', or a loss.name with a penalty",
            needs=PATIENCE,
        ),
        Rule(
            "oscillates",
            signs.oscillates,
            "the images of fixed latents move far and come back: the players chase each other",
            "lower both rates, or try tricks.historical_averaging=true, or without batch norm in D tricks.r1=true",
            needs=PATIENCE,
        ),
    )
}


def look(history: History, known: Iterable[str], watched: Iterable[str]) -> list[Finding]:
    """What the `watched` rules find after the last record of `history`, but for those `known` already."""
    found = (RULES[name].finding(history) for name in watched if name not in known)
    return [finding for finding in found if finding is not None]


def diagnose(
    records: Iterable[Record], watched: Iterable[str], bounds: tuple[float, float] = HARD_TARGETS
) -> list[Finding]:
    """All that would have been said while these records were written, for a loss of these `d_loss_bounds`."""
    history, findings = History(bounds=bounds), list[Finding]()
    for record in records:
        history.add(record)
        findings += look(history, {finding.rule for finding in findings}, watched)
    return findings


def waiting(records: int, watched: Iterable[str]) -> dict[str, int]:
    """The `watched` rules for which this is too few records, and how many each needs."""
    return {name: RULES[name].needs for name in watched if records < RULES[name].needs}
