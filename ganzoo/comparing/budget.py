"""The budget that every cell of a comparison gets, in the unit that the user chose."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, floor

from ganzoo.config import MOST, Train, Warmup, ratio
from ganzoo.errors import InputError
from ganzoo.training import schedule

UNITS = {"steps": int, "images": int, "minutes": float}
LARGEST = {"steps": MOST, "images": 2**53, "minutes": 1e6}
COUNTED = 300_000  # G steps of a warm-up schedule, which are counted one by one
FIRST_SLICE = 5
"""G steps after which a run with a budget of minutes first looks at the clock."""


@dataclass(frozen=True)
class Budget:
    """`steps`: G steps. `images`: reals shown to D. `minutes`: of training, grids and saving included."""

    unit: str
    amount: float

    def __str__(self) -> str:
        return f"{self.unit}={self.amount:g}" if self.unit == "minutes" else f"{self.unit}={self.amount}"

    @property
    def minutes(self) -> float | None:
        """The minutes, where they are what is equal."""
        return self.amount if self.unit == "minutes" else None


def parse_budget(text: str) -> Budget:
    """The budget in "steps=2000", "images=200000" or "minutes=5"; raises `InputError`."""
    unit, _, amount = text.partition("=")
    try:
        value = UNITS[unit](amount)
    except (KeyError, ValueError):
        value = 0
    if not 0 < value <= LARGEST.get(unit, 0):
        raise InputError(f"--budget {text[:60]}: expected steps=N, images=N or minutes=M, as in steps=2000")
    return Budget(unit, value)


def refuse_thresholds(budget: Budget, train: Train) -> None:
    """Raise `InputError` where a player may step again, so that neither G steps nor images are known beforehand."""
    limits = train.thresholds
    if budget.minutes is None and (limits.d, limits.g) != (None, None):
        raise InputError(
            f"under train.thresholds a player takes further steps, so {budget.unit} cannot be equal; take --budget minutes=M"
        )


def steps(budget: Budget, train: Train) -> int:
    """The G steps that `budget` buys under the schedule of `train`; of minutes, those before the first look at the clock.

    A budget of images ends with the first G step after which D has seen at least so many.
    """
    if budget.unit == "steps":
        return int(budget.amount)
    if budget.unit == "minutes":
        return FIRST_SLICE
    return steps_for_images(int(budget.amount), train.batch, ratio(train.ratio), train.warmup)


@cache  # every cell asks
def steps_for_images(images: int, batch: int, per_g: Fraction, warmup: Warmup | None) -> int:
    """The fewest G steps whose D steps show D `images` reals."""
    turns = ceil(Fraction(images, batch))
    if warmup is None:  # after s G steps D has had ceil(s per_g)
        return floor((turns - 1) / per_g) + 1
    step = done = 0
    while done < turns:
        done += schedule.d_steps(step, per_g, warmup)
        step += 1
        if step > COUNTED:
            raise InputError(f"--budget images={images} takes more than {COUNTED:,} steps; give it in steps")
    return step
