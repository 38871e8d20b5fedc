"""Made-up logs and a small atlas of them."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, sin
from typing import Any

from ganzoo.atlas.curves import Curves, run_curves
from ganzoo.atlas.store import Atlas, Run, Sick, build, rounded

STEPS = 1000
Change = Callable[[dict[str, Any], float], None]


def log(seed: int = 0, scale: float = 1.0, every: int = 20, change: Change | None = None) -> list[dict[str, Any]]:
    """A log of `STEPS`; `scale` multiplies losses and gradients, `change` edits the terms at a relative step."""
    return [record(step, seed, scale, change) for step in (1, *range(every, STEPS + 1, every))]


def record(step: int, seed: int, scale: float, change: Change | None) -> dict[str, Any]:
    at, wave = step / STEPS, 0.02 * sin(seed + step / 70)
    terms: dict[str, Any] = {
        "d/real": scale * (0.7 - 0.2 * at + wave),
        "d/fake": scale * (0.7 - 0.2 * at),
        "g/adv": scale * (0.8 + 0.6 * at + wave),
        "norm/d": 10 * scale * exp(-at),
        "norm/g": 3 * scale * exp(-2 * at),
        "score/apart": 0.75 + wave,
        "variety/pixels": 1 - exp(-8 * at) + wave,
    }
    if change:
        change(terms, at)
    return {"step": step, "terms": terms}


def exploded(terms: dict[str, Any], at: float) -> None:
    """From the middle on, D's gradient is a thousand times as large."""
    terms["norm/d"] *= 1000 if at > 0.5 else 1


def collapsed(terms: dict[str, Any], at: float) -> None:
    """From the middle on, the samples are alike."""
    terms["variety/pixels"] *= 0 if at > 0.5 else 1


def broken(terms: dict[str, Any], at: float) -> None:
    """Every number is NaN from the middle on."""
    if at > 0.5:
        terms.update(dict.fromkeys(terms))


def curves(**given: Any) -> Curves:
    return run_curves(log(**given), STEPS)


def failed(name: str, change: Change, loss: str = "nsgan") -> Sick:
    """The entry of a failure of seed 5."""
    found = {signal: rounded(values) for signal, values in curves(seed=5, change=change).items()}
    about = {"cause": f"it is {name}", "remedy": f"no {name}"}
    return Sick(name=name, loss=loss, data="digits", seed=5, steps=STEPS, curves=found, **about)


def small_atlas() -> Atlas:
    """Three healthy runs of two losses of other scales, and three failures of the first."""
    healthy = [
        Run(loss, "digits", STEPS, curves(seed=seed, scale=scale))
        for loss, scale in (("nsgan", 1.0), ("wgan", 30.0))
        for seed in range(3)
    ]
    return build(healthy, [failed("exploded", exploded), failed("collapsed", collapsed), failed("broken", broken)])
