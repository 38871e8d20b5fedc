"""Training curves of a setting: the median over seeds, with a band from the lowest to the highest seed."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
from numpy.typing import NDArray

from ganzoo.experiments.cell_schema import CurvePoint
from ganzoo.experiments.results_schema import CellEntry
from ganzoo.training.progress import player_loss

Values = NDArray[np.float64]
Quantity = Callable[[CurvePoint], float]
POINTS = 80  # largest number of points of a curve; more are not visible at this size
CLIPPED_PERCENT = 2.0  # percent of the values at each end that may be outside the axes


@dataclass(frozen=True)
class Line:
    """One quantity of one setting."""

    band: tuple[Values, Values, Values, Values] | None
    """Steps, lowest, median, highest, over the seeds that did not fail. None if they have no step in common."""
    failed: list[tuple[Values, Values]]
    """Steps and values of each failed seed."""

    def values(self) -> list[Values]:
        """All values that are drawn."""
        return [*(self.band[1:] if self.band else ()), *(values for _, values in self.failed)]


@dataclass(frozen=True)
class Curves:
    """One panel."""

    name: str
    lines: list[Line]

    def limits(self) -> tuple[float, float] | None:
        """The ends of the panel's vertical axis."""
        return axis_limits([self])


def d_loss_at(point: CurvePoint) -> float:
    """The sum of D's terms at a point; NaN if there are no terms or one is not finite."""
    return player_loss(point.terms, "d") if any(name.startswith("d/") for name in point.terms) else nan


def g_loss_at(point: CurvePoint) -> float:
    """The sum of G's terms at a point; NaN if there are no terms or one is not finite."""
    return player_loss(point.terms, "g") if any(name.startswith("g/") for name in point.terms) else nan


def score_at(point: CurvePoint) -> float:
    """The score at a point; NaN if no score was computed."""
    return nan if point.score is None else point.score


def panels(cells: dict[str, list[CellEntry]], *quantities: Quantity) -> list[Curves]:
    """A panel for each setting with finite values of `quantities`."""
    found = [Curves(name, [make_line(mine, value) for value in quantities]) for name, mine in cells.items()]
    return [curves for curves in found if any(values.size for each in curves.lines for values in each.values())]


def make_line(cells: Iterable[CellEntry], value: Quantity) -> Line:
    """The line of `value` over the cells of a setting."""
    curves = [(cell.status == "failed", finite_points(cell.curve, value)) for cell in cells]
    lost = [c for failed, c in curves if failed and c]
    return Line(band([c for failed, c in curves if not failed and c]), [single_curve(curve) for curve in lost])


def finite_points(curve: Iterable[CurvePoint], value: Quantity) -> dict[int, float]:
    """Step -> finite value."""
    found = {point.step: value(point) for point in curve}
    return {step: number for step, number in found.items() if np.isfinite(number)}


def band(curves: Sequence[dict[int, float]]) -> tuple[Values, Values, Values, Values] | None:
    """The steps common to all curves, with the lowest, median and highest value at each."""
    steps = sorted(set.intersection(*(set(curve) for curve in curves))) if curves else []
    if not steps:
        return None
    values = np.array([[curve[step] for step in steps] for curve in curves])
    kept, low, middle, high = thin(np.array(steps), values.min(0), np.median(values, 0), values.max(0))
    return kept, low, middle, high


def single_curve(curve: dict[int, float]) -> tuple[Values, Values]:
    """Steps and values of one curve."""
    steps, values = thin(np.array(list(curve)), np.array(list(curve.values())))
    return steps, values


def thin(*series: Values) -> tuple[Values, ...]:
    """At most `POINTS` entries of each series, including the first and the last."""
    kept = np.unique(np.linspace(0, len(series[0]) - 1, POINTS).round().astype(int))
    return tuple(each[kept].astype(float) for each in series)


def axis_limits(curves: Iterable[Curves]) -> tuple[float, float] | None:
    """Ends of a vertical axis, robust to diverging seeds: failed seeds and `CLIPPED_PERCENT` of values may be outside."""
    lines = [each for panel in curves for each in panel.lines]
    values = [v for each in lines if each.band for v in each.band[1:]] or [v for each in lines for v in each.values()]
    if not values:
        return None
    low, high = np.percentile(np.concatenate(values), [CLIPPED_PERCENT, 100 - CLIPPED_PERCENT])
    margin = 0.06 * (high - low) or 0.5
    return float(low - margin), float(high + margin)
