"""The name of a score says how it was measured: `fid-digits@10k/test`."""

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

Better = Literal["lower", "higher", "near 1"]


@dataclass(frozen=True)
class Score:
    """One number and its protocol. Two of unlike `name`, or on unlike data, are never put side by side."""

    metric: str
    value: float
    n: int
    """Samples."""
    better: Better
    extractor: str | None = None
    """What the features are from, with the size if it is not the one it was trained at: `digits`, `lite0@128px`."""
    split: str | None = None
    """Which real images it is measured against; None where it needs none."""
    reference_n: int | None = None
    """How many of them."""
    spread: float | None = None
    """Standard deviation over the metric's own subsets; not an interval of the value."""
    floor: float | None = None
    """The same score of real images that are not in the reference."""
    floor_n: int | None = None
    floor_reference_n: int | None = None
    value_at_floor: float | None = None
    """Where the floor had to be taken at other numbers: the score at those, to be compared with it."""
    details: dict[str, float] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """METRIC[-EXTRACTOR[@SIZEpx]]@N[/SPLIT]."""
        extractor = f"-{self.extractor}" if self.extractor else ""
        return f"{self.metric}{extractor}@{short_count(self.n)}{f'/{self.split}' if self.split else ''}"

    def as_json(self) -> dict[str, Any]:
        """Every field and the name; a number that is not finite becomes None."""
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
    """All scores of one model, and what they were measured with."""

    scores: list[Score]
    facts: dict[str, Any]
    """Model, data, extractor, versions, and what was left out and why."""

    def as_json(self) -> dict[str, Any]:
        """Everything, fit for `json.dumps`; what is known exactly (modes, KL) also under its bare name."""
        exact = {s.metric: finite_or_none(s.value) for s in self.scores if s.extractor is None and s.split is None}
        return {"format": FORMAT, **exact, "scores": [score.as_json() for score in self.scores], **self.facts}

    def __getitem__(self, name: str) -> Score:
        """The score of that name, or the only one whose metric and reference (`fid`, `fid/test`) it says."""
        found = [s for s in self.scores if name in (s.name, s.metric, f"{s.metric}/{s.split}")]
        if len(found) != 1:
            raise KeyError(f"{len(found)} scores are called {name!r}: {score_names(self.scores)}")
        return found[0]


def value_text(score: Score | ScoreRecord) -> str:
    """The value, with its spread if there is one."""
    spread = "" if score.spread is None else f" ± {score.spread:.2g}"
    return format_number(score.value) + spread


def floor_text(score: Score | ScoreRecord) -> str:
    """The floor; if it was measured at another n, also that n and the samples' score there."""
    if score.floor is None:
        return ""
    if score.value_at_floor is None:
        return format_number(score.floor)
    value = format_number(score.value_at_floor)
    return f"{format_number(score.floor)} at n = {score.floor_n:,}, where the samples have {value}"


def format_number(value: float | None) -> str:
    """Four significant digits."""
    return "not finite" if value is None or not isfinite(value) else f"{value:.4g}"


def computed_floors(details: dict[str, float]) -> dict[str, float]:
    """What of a score's details is a floor that was computed, not measured: `kl_floor_uniform`."""
    return {key: value for key, value in details.items() if "_floor_" in key}


def score_names(scores: Sequence[Score]) -> str:
    """The names of scores in one line."""
    return ", ".join(score.name for score in scores) or "there are none"


def short_count(n: int) -> str:
    """10000 as "10k", 2500 as "2500"."""
    return f"{n // 1000}k" if n >= 1000 and n % 1000 == 0 else str(n)


def finite_or_none(value: Any) -> Any:
    """`value`, or None for a number that is not finite; a table with each of its values so."""
    if isinstance(value, dict):
        return {key: finite_or_none(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not isfinite(value) else value


ComputeFn = Callable[[Sequence[str]], dict[str, float]]
"""The floors of these metrics, by name; others that come along are kept too."""


class FloorsFile(FileSchema):
    """A file of floors: what they are of, and each by metric; one that is not finite is a word."""

    of: list[str]
    floors: dict[str, Finite | Literal["inf", "-inf", "nan"]]


class ReferenceScores:
    """The floors of one pair of real sets by metric, in a file of their own in `GANZOO_HOME/cache/floors`."""

    def __init__(self, *of: str) -> None:
        """`of`: all that they depend on but for the metric: the images on both sides, and what reads them."""
        self.of = [*of, __version__]  # another version may compute a metric in another way
        key = sha256(json.dumps(self.of).encode()).hexdigest()[:16]
        self.path = ganzoo_home() / "cache" / "floors" / f"{key}.json"

    def get(self, names: Sequence[str], compute: ComputeFn) -> dict[str, float]:
        """The floors of `names`: kept ones, and of those that are not yet what `compute` gives."""
        found = self.load()
        if new := [name for name in names if name not in found]:
            found |= compute(new)
            self.save(found)
        return {name: found[name] for name in names}

    def load(self) -> dict[str, float]:
        """Those in the file; none where there is no file, or not the one that was written for this pair."""
        try:
            file = read_record(self.path, FloorsFile)
        except InputError:
            return {}
        return {name: float(value) for name, value in file.floors.items()} if file.of == self.of else {}

    def save(self, floors: dict[str, float]) -> None:
        """Write them, with those that another process has written meanwhile."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        found = (self.load() | floors).items()
        table = {name: value if math.isfinite(value) else str(float(value)) for name, value in found}
        write_json(self.path, {"format": FORMAT, "of": self.of, "floors": table})
