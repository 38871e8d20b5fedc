"""Comparison of a run with the atlas: which signals leave the band of its loss, and which failure is nearest."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ganzoo.atlas.curves import POINTS, Curves, Values
from ganzoo.atlas.store import Atlas, Bands, Sick

MARGIN = 0.5  # share of the band's width that a run may be outside it, because the band is of few seeds
SLACK = 0.1  # what it may be outside in addition: decades, or the unit of a share or distance
CLIP = 2.0  # largest excess in a distance, so that one exploding signal does not hide the others
VISIBLE = 0.005  # distance from its own band that a failed run must have, over the points compared, to be named
OUTSIDE_SHARE = 0.25  # a signal is called outside if it is so in more than this share of the run
NAMED = 3  # failures that are named

Excess = dict[str, Values]
"""Signal -> how far it is above (> 0) or below (< 0) the widened band, (POINTS,); NaN where either is unknown."""


@dataclass(frozen=True)
class SignalVerdict:
    """One signal of a run against its band."""

    share: float
    """Share of the logged grid that is outside."""
    since: int | None
    """First step of the stretch outside that lasts to the end; None if the run ends inside."""
    above: bool
    """True if most of what is outside is above the band."""
    marks: str
    """One character a point of the grid: · inside, ▲ above, ▼ below, space = unknown."""

    @property
    def inside(self) -> bool:
        return self.share <= OUTSIDE_SHARE


@dataclass(frozen=True)
class Comparison:
    """A run against the atlas."""

    band: str
    """The runs that the band is of, as text."""
    known: bool
    """False if the atlas has no runs of the loss, so that the band is that of all losses."""
    signals: dict[str, SignalVerdict]
    from_band: float
    """Distance of the run from its band."""
    nearest: list[tuple[Sick, float]]
    """The nearest failures with their distances, each kind once, nearest first."""

    @property
    def is_like_failure(self) -> bool:
        """True if a failure is nearer than the band."""
        return bool(self.nearest) and self.nearest[0][1] < self.from_band

    def as_table(self) -> dict[str, Any]:
        """The comparison as JSON values."""
        return {
            "band": self.band,
            "signals": {
                name: {"inside": each.inside, "outside_share": round(each.share, 3), "since": each.since}
                for name, each in self.signals.items()
            },
            "like_failure": self.is_like_failure,
            "from_band": round(self.from_band, 4),
            "nearest": [
                {"name": run.name, "distance": round(far, 4), "cause": run.cause, "remedy": run.remedy}
                for run, far in self.nearest
            ],
        }


def compare(atlas: Atlas, curves: Curves, loss: str, data: str, steps: int) -> Comparison | None:
    """Compare a run of `loss` on `data` with the atlas; None if they share no point of any signal.

    `steps` are the planned steps of the run. The band is that of the loss on these data, else on other data, else that of
    all healthy runs.
    """
    own = excess(curves, atlas.bands(loss, data))
    if not own:
        return None
    signals = {name: verdict(values, steps) for name, values in own.items()}
    nothing = {name: np.where(np.isfinite(values), 0.0, np.nan) for name, values in own.items()}
    failed = [(sick, sick_excess(atlas, sick)) for sick in atlas.sick]
    found = [(sick, distance(own, each)) for sick, each in failed if distance(nothing, each) > VISIBLE]
    band, known = describe_band(atlas, loss, data), atlas.of(loss, data) is not None
    return Comparison(band, known, signals, distance(own, nothing), nearest_kinds(found))


def describe_band(atlas: Atlas, loss: str, data: str) -> str:
    """The runs that the band of `loss` (empty = unknown) on `data` is of."""
    found = atlas.of(loss, data)
    if found is None:
        every = f"all {sum(each.runs for each in atlas.healthy)} healthy runs"
        return f"{every} (none of loss {loss!r})" if loss else every
    where = found.data if found.data == data else f"{found.data} (none on {data})"
    return f"{found.runs} healthy runs of {found.loss} on {where}, {found.steps:,} steps"


def excess(curves: Curves, bands: Bands) -> Excess:
    """Each signal's excess over its band, widened by `MARGIN` and `SLACK`; only signals that share a point with it."""
    found = {name: _beyond(values, np.array(bands[name], float)) for name, values in curves.items() if name in bands}
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def sick_excess(atlas: Atlas, sick: Sick) -> Excess:
    """The excess of a failed run in the atlas over the band of its loss."""
    curves = {name: np.array(values, float) for name, values in sick.curves.items()}
    return excess(curves, atlas.bands(sick.loss, sick.data))


def _beyond(values: Values, band: Values) -> Values:
    low, _, high = band
    margin = MARGIN * (high - low) + SLACK
    beyond: Values = np.maximum(values - high - margin, 0) + np.minimum(values - low + margin, 0)
    return beyond


def distance(one: Excess, other: Excess) -> float:
    """Mean over the common signals of the mean absolute difference of their excess, over the common points.

    Each excess is limited to `CLIP`. Infinity if there is no common point. Runs of two losses are comparable, because each is
    measured against its own band, and in units that do not depend on the scale of a loss or the width of a network.
    """
    differences = [np.abs(np.clip(one[n], -CLIP, CLIP) - np.clip(other[n], -CLIP, CLIP)) for n in one if n in other]
    means = [float(each[np.isfinite(each)].mean()) for each in differences if np.isfinite(each).any()]
    return float(np.mean(means)) if means else float("inf")


def nearest_kinds(found: Iterable[tuple[Sick, float]]) -> list[tuple[Sick, float]]:
    """The nearest run of each of the `NAMED` nearest kinds."""
    kinds: dict[str, tuple[Sick, float]] = {}
    for sick, far in sorted(found, key=lambda pair: pair[1]):
        if np.isfinite(far):
            kinds.setdefault(sick.name, (sick, far))
    return list(kinds.values())[:NAMED]


def verdict(values: Values, steps: int) -> SignalVerdict:
    """The verdict on a signal from its excess."""
    known = np.flatnonzero(np.isfinite(values))
    inside = known[values[known] == 0]
    after = known[known > inside[-1]] if len(inside) else known
    since = round(float(after[0]) * steps / POINTS) + 1 if len(after) else None
    marks = "".join(" " if np.isnan(v) else "▲" if v > 0 else "▼" if v < 0 else "·" for v in values)
    share = 1 - len(inside) / len(known)
    return SignalVerdict(share, since, marks.count("▲") >= marks.count("▼"), marks)
