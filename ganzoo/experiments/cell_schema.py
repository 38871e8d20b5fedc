"""The schema of `cell.json`: the record of one cell, written by the process that trained and scored it."""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ganzoo.atomic_io import FORMAT
from ganzoo.evaluation.score import Better
from ganzoo.experiments.environment import Environment
from ganzoo.experiments.job import ScoringOptions
from ganzoo.json_io import Amount, Count, FileSchema, Measured, Shape


def inside(path: str) -> str:
    """A path within the folder of the file that names it; raises `ValueError` otherwise."""
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ValueError("the path leads out of the folder")
    return path


Inside = Annotated[str, AfterValidator(inside)]


class Cost(FileSchema):
    """The cost of a run."""

    d_steps: Count
    """Steps of D."""
    g_steps: Count
    """Steps of G."""
    images: Count
    """Reals that D judged, in the steps of both players."""
    seconds: Amount
    """Training with grids and saving."""
    g_parameters: Count
    """Weights of G that are trained."""
    d_parameters: Count
    """Weights of D that are trained."""
    memory_mib: Measured
    """Peak memory in MiB, of the GPU or else of the last process; None where the system does not say."""


class CurvePoint(FileSchema):
    """A point of a training curve."""

    step: Count
    """Steps of G."""
    seconds: Amount
    """Of training until then."""
    images: Count
    """That D had judged."""
    terms: dict[str, Measured]
    """`d/loss` and `g/loss`, each the sum of the player's terms; None where not finite."""
    score: Measured = None
    """The score in training (`train.eval_every`), where one was taken."""


class CellFinding(FileSchema):
    """A finding of the monitor."""

    rule: str
    """The monitor's name for it."""
    step: Count
    """Steps of G until then."""


class Metric(FileSchema):
    """A score by the name of its protocol."""

    protocol: str
    """As in `fid-digits@10k/test`: metric, extractor, samples, split."""
    metric: str
    """As in `fid`."""
    better: Better
    """The direction of improvement."""


class ScoreDetail(FileSchema):
    """Facts about a score besides its value."""

    spread: Measured
    """Standard deviation over the metric's own subsets; not an interval of the score."""
    reference_n: Count | None
    """Real images that it is against; None where it needs none."""
    details: dict[str, Measured]
    """The metric's own numbers, such as KID's subsets, by name."""


class ScoreAtFloor(FileSchema):
    """A floor that had to be taken of fewer images, and the score at that number."""

    n: Count
    """Images."""
    floor: Amount
    """The score of real images."""
    value: Measured
    """The score of as many samples; None where not finite."""


class UsedExtractor(FileSchema):
    """The feature extractor of a cell's scores."""

    name: str
    """As in the names of scores."""
    sha256: str
    """Of its weights."""
    size: Count | None = None
    """Side in pixels at which it saw the images."""
    native_size: Count | None = None
    """Side in pixels for which it was trained."""


class UsedSplit(FileSchema):
    """One split of the data."""

    count: Count
    """Images."""
    digest: str
    """SHA-256 of images and labels."""


class UsedData(FileSchema):
    """The data of a cell's scores."""

    name: str | None = None
    """Of the set."""
    shape: Shape | None = None
    """(C, H, W)."""
    splits: dict[str, UsedSplit] = Field(default_factory=dict)
    """By the name of the split."""


class MeasuredWith(FileSchema):
    """Extractor, real images and samples of all scores of a cell."""

    extractor: UsedExtractor | None = None
    """None where the modes of the data are counted."""
    data: UsedData = UsedData()
    """The real images."""
    samples: str | None = None
    """The choice of seeds and classes, in words."""


class CellOutcome(FileSchema):
    """The part that `cell.json` and a cell in `results.json` share; dictionaries of scores have protocols as keys."""

    ran: Environment | None = None
    """Its machine and software, of its last process; older cells do not say."""
    status: Literal["done", "failed", "unfinished"]
    """A run that diverged has failed, and is finished."""
    finding: str | None
    """Of a failed cell: the monitor's finding, or the error."""
    cost: Cost | None
    """None while it is unfinished."""
    curve: list[CurvePoint]
    """At most 60 points."""
    findings: list[CellFinding]
    """All that the monitor found."""
    grid: Inside | None
    """The last sample grid, from the folder of the file that names it."""
    scores: dict[str, Measured]
    """None for a score that is not finite, which counts as the worst; a failed cell has no score."""
    details: dict[str, ScoreDetail] = Field(default_factory=dict)
    """Older cells have none."""
    measured_with: MeasuredWith = MeasuredWith()
    """Older cells do not say."""
    at_floor: dict[str, ScoreAtFloor] = Field(default_factory=dict)
    """Only scores whose floor was taken of fewer images."""


class _Head(FileSchema):
    # The first keys of the file: pydantic begins with the fields of the last base.
    format: int = FORMAT
    """Version of the file format."""
    measure: ScoringOptions
    """Its scoring."""


class CellRecord(CellOutcome, _Head):
    """`cell.json`: a cell that is finished."""

    status: Literal["done", "failed"]
    """A run that diverged has failed."""
    cost: Cost
    """Of training, not of scoring."""
    metrics: list[Metric]
    """Every score, in the order of the table's columns."""
    floors: dict[str, Amount]
    """By protocol: the same score of real images."""
