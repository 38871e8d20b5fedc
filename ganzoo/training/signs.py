"""How a failing training shows in its log: functions of the last records, which give the figures that show it, or None.

The signs are those of the field's collected advice (Chintala et al. 2016, https://github.com/soumith/ganhacks, tip 10).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from statistics import fmean, median
from typing import Any

Record = dict[str, Any]
Figures = dict[str, float]

WINDOW = 40  # records that a rule looks at
LAST = 5  # records that must all agree, so that one bad batch is no finding
PATIENCE = 25  # records before the early, shapeless images count
BURST = 100.0  # gradient norm
FADED = 1e-6  # gradient norm
SWING = 0.5  # of D's loss from one record to the next
ALIKE = 0.25  # variety of the samples, 1 = as the reals


def column(records: Iterable[Record], name: str) -> list[float]:
    """A reading over time; NaN where it was not finite or not taken."""
    values = (record["terms"].get(name) for record in records)
    return [math.nan if value is None else value for value in values]


def loss(records: Iterable[Record], player: str) -> list[float]:
    """The objective of "d" or "g" over time: what its loss names, without the penalties and tricks beside it.

    A loss that names its terms otherwise has all of the player's; NaN where one was not finite, or there is none.
    """
    return [_objective(record["terms"], player) for record in records]


def _objective(terms: dict[str, Any], player: str) -> float:
    own = {"d": ("d/real", "d/fake", "d/pair"), "g": ("g/adv", "g/pair")}[player]
    names = [name for name in own if name in terms] or [name for name in terms if name.startswith(f"{player}/")]
    values = [terms[name] for name in names]
    return math.nan if not values or None in values else sum(values)


def not_finite(records: Sequence[Record]) -> Figures | None:
    """A term, gradient or reading that is NaN or infinite."""
    bad = [name for name, value in records[-1]["terms"].items() if value is None]
    return {f"{name} =": math.nan for name in bad[:3]} or None


def d_has_won(records: Sequence[Record]) -> Figures | None:
    """D's loss near 0, and every real above its fake."""
    late = records[-LAST:]
    losses, apart = loss(late, "d"), column(late, "score/apart")
    if len(late) < LAST or not (all(value < 0.02 for value in losses) and min(apart) > 0.999):
        return None
    return {"D's loss": losses[-1], "pairs told apart": apart[-1]}


def gradient_explodes(records: Sequence[Record]) -> Figures | None:
    """A gradient norm that stays above 100."""
    return _norms(records, lambda values: min(values) > BURST)


def gradient_vanishes(records: Sequence[Record]) -> Figures | None:
    """A gradient norm that stays below 1e-6."""
    return _norms(records, lambda values: max(values) < FADED)


def _norms(records: Sequence[Record], shown: Callable[[list[float]], bool]) -> Figures | None:
    late = records[-LAST:]
    names = [name for name in late[-1]["terms"] if name.startswith("norm/")]
    bad = [name for name in names if shown(column(late, name))] if len(late) == LAST else []
    return {name: median(column(late, name)) for name in bad} or None


def d_is_fooled(records: Sequence[Record]) -> Figures | None:
    """G's loss falling steadily while D's rises, until D takes fakes for more real than reals."""
    g, d, apart = loss(records, "g"), loss(records, "d"), fmean(column(records[-LAST:], "score/apart"))
    falls, rises = trend(g), trend(d)
    if len(records) < PATIENCE or not (falls < -0.7 and rises > 0.7 and apart < 0.5):
        return None
    return {"trend of G's loss": falls, "of D's": rises, "pairs told apart": apart}


def trend(values: Sequence[float]) -> float:
    """Kendall's tau against time: 1 where every later value is larger, -1 where every one is smaller."""
    n = len(values)
    ordered = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
    return ordered / (n * (n - 1) / 2) if n > 1 else 0.0


def d_loss_spreads(records: Sequence[Record]) -> Figures | None:
    """D's loss varying ten times as much as it did half a window before."""
    values, half = loss(records, "d"), WINDOW // 2
    if len(values) < WINDOW:
        return None
    before, now = (jitter(part) for part in (values[:half], values[half:]))
    return {"its usual step": now, "before": before} if now > max(10 * before, SWING) else None


def jitter(values: Sequence[float]) -> float:
    """Median size of the step from one value to the next, which neither a drift nor a single burst enlarges."""
    return median(abs(b - a) for a, b in pairwise(values))


def samples_alike(records: Sequence[Record]) -> Figures | None:
    """Images of other latents that hardly differ, in pixels and to D."""
    late = records[-LAST:]
    pixels, features = column(late, "variety/pixels"), column(late, "variety/features")
    if len(records) < PATIENCE or not max(pixels) < ALIKE:
        return None
    return {"distance of two samples over that of two reals": pixels[-1], "to D": features[-1]}


def oscillates(records: Sequence[Record]) -> Figures | None:
    """Images of fixed latents that move far and come back to what they were."""
    late = records[-LAST:]
    moved, back = column(late, "unrest/lately"), column(late, "unrest/back")
    if not (median(moved) > 0.5 and median(back) < 0.5 * median(moved)):
        return None
    return {"moved": median(moved), "away from where they were": median(back)}
