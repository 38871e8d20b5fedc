"""What can be told of a training from its log, what it means and what to change; a finished run can be read as well."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ganzoo.training import signs
from ganzoo.training.signs import WINDOW, Figures, Record


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
    sign: Callable[[Sequence[Record]], Figures | None]
    """The figures that show it in the last records, or None."""
    means: str
    remedy: str
    fatal: bool = False

    def finding(self, records: Sequence[Record]) -> Finding | None:
        """What there is to say after the last of `records`."""
        figures = self.sign(records)
        if figures is None:
            return None
        shown = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
        step = records[-1]["step"]
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
            "d-has-won",
            signs.d_has_won,
            "D's loss is near 0 and its outputs are saturated, so G hardly learns",
            "begin again with a lower train.discriminator.lr, tricks.instance_noise=true or (no batch norm) tricks.r1=true",
            fatal=True,
        ),
        Rule(
            "gradient-explodes",
            signs.gradient_explodes,
            "a gradient norm stays above 100",
            "lower the rates, or without batch norm hold D's slope: networks.discriminator.spectral=true or tricks.r1=true",
        ),
        Rule(
            "gradient-vanishes",
            signs.gradient_vanishes,
            "a gradient has vanished, so these layers no longer learn",
            "try another loss.name, networks.init or networks.discriminator.norm",
        ),
        Rule(
            "d-is-fooled",
            signs.d_is_fooled,
            "G's loss falls steadily while D's rises: G fools a D that has stopped learning",
            "raise train.discriminator.lr or train.ratio, lower train.generator.lr",
        ),
        Rule(
            "d-loss-spreads",
            signs.d_loss_spreads,
            "D's loss varies ever more",
            "lower train.discriminator.lr, or without batch norm in D hold its slope with tricks.r1=true",
        ),
        Rule(
            "samples-alike",
            signs.samples_alike,
            "all samples look alike: G ignores its latent (mode collapse)",
            "try tricks.packing=true, networks.discriminator.minibatch='stddev', or a loss.name with a penalty",
        ),
        Rule(
            "oscillates",
            signs.oscillates,
            "the images of fixed latents move far and come back: the players chase each other",
            "lower both rates, or try tricks.historical_averaging=true, or without batch norm in D tricks.r1=true",
        ),
    )
}


def look(records: Sequence[Record], known: Iterable[str], watched: Iterable[str]) -> list[Finding]:
    """What the `watched` rules find after the last of `records`, but for those `known` already."""
    window = records[-WINDOW:]
    found = (RULES[name].finding(window) for name in watched if name not in known)
    return [finding for finding in found if finding is not None]


def diagnose(records: Sequence[Record], watched: Iterable[str]) -> list[Finding]:
    """All that would have been said while these records were written."""
    findings: list[Finding] = []
    for end in range(1, len(records) + 1):
        findings += look(records[:end], {finding.rule for finding in findings}, watched)
    return findings
