"""How a failing training shows in its log: functions of a run's history, which give the figures that show it, or None.

The signs are those of the field's collected advice (Chintala et al. 2016, https://github.com/soumith/ganhacks, tip 10).
Losses and gradients are judged against the loss's own bounds and the run's own first values: their scale is the loss's.
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

WINDOW = 40  # records that a rule looks at
RECENT = 5  # records that must all agree, so that one bad batch is no finding
PATIENCE = 25  # records before the early, shapeless images count
HUGE_VALUE = 1e6  # a loss or a gradient norm that no working loss reaches
EXPLODING_NORM = 50.0  # gradient norm, 1 = its first; healthy runs that were recorded reach 28
VANISHING_NORM = 1e-5  # gradient norm, 1 = its first; healthy runs that were recorded fall to 0.012
WON_SHARE = 0.015  # D's loss, 0 = its lowest value, 1 = at chance
LOSS_SWING = 0.35  # change of D's loss from one record to the next, 1 = its first value
MIN_DIVERSITY = 0.25  # variety of the samples, 1 = as the reals
FAR_DISTANCE = 0.5  # distance that images moved, 1 = that of two reals


class History:
    """All that a rule sees of a run: the first value of each reading and the last `WINDOW` records.

    Both are read from the log, so a resumed run and `ganzoo doctor` find what an unbroken run finds.
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
        """Take in the next record of the log."""
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
    """A reading over time; NaN where it was not finite or not taken."""
    values = (record["terms"].get(name) for record in records)
    return [math.nan if value is None else value for value in values]


def loss_history(records: Iterable[Record], player: str) -> list[float]:
    """The objective of "d" or "g" over time: what its loss names, without the penalties and tricks beside it.

    A loss that names its terms otherwise has all of the player's; NaN where one was not finite, or there is none.
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
    """D's loss at its lowest possible value, and every real above its fake."""
    late, (lowest, chance) = history.late, history.bounds
    losses, apart = loss_history(late, "d"), term_history(late, "score/apart")
    # The mean, for targets that are drawn scatter the loss about its lowest value.
    if not (fmean(losses) - lowest < WON_SHARE * (chance - lowest) and min(apart) > 0.999):
        return None
    return {"D's loss": losses[-1], "lowest possible": lowest, "pairs told apart": apart[-1]}


def gradient_explodes(history: History) -> Figures | None:
    """A gradient norm that stays far above its first value."""
    return _norms(history, lambda values, first: min(values) > EXPLODING_NORM * first)


def gradient_vanishes(history: History) -> Figures | None:
    """A gradient norm that stays far below its first value, or was never anything but 0."""
    return _norms(history, lambda values, first: max(values) <= VANISHING_NORM * first)


def _norms(history: History, shown: Callable[[list[float], float], bool]) -> Figures | None:
    figures: Figures = {}
    for name in history.last["terms"]:
        if name.startswith("norm/"):
            values, first = term_history(history.late, name), history.first.get(name, 0.0)
            figures |= {name: median(values), f"{name} at first": first} if shown(values, first) else {}
    return figures or None


def gradient_is_zero(history: History) -> Figures | None:
    """A player's whole gradient that is exactly 0, but for a D that has nothing to improve: hinges may all be closed."""
    terms = history.last["terms"]
    zero = [name for name in ("norm/d", "norm/g") if terms.get(name) == 0]
    return {name: 0.0 for name in zero if name == "norm/g" or _objective(terms, "d") != 0} or None


def d_is_fooled(history: History) -> Figures | None:
    """G's loss falling steadily while D's rises, until D takes fakes for more real than reals."""
    falls, rises = (kendall_tau(loss_history(history.window, player)) for player in ("g", "d"))
    apart = fmean(term_history(history.late, "score/apart"))
    if not (falls < -0.7 and rises > 0.7 and apart < 0.5):
        return None
    return {"trend of G's loss": falls, "of D's": rises, "pairs told apart": apart}


