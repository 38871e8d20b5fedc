"""The schema of `results.json`: `Results` documents the whole file, and all code about comparisons works on it."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ganzoo.atomic_io import FORMAT
from ganzoo.experiments.budget import Budget
from ganzoo.experiments.cell_schema import CellOutcome, Inside, Metric
from ganzoo.experiments.job import ScoringOptions
from ganzoo.json_io import Amount, Count, FileSchema, Measured, Shape


class TrainingData(FileSchema):
    """The data that all cells are trained on."""

    spec: str
    """As `--data` takes it."""
    name: str
    """Of the set."""
    digest: str
    """SHA-256 of the prepared images and labels."""
    count: Count
    """Images."""
    shape: Shape
    """(C, H, W)."""
    split: str
    """`train`."""


class _ScoredWeights(FileSchema):
    # The first key of the protocol: pydantic begins with the fields of the last base.
    checkpoint: str
    """The weights that are scored, in words."""


class Protocol(ScoringOptions, _ScoredWeights):
    """Training and scoring of all cells."""

    threads: Annotated[int, Field(ge=1, le=1024)]
    """CPU threads of each cell."""
    jobs: int | str
    """Cells at once on one machine; where cells differ, all that occur, in words."""
    device: str
    """Of training and scoring."""
    precision: str
    """Of the networks in training."""
    set: dict[str, Any]
    """The dotted config keys that were set for all cells, with their values."""
    tuning: Count
    """Draws of hyperparameters for each setting; 0 = none."""
    plugins: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each of the user's files, by name; left out where there are none."""
    seeds: list[Count] = Field(default_factory=list)
    """All that any setting was trained with."""


class SettingRecord(FileSchema):
    """A row of the comparison: a variant, or a variant with switches."""

    name: str
    """Unique within the comparison."""
    variant: str
    """As the user named it: a recipe or a TOML file."""
    overrides: dict[str, Any]
    """The dotted config keys in which it differs from the variant, apart from `protocol.set`."""
    switches: list[str]
    """Techniques that are on in an ablation."""
    refused: str | None
    """None: settings that cannot be trained are in `refused`."""
    left_out: dict[str, str]
    """Of the setting `all`: each switch that is not in it, with the reason."""


class Refusal(FileSchema):
    """A setting that is not run."""

    setting: str
    """Its name, or "all without SWITCH"."""
    reason: str
    """The error, or the conflict with another switch."""


class CellPlace(FileSchema):
    """Setting, seed and folder of a cell."""

    setting: str
    """The name of its setting."""
    seed: Count
    """Of training."""
    folder: Inside
    """The run, from the folder of the comparison."""


class CellEntry(CellOutcome, CellPlace):
    """A cell in `results.json`."""


class SummaryRow(FileSchema):
    """A setting under one score: its median over seeds, with the bootstrap interval of the median."""

    setting: str
    """The name of the setting."""
    protocol: str
    """The name of the score."""
    median: Measured
    """None where no seed has the score; also, with `n` above 0, where it is not finite."""
    low: Measured
    """Lower end of the interval; None as for the median."""
    high: Measured
    """Upper end of the interval; None as for the median."""
    n: Count
    """Seeds with the score."""
    failed: Count
    """Seeds that failed."""
    rank: Count | None
    """From 1, which is the best; equal medians share a rank. None where no seed has the score."""
    overlaps: list[str]
    """The settings whose intervals overlap its own."""


class Trial(FileSchema):
    """One draw of hyperparameters, and its score."""

    overrides: dict[str, Any]
    """The dotted config keys that were drawn, with their values."""
    status: Literal["done", "failed", "unfinished"]
    """As of a cell."""
    scores: dict[str, Measured]
    """By protocol, against the tuning split."""


class TunedSetting(FileSchema):
    """The draws of one setting."""

    chosen: Count | None
    """Index of the best trial; None where no trial has a score."""
    not_drawn: dict[str, str]
    """The ranges from which nothing is drawn for this setting, each with the reason."""
    trials: list[Trial]
    """One a draw."""


class Tuning(FileSchema):
    """`--tune`: the draws of all settings."""

    draws: Count
    """For each setting."""
    seed: Count
    """Of every tuning run."""
    split: str
    """The split that tuning runs are scored against."""
    settings: dict[str, TunedSetting]
    """By the name of the setting."""


class ResultsHeader(FileSchema):
    """The part of `results.json` that is known before any cell is trained."""

    format: int = FORMAT
    """Version of the file format."""
    kind: Literal["compare", "ablate"]
    """The command."""
    command: str
    """The one command that gives all of these results."""
    options: list[str]
    """The words of the last command behind settings and seeds."""
    data: TrainingData
    """The same for all cells."""
    budget: Budget
    """The same for all cells."""
    protocol: Protocol
    """The same for all cells, but for the metrics that a setting cannot have."""


class Results(ResultsHeader):
    """`results.json`: everything that a comparison found."""

    settings: list[SettingRecord]
    """Those that are trained, in the order of first mention."""
    refused: list[Refusal]
    """Those that are not, and what the setting `all` leaves out."""
    floors: dict[str, Amount]
    """By protocol: the score of real images, which a perfect generator would reach."""
    metrics: list[Metric]
    """Every score, in the order of the table's columns; the first ranks the settings."""
    cells: list[CellEntry]
    """By setting, then by seed."""
    summary: list[SummaryRow]
    """Score by score, best first."""
    hardware: str
    """Of all cells; where they differ, all that occur, in words."""
    versions: dict[str, str]
    """Of all cells; where they differ, all that occur, in words."""
    tuning: Tuning | None
    """None without `--tune`."""

    @model_validator(mode="after")
    def _names_what_there_is(self) -> "Results":
        names = {setting.name for setting in self.settings}
        for named in (*(cell.setting for cell in self.cells), *(row.setting for row in self.summary)):
            if named not in names:
                raise ValueError(f"{named!r} is none of the settings")
        return self

    def cells_of(self, setting: str) -> list[CellEntry]:
        """The cells of one setting, by seed."""
        return sorted((cell for cell in self.cells if cell.setting == setting), key=lambda cell: cell.seed)
