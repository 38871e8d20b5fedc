"""Rules that detect training failures in the log, and diagnosis of a log. A detector returns its figures, or None.

The signs of failure are those of ganhacks (Chintala et al. 2016, https://github.com/soumith/ganhacks, tip 10). Losses are
compared with the bounds of the loss, and gradients with their first value in the run, because the scale depends on the loss.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import fmean, median
from typing import Any

from ganzoo.losses.base import HARD_TARGETS

Record = dict[str, Any]
Figures = dict[str, float]

WINDOW = 40  # log records that a rule can see
RECENT = 5  # records that must agree, so that one bad batch triggers nothing
PATIENCE = 25  # records to wait, because early images have no shapes yet
HUGE_VALUE = 1e6  # a loss or a gradient norm that no working loss reaches
EXPLODING_NORM = 50.0  # gradient norm, 1 = its first; recorded healthy runs reach 28
VANISHING_NORM = 1e-5  # gradient norm, 1 = its first; recorded healthy runs fall to 0.012
WON_SHARE = 0.015  # D's loss, 0 = its lowest value, 1 = at chance
LOSS_SWING = 0.35  # change of D's loss from one record to the next, 1 = its first value
MIN_DIVERSITY = 0.25  # diversity of the samples, 1 = that of the reals
MEMORIZED_SHARE = 0.75  # D's training reals above held-out ones, 0.5 = chance; healthy runs reach 0.59
SURE_OF_REALS = 0.9  # r_t, mean of half a window; healthy runs reach 0.84
FAR_DISTANCE = 0.5  # distance that images moved, 1 = distance of two reals


class History:
    """A rule's view of a run: the first value of each reading and the last `WINDOW` records.

    Both come from the log, so a resumed run and `ganzoo doctor` find the same as an uninterrupted run.
    """

    def __init__(self, records: Iterable[Record] = (), bounds: tuple[float, float] = HARD_TARGETS) -> None:
        self.bounds = bounds
        """The loss's `d_loss_bounds`."""
        self.first: dict[str, float] = {}
        """Each reading's first finite value other than 0."""
        self.window: deque[Record] = deque(maxlen=WINDOW)
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Add the next log record."""
        self.first = {name: value for name, value in record["terms"].items() if value} | self.first
        self.window.append(record)

    @property
    def last(self) -> Record:
        return self.window[-1]

    @property
    def late(self) -> list[Record]:
        """The last `RECENT` records."""
        return list(self.window)[-RECENT:]


def term_history(records: Iterable[Record], name: str) -> list[float]:
    """A reading over time; NaN if it was not finite or is missing."""
    values = (record["terms"].get(name) for record in records)
    return [math.nan if value is None else value for value in values]


def loss_history(records: Iterable[Record], player: str) -> list[float]:
    """The objective of player "d" or "g" over time: the loss's standard terms, without penalties and tricks.

    If the loss uses other term names, all of the player's terms count. NaN if a term is not finite or none exists.
    """
    return [_objective(record["terms"], player) for record in records]


def _objective(terms: dict[str, Any], player: str) -> float:
    own = {"d": ("d/real", "d/fake", "d/pair"), "g": ("g/adv", "g/pair")}[player]
    names = [name for name in own if name in terms] or [name for name in terms if name.startswith(f"{player}/")]
    values = [terms[name] for name in names]
    return math.nan if not values or None in values else sum(values)


def not_finite(history: History) -> Figures | None:
    """A term, gradient or reading that is NaN or infinite."""
    bad = [name for name, value in history.last["terms"].items() if value is None]
    return {f"{name} =": math.nan for name in bad[:3]} or None


def loss_explodes(history: History) -> Figures | None:
    """A term of either loss beyond a million."""
    return _huge(history, ("d/", "g/"))


def gradient_is_huge(history: History) -> Figures | None:
    """A gradient norm beyond a million."""
    return _huge(history, ("norm/",))


def _huge(history: History, kinds: tuple[str, ...]) -> Figures | None:
    terms = history.last["terms"].items()
    return {name: value for name, value in terms if name.startswith(kinds) and abs(value or 0) > HUGE_VALUE} or None


def d_has_won(history: History) -> Figures | None:
    """D's loss at its lowest possible value, and every real scored above every fake."""
    late, (lowest, chance) = history.late, history.bounds
    losses, apart = loss_history(late, "d"), term_history(late, "score/apart")
    # The mean, because random targets scatter the loss around its lowest value.
    if not (fmean(losses) - lowest < WON_SHARE * (chance - lowest) and min(apart) > 0.999):
        return None
    return {"D's loss": losses[-1], "lowest possible": lowest, "pairs ranked correctly": apart[-1]}


def gradient_explodes(history: History) -> Figures | None:
    """A gradient norm that stays far above its first value."""
    return _norms(history, lambda values, first: min(values) > EXPLODING_NORM * first)


def gradient_vanishes(history: History) -> Figures | None:
    """A gradient norm that stays far below its first value, or has always been 0."""
    return _norms(history, lambda values, first: max(values) <= VANISHING_NORM * first)


def _norms(history: History, shown: Callable[[list[float], float], bool]) -> Figures | None:
    figures: Figures = {}
    for name in history.last["terms"]:
        if name.startswith("norm/"):
            values, first = term_history(history.late, name), history.first.get(name, 0.0)
            figures |= {name: median(values), f"{name} at first": first} if shown(values, first) else {}
    return figures or None


