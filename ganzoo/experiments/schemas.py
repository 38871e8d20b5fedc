"""The schemas of `cell.json` and `results.json`."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from ganzoo.evaluation.score import Better
from ganzoo.json_io import Count, FileSchema, Finite, Number, Shape


def inside(path: str) -> str:
    """A path within the folder of the file that names it; raises `ValueError` otherwise."""
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("the path leads out of the folder")
    return path


Inside = Annotated[str, AfterValidator(inside)]


class Machine(FileSchema):
    """What a cell ran on; in `results.json`, where cells differ, all of it joined in words."""

    jobs: int | str
    hardware: str
    versions: dict[str, str]


class Cost(FileSchema):
    """What a run took."""

    d_steps: Count
    g_steps: Count
    images: Count
    seconds: Finite
    g_parameters: Count
    d_parameters: Count
    memory_mib: Number


class Point(FileSchema):
    """A point of a curve."""

    step: Count
    seconds: Finite
    images: Count
    terms: dict[str, Number]
    score: Number = None


class Found(FileSchema):
    """What the monitor found: which rule, and when."""

    rule: str
    step: Count


class ScoreName(FileSchema):
    """A score by its protocol."""

    protocol: str
    metric: str
    better: Better


class Detail(FileSchema):
    """What is kept of a score besides its value."""

    spread: Number
    reference_n: Count | None
    details: dict[str, Number]


class AtFloor(FileSchema):
    """A floor at another number of samples, and the score at that number."""

    n: Count
    floor: Finite
    value: Number


class Weights(FileSchema):
    """The extractor of a score."""

    name: str
    sha256: str


class Split(FileSchema):
    """One split of the data."""

    count: Count
    digest: str


class Splits(FileSchema):
    """The data of a score."""

    splits: dict[str, Split] = Field(default_factory=dict)


class MeasuredWith(FileSchema):
    """What all scores of a cell were measured with."""

    extractor: Weights | None = None
    data: Splits = Splits()


class Outcome(FileSchema):
    """How a cell ended: what `cell.json` and an entry of `results.json` share."""

    finding: str | None
    curve: list[Point]
    findings: list[Found]
    grid: Inside | None
    scores: dict[str, Number]
    details: dict[str, Detail] = Field(default_factory=dict)
    measured_with: MeasuredWith = MeasuredWith()
    at_floor: dict[str, AtFloor] = Field(default_factory=dict)
    ran: Machine = Machine(jobs=1, hardware="not recorded", versions={})  # of older cells


class CellRecord(Outcome):
    """`cell.json`: a cell that is finished."""

    status: Literal["done", "failed"]
    cost: Cost
    measure: dict[str, Any]
    metrics: list[ScoreName]
    floors: dict[str, Finite]


class CellEntry(Outcome):
    """A cell in `results.json`."""

    status: Literal["done", "failed", "unfinished"]
    cost: Cost | None
    setting: str
    seed: Count
    folder: Inside


class SettingRecord(FileSchema):
    """A setting in `results.json`."""

    name: str
    variant: str
    overrides: dict[str, Any]
    switches: list[str]
    refused: str | None
    left_out: dict[str, str]


class Refusal(FileSchema):
    """A setting that is not run."""

    setting: str
    reason: str


class SummaryRow(FileSchema):
    """A setting under one score."""

    setting: str
    protocol: str
    median: Number
    low: Number
    high: Number
    n: Count
    failed: Count
    rank: Count | None
    overlaps: list[str]


class DataFacts(FileSchema):
    """What all cells are trained on."""

    spec: str
    name: str
    digest: str
    count: Count
    shape: Shape
    split: str


class BudgetRecord(FileSchema):
    """What each cell gets."""

    unit: Literal["steps", "images", "minutes"]
    amount: Finite


class Protocol(FileSchema):
    """How cells are trained and scored."""

    checkpoint: str
    n: Count | None
    metrics: list[str] | None
    split: str | None
    threads: Annotated[int, Field(ge=1, le=1024)]
    jobs: int | str
    device: str
    precision: str
    set: dict[str, Any]
    tuning: Count
    seeds: list[Count] = Field(default_factory=list)
    plugins: dict[str, str] = Field(default_factory=dict)


class Trial(FileSchema):
    """A draw of hyperparameters and how it scored."""

    overrides: dict[str, Any]
    status: str
    scores: dict[str, Number]


class Tuned(FileSchema):
    """The draws of one setting."""

    chosen: Count | None
    not_drawn: dict[str, str]
    trials: list[Trial]


class Tuning(FileSchema):
    """The draws of all settings."""

    draws: Count
    seed: Count
    split: str
    settings: dict[str, Tuned]


class Results(FileSchema):
    """`results.json`."""

    hardware: str
    versions: dict[str, str]
    kind: Literal["compare", "ablate"]
    command: str
    options: list[str]
    data: DataFacts
    budget: BudgetRecord
    protocol: Protocol
    settings: list[SettingRecord]
    refused: list[Refusal]
    floors: dict[str, Finite]
    metrics: list[ScoreName]
    cells: list[CellEntry]
    summary: list[SummaryRow]
    tuning: Tuning | None

    @model_validator(mode="after")
    def _names_what_there_is(self) -> Results:
        names = {setting.name for setting in self.settings}
        for named in (*(cell.setting for cell in self.cells), *(row.setting for row in self.summary)):
            if named not in names:
                raise ValueError(f"{named!r} is none of the settings")
        return self
