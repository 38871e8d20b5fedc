"""Schema of `cell.json`: the record of one cell, written by the worker that trained and scored it."""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ganzoo.atomic_io import FORMAT
from ganzoo.evaluation.score import Better
from ganzoo.experiments.environment import Environment
from ganzoo.experiments.job import ScoringOptions
from ganzoo.json_io import Amount, Count, FileSchema, Measured, Shape


def inside(path: str) -> str:
    """Return `path`; raises `ValueError` unless it is inside the folder of the file that contains it."""
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("the path is outside the folder")
    return path


Inside = Annotated[str, AfterValidator(inside)]


class Cost(FileSchema):
    """The cost of a run."""

    d_steps: Count
    """D steps."""
    g_steps: Count
    """G steps."""
    images: Count
    """Reals shown to D, in D and G steps."""
    seconds: Amount
    """Training time, including sample grids and saving, without `train.eval_every`."""
    g_parameters: Count
    """Trained weights of G."""
    d_parameters: Count
    """Trained weights of D."""
    memory_mib: Measured
    """Peak memory in MiB, of the GPU or else of the last process; None if the system does not report it."""


class CurvePoint(FileSchema):
    """One point of the training curve."""

    step: Count
    """G steps."""
    seconds: Amount
    """Training time until this step."""
    images: Count
    """Reals shown to D until this step."""
    terms: dict[str, Measured]
    """`d/loss` and `g/loss`, each the sum of the player's terms; None if not finite."""
    score: Measured = None
    """The score during training (`train.eval_every`), if any."""


class CellFinding(FileSchema):
    """A finding of the monitor."""

    rule: str
    """Name of the rule."""
    step: Count
    """G steps until the finding."""


class Metric(FileSchema):
    """A metric and the name of its score."""

    protocol: str
    """Name of the score, such as `fid-digits@10k/test`: metric, extractor, samples, split."""
    metric: str
    """Name of the metric, such as `fid`."""
    better: Better
    """The direction of improvement."""


class ScoreDetail(FileSchema):
    """Details of a score other than its value."""

    spread: Measured
    """Standard deviation over the metric's subsets; not a confidence interval of the score."""
    reference_n: Count | None
    """Number of real images in the reference; None if it needs no reference."""
    details: dict[str, Measured]
    """Further numbers of the metric, such as KID's subsets, by name."""


class ScoreAtFloor(FileSchema):
    """A floor computed from fewer images, and the score at that number of samples."""

    n: Count
    """Number of images."""
    floor: Amount
    """The score of real images."""
    value: Measured
    """The score of `n` samples; None if not finite."""


class UsedExtractor(FileSchema):
    """The feature extractor of a cell's scores."""

    name: str
    """As in the names of scores."""
    sha256: str
    """SHA-256 of its weights."""
    size: Count | None = None
    """Image size in pixels used."""
    native_size: Count | None = None
    """Image size in pixels for which it was trained."""


class UsedSplit(FileSchema):
    """One split of the data."""

    count: Count
    """Number of images."""
    digest: str
    """SHA-256 of images and labels."""


class UsedData(FileSchema):
    """The data of a cell's scores."""

    name: str | None = None
    """Name of the data set."""
    shape: Shape | None = None
    """(C, H, W)."""
    splits: dict[str, UsedSplit] = Field(default_factory=dict)
    """By name of the split."""


class MeasuredWith(FileSchema):
    """Extractor, real images and samples of all scores of a cell."""

    extractor: UsedExtractor | None = None
    """None if the modes of the data are counted instead."""
    data: UsedData = UsedData()
    """The real images."""
    samples: str | None = None
    """Description of the seeds and classes."""


class CellOutcome(FileSchema):
    """The fields that `cell.json` and a cell in `results.json` share; dictionaries of scores have protocols as keys."""

    ran: Environment | None = None
    """Machine and software of its last process; None for older cells."""
    status: Literal["done", "failed", "unfinished"]
    """A diverged run has failed; its cell is finished."""
    finding: str | None
    """For a failed cell: the monitor's finding, or the error."""
    cost: Cost | None
    """None until it is finished."""
    curve: list[CurvePoint]
    """At most 60 points."""
    curve_score: str | None = None
    """Name of the score in the curve, such as `kid-digits@1k/train`; None without `train.eval_every` or in older cells."""
    findings: list[CellFinding]
    """All findings of the monitor."""
    grid: Inside | None
    """The last sample grid, relative to the folder of this file."""
    scores: dict[str, Measured]
    """None for a score that is not finite, which counts as the worst; a failed cell has no scores."""
    details: dict[str, ScoreDetail] = Field(default_factory=dict)
    """Empty for older cells."""
    measured_with: MeasuredWith = MeasuredWith()
    """Empty for older cells."""
    at_floor: dict[str, ScoreAtFloor] = Field(default_factory=dict)
    """Only scores whose floor was computed from fewer images."""


class _Head(FileSchema):
    # The first keys of the file: pydantic orders the fields of the last base class first.
    format: int = FORMAT
    """Version of the file format."""
    measure: ScoringOptions
    """Scoring options."""


class CellRecord(CellOutcome, _Head):
    """`cell.json`: a finished cell."""

    status: Literal["done", "failed"]
    """A diverged run has failed."""
    cost: Cost
    """Cost of training, without scoring."""
    metrics: list[Metric]
    """Every score, in the order of the table's columns."""
    floors: dict[str, Amount]
    """By protocol: the score of real images."""