def gradient_is_zero(history: History) -> Figures | None:
    """A player's whole gradient exactly 0, except for a D with loss 0: a hinge loss can be 0 on every sample."""
    terms = history.last["terms"]
    zero = [name for name in ("norm/d", "norm/g") if terms.get(name) == 0]
    return {name: 0.0 for name in zero if name == "norm/g" or _objective(terms, "d") != 0} or None


def d_is_fooled(history: History) -> Figures | None:
    """G's loss falling steadily while D's rises, until D scores fakes above reals."""
    falls, rises = (kendall_tau(loss_history(history.window, player)) for player in ("g", "d"))
    apart = fmean(term_history(history.late, "score/apart"))
    if not (falls < -0.7 and rises > 0.7 and apart < 0.5):
        return None
    return {"trend of G's loss": falls, "of D's": rises, "pairs ranked correctly": apart}


def kendall_tau(values: Sequence[float]) -> float:
    """Kendall's tau against time: 1 if every later value is larger, -1 if every one is smaller."""
    n = len(values)
    ordered = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    return ordered / (n * (n - 1) / 2) if n > 1 else 0.0


def d_loss_spreads(history: History) -> Figures | None:
    """D's loss varying ten times as much as half a window earlier."""
    values, half = loss_history(history.window, "d"), WINDOW // 2
    before, now = (median_step(part) for part in (values[:half], values[half:]))
    enough = LOSS_SWING * abs(_objective(history.first, "d"))
    return {"its usual step": now, "before": before} if now > max(10 * before, enough) else None


def median_step(values: Sequence[float]) -> float:
    """Median absolute difference of successive values, insensitive to a drift or a single burst."""
    return median(abs(b - a) for a, b in pairwise(values))


def samples_alike(history: History) -> Figures | None:
    """Images of different latents that hardly differ in pixels."""
    pixels, features = (term_history(history.late, f"variety/{seen}") for seen in ("pixels", "features"))
    if not max(pixels) < MIN_DIVERSITY:
        return None
    return {"distance of two samples over that of two reals": pixels[-1], "to D": features[-1]}


def oscillates(history: History) -> Figures | None:
    """Images of fixed latents that move far and return to their earlier state."""
    late = history.late
    # Logs of older versions have no `unrest/away`; use the distance moved in five records.
    away, lately, back = (term_history(late, f"unrest/{name}") for name in ("away", "lately", "back"))
    moved = median(lately if math.isnan(far) else far for far, lately in zip(away, lately, strict=True))
    if not (moved > FAR_DISTANCE and median(back) < 0.5 * moved):
        return None
    return {"moved": moved, "distance to the earlier images": median(back)}


def d_memorizes(history: History) -> Figures | None:
    """D scoring training reals above held-out ones; without held-out reals, r_t high over a window and rising."""
    held_out = term_history(history.late, "score/held_out")
    if not all(map(math.isnan, held_out)):
        shown = {"training reals scored above held-out ones": held_out[-1]}
        return shown if fmean(held_out) > MEMORIZED_SHARE else None
    # r_t alone is weak: a D that tells the fakes easily is as sure of reals that it has never seen.
    values, half = term_history(history.window, "score/r_t"), WINDOW // 2
    before, now = (fmean(part or [math.nan]) for part in (values[:half], values[half:]))
    full = len(values) == WINDOW and now > before > SURE_OF_REALS
    return {"mean r_t": now, "before": before} if full else None


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
            not_finite,
            "a number became NaN or infinite",
            "lower train.discriminator.lr and train.generator.lr, or let train.on_failure='rollback' do it",
            fatal=True,
        ),
        Rule(
            "loss-explodes",
            loss_explodes,
            "a loss term exceeds a million",
            "lower train.discriminator.lr and train.generator.lr",
        ),
        Rule(
            "d-has-won",
            d_has_won,
            "D's loss is at its minimum and its outputs are saturated, so G hardly learns",
            "start again with a lower train.discriminator.lr, tricks.instance_noise=true or (no batch norm) tricks.r1=true",
            needs=RECENT,
            fatal=True,
        ),
        Rule(
            "gradient-explodes",
            gradient_explodes,
            "a gradient norm is far above its first value or exceeds a million",
            "lower both learning rates, or limit D's gradient (no batch norm): networks.discriminator.spectral_norm=true or "
            "tricks.r1=true",
            needs=RECENT,
            at_once=gradient_is_huge,
        ),
        Rule(
            "gradient-vanishes",
            gradient_vanishes,
            "a gradient has vanished, so these layers no longer learn",
            "try another loss.name, networks.init or networks.discriminator.norm",
            needs=RECENT,
            at_once=gradient_is_zero,
        ),
        Rule(
            "d-is-fooled",
            d_is_fooled,
            "G's loss falls steadily while D's rises: G fools a D that has stopped learning",
            "raise train.discriminator.lr or train.ratio, lower train.generator.lr",
            needs=PATIENCE,
        ),
        Rule(
            "d-loss-spreads",
            d_loss_spreads,
            "D's loss varies more and more",
            "lower train.discriminator.lr, or without batch norm in D limit its gradient with tricks.r1=true",
            needs=WINDOW,
        ),
        Rule(
            "d-memorises",
            d_memorizes,
            "D memorizes the training images, so its scores say little about new ones and G stops improving",
            "augment what D sees with tricks.augment=true or tricks.ada=true, use more images, or stop here",
            needs=RECENT,
        ),
        Rule(
            "samples-alike",
            samples_alike,
            "all samples look alike: G ignores its latent (mode collapse)",
            "try tricks.packing=true, networks.discriminator.minibatch_features='stddev', or a loss.name with a penalty",
            needs=PATIENCE,
        ),
        Rule(
            "oscillates",
            oscillates,
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
