"""Signs of a failed training in its log. Each function returns the figures that show the failure, or None.

The signs are those of ganhacks (Chintala et al. 2016, https://github.com/soumith/ganhacks, tip 10). Losses are compared with
the bounds of the loss, and gradients with their first value in the run, because the scale depends on the loss.
"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import fmean, median

from ganzoo.training.run_history import WINDOW, History, loss_history, objective, term_history

Figures = dict[str, float]

HUGE_VALUE = 1e6  # a loss or a gradient norm that no working loss reaches
EXPLODING_NORM = 50.0  # gradient norm, 1 = its first; recorded healthy runs reach 28
VANISHING_NORM = 1e-5  # gradient norm, 1 = its first; recorded healthy runs fall to 0.012
WON_SHARE = 0.015  # D's loss, 0 = its lowest value, 1 = at chance
LOSS_SWING = 0.35  # change of D's loss from one record to the next, 1 = its first value
MIN_DIVERSITY = 0.25  # diversity of the samples, 1 = that of the reals
MEMORIZED_SHARE = 0.75  # D's training reals above held-out ones, 0.5 = chance; healthy runs reach 0.59
SURE_OF_REALS = 0.9  # r_t, mean of half a window; healthy runs reach 0.84
FAR_DISTANCE = 0.5  # distance that images moved, 1 = distance of two reals


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
    return {name: 0.0 for name in zero if name == "norm/g" or objective(terms, "d") != 0} or None


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
    enough = LOSS_SWING * abs(objective(history.first, "d"))
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
