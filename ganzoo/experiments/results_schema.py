"""Schema of `results.json`: `Results` documents the whole file, and all code for comparisons uses it."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ganzoo.atomic_io import FORMAT
from ganzoo.experiments.budget import Budget
from ganzoo.experiments.cell_schema import CellOutcome, Inside, Metric
from ganzoo.experiments.job import ScoringOptions
from ganzoo.experiments.setting_schema import Refusal, SettingRecord, UsedFile
from ganzoo.json_io import Amount, Count, FileSchema, Measured, Shape


class TrainingData(FileSchema):
    """The training data of all cells."""

    spec: str
    """As for `--data`."""
    name: str
    """Name of the data set."""
    digest: str
    """SHA-256 of the prepared images and labels."""
    count: Count
    """Number of images."""
    shape: Shape
    """(C, H, W)."""
    split: str
    """Always `train`."""


class _ScoredWeights(FileSchema):
    # The first key of the protocol: pydantic orders the fields of the last base class first.
    checkpoint: str
    """Description of the scored weights."""


class Protocol(ScoringOptions, _ScoredWeights):
    """Training and scoring of all cells."""

    threads: Annotated[int, Field(ge=1, le=1024)]
    """CPU threads of each cell."""
    jobs: int | str
    """Simultaneous cells per machine; a text with all values if cells differ."""
    device: str
    """Device of training and scoring."""
    precision: str
    """Precision of the networks in training."""
    set: dict[str, Any]
    """Dotted config keys set for all cells, with their values."""
    tuning: Count
    """Hyperparameter draws per setting; 0 = no tuning."""
    plugins: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each of the user's files, by name; absent without plugins."""
    seeds: list[Count] = Field(default_factory=list)
    """All seeds with which any setting was trained."""


class CellPlace(FileSchema):
    """Setting, seed and folder of a cell."""

    setting: str
    """Name of the setting."""
    seed: Count
    """Training seed."""
    folder: Inside
    """Run folder, relative to the folder of the comparison."""


class CellEntry(CellOutcome, CellPlace):
    """A cell in `results.json`."""


class SummaryRow(FileSchema):
    """One score of a setting: the median over seeds, with a bootstrap confidence interval of the median."""

    setting: str
    """Name of the setting."""
    protocol: str
    """Name of the score."""
    median: Measured
    """None if no seed has the score, or, with `n` above 0, if the median is not finite."""
    low: Measured
    """Lower end of the interval; None as for the median."""
    high: Measured
    """Upper end of the interval; None as for the median."""
    n: Count
    """Number of seeds with the score."""
    failed: Count
    """Number of failed seeds."""
    rank: Count | None
    """1 = best; equal medians share a rank. None if no seed has the score."""
    overlaps: list[str]
    """The settings whose intervals overlap that of this setting."""


class Trial(FileSchema):
    """One draw of hyperparameters, with its scores."""

    overrides: dict[str, Any]
    """The drawn values, by dotted config key."""
    status: Literal["done", "failed", "unfinished"]
    """As for a cell."""
    scores: dict[str, Measured]
    """By protocol, with the tuning split as reference."""


class TunedSetting(FileSchema):
    """The draws of one setting."""

    chosen: Count | None
    """Index of the best trial; None if no trial has a score."""
    not_drawn: dict[str, str]
    """The ranges excluded for this setting, each with the reason."""
    trials: list[Trial]
    """One per draw."""


class Tuning(FileSchema):
    """`--tune`: the draws of all settings."""

    draws: Count
    """Draws per setting."""
    seed: Count
    """Seed of every tuning run."""
    split: str
    """Reference split of the tuning runs' scores."""
    settings: dict[str, TunedSetting]
    """By name of the setting."""


class ResultsHeader(FileSchema):
    """The part of `results.json` that is known before training."""

    format: int = FORMAT
    """Version of the file format."""
    kind: Literal["compare", "ablate"]
    """The command."""
    command: str
    """One command that reproduces all of these results."""
    options: list[str]
    """Arguments of the last command except settings and seeds."""
    data: TrainingData
    """The same for all cells."""
    budget: Budget
    """The same for all cells."""
    protocol: Protocol
    """The same for all cells, except that a setting may lack metrics which it does not support."""
    files: list[UsedFile] = Field(default_factory=list)
    """Every recipe and plugin, with its text; empty in older results."""
    losses: dict[str, str] = Field(default_factory=dict)
    """Name of each loss -> its docstring, with paper and formulas; empty in older results."""


class Results(ResultsHeader):
    """`results.json`: all results of a comparison."""

    settings: list[SettingRecord]
    """The trained settings, in the order of first mention."""
    refused: list[Refusal]
    """The settings that are not trained, and the switches omitted from the setting `all`."""
    floors: dict[str, Amount]
    """By protocol: the score of real images, which a perfect generator would reach."""
    metrics: list[Metric]
    """Every score, in the order of the table's columns; the first ranks the settings."""
    cells: list[CellEntry]
    """By setting, then by seed."""
    summary: list[SummaryRow]
    """Score by score, best first."""
    hardware: str
    """The machine of all cells; a text with all values if cells differ."""
    versions: dict[str, str]
    """The software of all cells; a text with all values if cells differ."""
    tuning: Tuning | None
    """None without `--tune`."""

    @model_validator(mode="after")
    def _names_what_there_is(self) -> "Results":
        names = {setting.name for setting in self.settings}
        for named in (*(cell.setting for cell in self.cells), *(row.setting for row in self.summary)):
            if named not in names:
                raise ValueError(f"{named!r} is not one of the settings")
        return self

    def cells_of(self, setting: str) -> list[CellEntry]:
        """The cells of one setting, by seed."""
        return sorted((cell for cell in self.cells if cell.setting == setting), key=lambda cell: cell.seed)
