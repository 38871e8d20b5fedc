"""Update schedules: D steps per G step, extra steps above a loss threshold, decay of learning rates and of G's average."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from math import ceil

from ganzoo.config.schema import Train, Warmup
from ganzoo.schedules import number


def d_steps(step: int, per_g: Fraction, warmup: Warmup | None = None) -> int:
    """D steps before G step number `step` (from 0).

    A fraction is spread evenly, and the larger count comes first: 3/2 gives 2, 1, 2, 1 and 1/2 gives 1, 0, 1, 0. The
    warm-up is WGAN's (Arjovsky et al. 2017, the authors' code).
    """
    if warmup and (step < warmup.first or step % warmup.every == 0):
        return warmup.d_steps
    return ceil((step + 1) * per_g) - ceil(step * per_g)


def player_steps(count: int, above: float | None, most: int, loss: Callable[[], float]) -> Iterator[int]:
    """`count` steps, then up to `most` more while `loss()` of the last one exceeds `above`; None = no extra steps.

    Calling `loss` synchronizes with the device; without a threshold it is never called. With `count` 0 there is no loss
    to compare, so no extra step.
    """
    yield from range(count)
    if count and above is not None:
        for extra in range(most):
            if not loss() > above:
                return
            yield count + extra


def warn_dead_schedule(train: Train) -> str:
    """A warning if the learning rates reach 0 before the last step; else an empty string."""
    end = decay_end(train)
    if not 0 < end < train.steps:
        return ""
    after = f"both learning rates are 0 from step {end:,} (train.lr_decay_steps)"
    return f"{after}: the last {train.steps - end:,} of {train.steps:,} steps change nothing"


def warn_moved_end(before: Train, now: Train) -> str:
    """A warning if a resume moves the step at which the learning rates reach 0; else an empty string."""
    old, new = decay_end(before), decay_end(now)
    if old == new:
        return ""
    return (
        f"both learning rates now fall to 0 at step {new:,}, not {old:,}: a run of {new:,} steps from the start differs"
    )


def ema_decay(step: int, train: Train) -> float:
    """Decay of G's average at `step`, from its half-life if there is one."""
    if train.ema_half_life is None:
        return train.ema_decay
    half_life = number(train.ema_half_life, step, train.batch_size)
    return 0.5 ** (train.batch_size / half_life) if half_life else 0.0


def decay_end(train: Train) -> int:
    """The step at which both learning rates reach 0; 0 = they are constant."""
    return train.steps if train.lr_decay_steps == "all" else train.lr_decay_steps


def lr_factor(step: int, train: Train) -> float:
    """Factor on both learning rates at `step`: 1, or a linear decay to 0 at `decay_end`."""
    end = decay_end(train)
    return max(0.0, 1 - step / end) if end else 1.0
