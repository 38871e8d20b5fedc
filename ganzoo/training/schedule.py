"""How many D steps belong to a G step, when a player steps again, and how the learning rates fall."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil

from ganzoo.config.schema import Train, Warmup


def d_steps(step: int, per_g: Fraction, warmup: Warmup | None = None) -> int:
    """D steps before G step number `step` (from 0).

    A fraction is spread evenly and D begins: 3/2 gives 2, 1, 2, 1 and 1/2 gives 1, 0, 1, 0. The warm-up is WGAN's
    (Arjovsky et al. 2017, the authors' code).
    """
    if warmup and (step < warmup.first or step % warmup.every == 0):
        return warmup.d_steps
    return ceil((step + 1) * per_g) - ceil(step * per_g)


def player_steps(count: int, above: float | None, most: int, loss: Callable[[], float]) -> Iterator[int]:
    """`count` turns, then up to `most` more, each while `loss()` of the turn before exceeds `above`; None = no more.

    Deciding reads the loss from the device, which waits for it; without a threshold `loss` is never asked. A player that
    had no turn has no loss, and gets none.
    """
    yield from range(count)
    if count and above is not None:
        for extra in range(most):
            if not loss() > above:
                return
            yield count + extra


def warn_dead_schedule(train: Train) -> str:
    """A line where steps are asked for in which nothing is learned; empty where there are none."""
    if not 0 < train.lr_decay_steps < train.steps:
        return ""
    after = f"both rates are 0 from step {train.lr_decay_steps:,} on (train.lr_decay_steps)"
    return f"{after}: the last {train.steps - train.lr_decay_steps:,} of {train.steps:,} steps change nothing"


def lr_factor(step: int, train: Train) -> float:
    """Factor on both learning rates at `step`: 1, or falling linearly to 0 at `lr_decay_steps`."""
    return max(0.0, 1 - step / train.lr_decay_steps) if train.lr_decay_steps else 1.0