def kendall_tau(values: Sequence[float]) -> float:
    """Kendall's tau against time: 1 where every later value is larger, -1 where every one is smaller."""
    n = len(values)
    ordered = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    return ordered / (n * (n - 1) / 2) if n > 1 else 0.0


def d_loss_spreads(history: History) -> Figures | None:
    """D's loss varying ten times as much as it did half a window before."""
    values, half = loss_history(history.window, "d"), WINDOW // 2
    before, now = (median_step(part) for part in (values[:half], values[half:]))
    enough = LOSS_SWING * abs(_objective(history.first, "d"))
    return {"its usual step": now, "before": before} if now > max(10 * before, enough) else None


def median_step(values: Sequence[float]) -> float:
    """Median size of the step from one value to the next, which neither a drift nor a single burst enlarges."""
    return median(abs(b - a) for a, b in pairwise(values))


def samples_alike(history: History) -> Figures | None:
    """Images of other latents that hardly differ, in pixels and to D."""
    pixels, features = (term_history(history.late, f"variety/{seen}") for seen in ("pixels", "features"))
    if not max(pixels) < MIN_DIVERSITY:
        return None
    return {"distance of two samples over that of two reals": pixels[-1], "to D": features[-1]}


def oscillates(history: History) -> Figures | None:
    """Images of fixed latents that move far and come back to what they were."""
    late = history.late
    # Older logs have no `unrest/away`: there, how far they moved in five records.
    away, lately, back = (term_history(late, f"unrest/{name}") for name in ("away", "lately", "back"))
    moved = median(lately if math.isnan(far) else far for far, lately in zip(away, lately, strict=True))
    if not (moved > FAR_DISTANCE and median(back) < 0.5 * moved):
        return None
    return {"moved": moved, "away from where they were": median(back)}


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
    detect: Callable[[History], Figures | None]
    """The figures that show it, or None."""
    meaning: str
    remedy: str
    needs: int = 1
    """Records before `sign` is asked."""
    at_once: Callable[[History], Figures | None] = lambda history: None
    """The figures that show it in a single record, or None."""
    fatal: bool = False

    def finding(self, history: History) -> Finding | None:
        """What there is to say after the last record of `history`."""
        figures = self.at_once(history) or (self.detect(history) if len(history.window) >= self.needs else None)
        if figures is None:
            return None
        shown = ", ".join(f"{name} {value:.3g}" for name, value in figures.items())
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
            "a loss is beyond a million",
            "lower train.discriminator.lr and train.generator.lr",
        ),
        Rule(
            "d-has-won",
            d_has_won,
            "D's loss is at its lowest and its outputs are saturated, so G hardly learns",
            "begin again with a lower train.discriminator.lr, tricks.instance_noise=true or (no batch norm) tricks.r1=true",
            needs=RECENT,
            fatal=True,
        ),
        Rule(
            "gradient-explodes",
            gradient_explodes,
            "a gradient norm is far above its first value or beyond a million",
            "lower the rates, or without batch norm hold D's slope: networks.discriminator.spectral_norm=true or "
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
            "D's loss varies ever more",
            "lower train.discriminator.lr, or without batch norm in D hold its slope with tricks.r1=true",
            needs=WINDOW,
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
            "the images of fixed latents move far and come back: the players chase each other",
            "lower both rates, or try tricks.historical_averaging=true, or without batch norm in D tricks.r1=true",
            needs=PATIENCE,
        ),
    )
}


def new_findings(history: History, known: Iterable[str], watched: Iterable[str]) -> list[Finding]:
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
        findings += new_findings(history, {finding.rule for finding in findings}, watched)
    return findings


def rules_without_enough_records(records: int, watched: Iterable[str]) -> dict[str, int]:
    """The `watched` rules for which this is too few records, and how many each needs."""
    return {name: RULES[name].needs for name in watched if records < RULES[name].needs}
