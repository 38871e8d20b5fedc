"""Scores: value, protocol name (`fid-digits@10k/test`), text and JSON forms; reference scores (floors) and their cache."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from math import isfinite
from typing import Any, Literal

from pydantic import Field, model_validator

from ganzoo import __version__
from ganzoo.atomic_io import FORMAT, write_json
from ganzoo.data import ganzoo_home
from ganzoo.errors import InputError
from ganzoo.json_io import Count, FileSchema, Finite, Number, read_record

Better = Literal["lower", "higher", "near 1", "near 0"]


@dataclass(frozen=True)
class Score:
    """A value and its protocol. Scores with different names, or on different data, cannot be compared."""

    metric: str
    value: float
    n: int
    """Number of samples."""
    better: Better
    extractor: str | None = None
    """Feature extractor, with the size if it is not the training size: `digits`, `lite0@128px`."""
    split: str | None = None
    """Split of the real images; None if the metric uses none."""
    reference_n: int | None = None
    """Number of real images."""
    spread: float | None = None
    """Standard deviation over the metric's own subsets; not a confidence interval of the value."""
    floor: float | None = None
    """The same score of real images that are not in the reference."""
    floor_n: int | None = None
    floor_reference_n: int | None = None
    value_at_floor: float | None = None
    """The score at the floor's numbers of images, if these differ from `n` and `reference_n`; compare it with the floor."""
    details: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The protocol name METRIC[-EXTRACTOR[@SIZEpx]]@N[/SPLIT]."""
        extractor = f"-{self.extractor}" if self.extractor else ""
        return f"{self.metric}{extractor}@{short_count(self.n)}{f'/{self.split}' if self.split else ''}"

    def as_json(self) -> dict[str, Any]:
        """Every field and the name; non-finite numbers become None."""
        table = {"name": self.name} | asdict(self)
        return {key: finite_or_none(value) for key, value in table.items()}


class ScoreRecord(FileSchema):
    """A `Score` in a file, as `Score.as_json` writes it."""

    name: str
    metric: str
    value: Number
    better: Better
    spread: Number
    floor: Number
    floor_n: Count | None
    value_at_floor: Number
    details: dict[str, Number] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _says_where_its_floor_is(self) -> "ScoreRecord":
        if self.value_at_floor is not None and self.floor_n is None:
            raise ValueError("value_at_floor stands without floor_n")
        return self


@dataclass(frozen=True)
class Evaluation:
    """All scores of one model, and the facts of the measurement."""

    scores: list[Score]
    facts: dict[str, Any]
    """Model, data, extractor, versions, and metrics left out with the reasons."""

    def as_json(self) -> dict[str, Any]:
        """Scores and facts for `json.dumps`; exact scores (modes, KL) also under their metric's name."""
        exact = {s.metric: finite_or_none(s.value) for s in self.scores if s.extractor is None and s.split is None}
        return {"format": FORMAT, **exact, "scores": [score.as_json() for score in self.scores], **self.facts}

    def __getitem__(self, name: str) -> Score:
        """The score `name`, or the only score with that metric and split (`fid`, `fid/test`); raises `KeyError`."""
        found = [s for s in self.scores if name in (s.name, s.metric, f"{s.metric}/{s.split}")]
        if len(found) != 1:
            raise KeyError(f"{len(found)} scores match {name!r}; the scores are: {score_names(self.scores)}")
        return found[0]


def value_text(score: Score | ScoreRecord) -> str:
    """The value as text, with its spread if it has one."""
    spread = "" if score.spread is None else f" ± {score.spread:.2g}"
    return format_number(score.value) + spread


def floor_text(score: Score | ScoreRecord) -> str:
    """The floor as text; if it was measured at another n, also that n and the samples' score at it."""
    if score.floor is None:
        return ""
    if score.value_at_floor is None:
        return format_number(score.floor)
    value = format_number(score.value_at_floor)
    return f"{format_number(score.floor)} at n = {score.floor_n:,}, where the samples have {value}"


def format_number(value: float | None) -> str:
    """`value` with four significant digits, or "not finite"."""
    return "not finite" if value is None or not isfinite(value) else f"{value:.4g}"


def computed_floors(details: dict[str, float]) -> dict[str, float]:
    """The floors among a score's details that were computed, not measured, such as `kl_floor_uniform`."""
    return {key: value for key, value in details.items() if "_floor_" in key}


def score_names(scores: Sequence[Score]) -> str:
    """The names of scores in one line."""
    return ", ".join(score.name for score in scores) or "(no scores)"


def short_count(n: int) -> str:
    """10000 as "10k", 2500 as "2500"."""
    return f"{n // 1000}k" if n >= 1000 and n % 1000 == 0 else str(n)


def finite_or_none(value: Any) -> Any:
    """`value`, or None for a non-finite number; applied to each value of a table."""
    if isinstance(value, dict):
        return {key: finite_or_none(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value


ComputeFn = Callable[[Sequence[str]], dict[str, float]]
"""Metric names -> floors by name; additional floors in the result are cached too."""


class FloorsFile(FileSchema):
    """A file of floors by metric with their key; non-finite values are words."""

    of: list[str]
    floors: dict[str, Finite | Literal["inf", "-inf", "nan"]]


class ReferenceScores:
    """Floors of one pair of real sets by metric, cached in one file in `GANZOO_HOME/cache/floors`."""

    def __init__(self, *of: str) -> None:
        """`of`: the key, everything that floors depend on except the metric: both sets of images and their extractor."""
        self.of = [*of, __version__]  # another version may compute a metric differently
        key = sha256(json.dumps(self.of).encode()).hexdigest()[:16]
        self.path = ganzoo_home() / "cache" / "floors" / f"{key}.json"

    def get(self, names: Sequence[str], compute: ComputeFn) -> dict[str, float]:
        """The floors of `names`; those not in the cache are computed with `compute` and saved."""
        found = self.load()
        if new := [name for name in names if name not in found]:
            found |= compute(new)
            self.save(found)
        return {name: found[name] for name in names}

    def load(self) -> dict[str, float]:
        """The cached floors; empty if the file is missing, damaged or has another key."""
        try:
            file = read_record(self.path, FloorsFile)
        except InputError:
            return {}
        return {name: float(value) for name, value in file.floors.items()} if file.of == self.of else {}

    def save(self, floors: dict[str, float]) -> None:
        """Write `floors`, merged with those that another process has written in the meantime."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        found = (self.load() | floors).items()
        table = {name: value if math.isfinite(value) else str(float(value)) for name, value in found}
        write_json(self.path, {"format": FORMAT, "of": self.of, "floors": table})
