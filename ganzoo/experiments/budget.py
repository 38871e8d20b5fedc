"""Budgets in steps, images or minutes, and their conversion to training steps."""

from bisect import bisect_left
from fractions import Fraction
from functools import cache
from math import ceil
from typing import Literal

from ganzoo.config.parsing import MAX_INT, parse_ratio
from ganzoo.config.schema import Train, Warmup
from ganzoo.errors import InputError
from ganzoo.json_io import Amount, FileSchema
from ganzoo.training import schedule

UNITS = {"steps": int, "images": int, "minutes": float}
MAX_AMOUNT = {"steps": MAX_INT, "images": 2**53, "minutes": 1e6}
MAX_COUNTED_STEPS = 300_000  # G steps; with a warm-up they are counted one by one
FIRST_SLICE_STEPS = 5
"""G steps after which a run with a budget in minutes first checks the time."""


class Budget(FileSchema):
    """The budget of each cell of a comparison."""

    unit: Literal["steps", "images", "minutes"]
    """`steps`: G steps. `images`: reals shown to D, in D and G steps.

    `minutes`: training time with grids and saving, without scores.
    """
    amount: Amount
    """Number of units; an integer except for minutes."""

    def __str__(self) -> str:
        return f"{self.unit}={self.amount:g}" if self.unit == "minutes" else f"{self.unit}={self.amount}"

    @property
    def minutes(self) -> float | None:
        """The minutes if that is the unit, else None."""
        return self.amount if self.unit == "minutes" else None


def parse_budget(text: str) -> Budget:
    """Parse "steps=2000", "images=200000" or "minutes=5"; raises `InputError`."""
    unit, _, amount = text.partition("=")
    try:
        value = UNITS[unit](amount)
    except (KeyError, ValueError):
        value = 0
    if not 0 < value <= MAX_AMOUNT.get(unit, 0):
        raise InputError(f"--budget {text[:60]}: expected steps=N, images=N or minutes=M, as in steps=2000")
    return Budget(unit=unit, amount=value)


def check_thresholds(budget: Budget, train: Train) -> None:
    """Raise `InputError` if extra steps are possible, because then neither G steps nor images are known in advance."""
    limits = train.loss_thresholds
    if budget.minutes is None and (limits.d, limits.g) != (None, None):
        raise InputError(
            f"with train.loss_thresholds a player takes extra steps, so {budget.unit} cannot be equal; "
            "use --budget minutes=M"
        )


def steps_for_budget(budget: Budget, train: Train, g_reads_real: bool = False) -> int:
    """The number of G steps of `budget` with the schedule of `train`; for minutes, those before the first time check.

    A budget in images ends with the first G step after which D has seen at least this number of reals, including the reals
    of G steps if G reads reals (see `ganzoo.builder.g_reads_real`).
    """
    if budget.unit == "steps":
        return int(budget.amount)
    if budget.unit == "minutes":
        return FIRST_SLICE_STEPS
    of_g = train.g_batch_multiple if g_reads_real else 0
    return steps_for_images(int(budget.amount), train.batch_size, parse_ratio(train.ratio), train.critic_warmup, of_g)


@cache  # called for every cell
def steps_for_images(images: int, batch: int, per_g: Fraction, warmup: Warmup | None, of_g: int) -> int:
    """The smallest number of G steps in which D sees `images` reals; each G step shows D `of_g` batches."""
    batches = ceil(Fraction(images, batch))
    if warmup is None:
        return bisect_left(range(ceil(batches / per_g) + 1), batches, key=lambda step: ceil(step * per_g) + step * of_g)
    step = done = 0
    while done < batches:
        done += schedule.d_steps(step, per_g, warmup) + of_g
        step += 1
        if step > MAX_COUNTED_STEPS:
            raise InputError(
                f"--budget images={images} takes more than {MAX_COUNTED_STEPS:,} steps; use --budget steps=N"
            )
    return step
