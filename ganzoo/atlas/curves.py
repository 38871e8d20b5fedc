"""Training curves on a scale and a grid that runs of different losses, widths and lengths share.

The scales are those of the failure rules: a gradient norm is a ratio to its first value, shares and distances have a scale
already, and an objective is compared with its size at the start of the run.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ganzoo.training.run_history import RECENT, Record, loss_history, term_history

Values = NDArray[np.float64]
Curves = dict[str, Values]
"""Signal -> its value at each point of the grid, (POINTS,); NaN where the run has no record."""

POINTS = 40  # point i stands for the (i + 1)th fortieth of the planned steps
LIMIT = 4.0  # largest size of a value: a ratio of ten thousand; also that of a value that is not finite
TINY = 1e-12  # stands for a first value of 0


def ratio(values: Values) -> Values:
    """Decades from the first value other than 0; a value of 0 becomes -infinity, which `curve` limits."""
    known = values[np.isfinite(values) & (values != 0)]
    with np.errstate(divide="ignore"):
        return np.log10(np.abs(values) / (abs(known[0]) if len(known) else 1.0))


def objective(values: Values) -> Values:
    """Signed decades: sign(v) log10(1 + |v| / u), with the size u of the start.

    u is the larger of the first size and the median of the first records': a critic's objective starts near 0, and that of
    a D that wins falls to 0 at once.
    """
    known = np.abs(values[np.isfinite(values)][:RECENT])
    unit = max(known[0], float(np.median(known)), TINY) if len(known) else 1.0
    return np.sign(values) * np.log10(1 + np.abs(values) / unit)


def unchanged(values: Values) -> Values:
    """A share or relative distance, which has no unit."""
    return values


class Signal(NamedTuple):
    """A curve of the atlas."""

    label: str
    scale: Callable[[Values], Values]
    unit: str


_NORM = (ratio, "decades from its first value")
_LOSS = (objective, "signed decades of its size at the start")
_SHARE = (unchanged, "share of pairs")
_DISTANCE = (unchanged, "1 = distance of two reals")
SIGNALS = {
    "d": Signal("D's objective", *_LOSS),
    "g": Signal("G's objective", *_LOSS),
    "norm/d": Signal("D's gradient", *_NORM),
    "norm/d.first": Signal("D's first layer", *_NORM),
    "norm/d.last": Signal("D's last layer", *_NORM),
    "norm/g": Signal("G's gradient", *_NORM),
    "norm/g.first": Signal("G's first layer", *_NORM),
    "norm/g.last": Signal("G's last layer", *_NORM),
    "score/apart": Signal("reals above fakes", *_SHARE),
    "score/held_out": Signal("over held-out reals", *_SHARE),
    "variety/pixels": Signal("pixel diversity", *_DISTANCE),
    "variety/features": Signal("feature diversity", *_DISTANCE),
    "unrest/lately": Signal("recent change", *_DISTANCE),
}
"""Name in the log (`d` and `g`: the players' objectives) -> label, scale, unit."""


def run_curves(records: Sequence[Record], steps: int) -> Curves:
    """The signals of a log on the grid; `steps` are the planned steps of the run."""
    at = np.array([record["step"] for record in records], float) / steps
    found = {player: loss_history(records, player) for player in ("d", "g")}
    found |= {name: term_history(records, name) for name in SIGNALS if name not in found}
    logged = {name: np.array([_is_logged(record, name) for record in records], bool) for name in found}
    return {
        name: curve(at[there], np.array(found[name], float)[there], SIGNALS[name].scale)
        for name, there in logged.items()
        if there.any()
    }


def _is_logged(record: Record, name: str) -> bool:
    return name in record["terms"] or any(term.startswith(f"{name}/") for term in record["terms"])


def curve(at: Values, values: Values, scale: Callable[[Values], Values]) -> Values:
    """`values` at the relative steps `at` in [0, 1], scaled, as means over the cells of the grid.

    A cell between two records is interpolated; cells before the first and after the last record are NaN. A value that is
    not finite counts as `LIMIT`; if it is the last one, it fills all later cells, because such a run has ended.
    """
    scaled = scale(values)
    scaled = np.clip(np.where(np.isnan(scaled), LIMIT, scaled), -LIMIT, LIMIT)
    grid = np.arange(1, POINTS + 1) / POINTS
    cells = np.ceil(at * POINTS - 1e-9).astype(int) - 1
    found = np.where((grid >= at[0]) & (grid <= at[-1]), np.interp(grid, at, scaled), np.nan)
    for cell in np.unique(cells[(cells >= 0) & (cells < POINTS)]):
        found[cell] = scaled[cells == cell].mean()
    if not np.isfinite(values[-1]):
        found[grid >= at[-1]] = LIMIT
    return found
