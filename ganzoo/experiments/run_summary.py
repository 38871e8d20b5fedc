"""Summary of a finished run: cost, training curve, findings of the monitor."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ganzoo.builder import build_modules
from ganzoo.experiments.cell_schema import CellFinding, CellOutcome, Cost, CurvePoint
from ganzoo.json_io import read_record
from ganzoo.training import checkpoint
from ganzoo.training.loop import count_parameters
from ganzoo.training.progress import player_loss
from ganzoo.training.run_dir import FindingRecord, LogRecord, RunDir

MAX_POINTS = 60


@dataclass(frozen=True)
class Progress:
    """Counters of a run at its last step."""

    step: int = 0
    d_steps: int = 0
    g_steps: int = 0
    images: int = 0
    seconds: float = 0


def summarize_run(run: RunDir, failure: str | None) -> CellOutcome:
    """The outcome of a cell without its scores; `failure` is the reason if training failed."""
    findings, records = [FindingRecord.model_validate(each) for each in run.findings()], log_records(run)
    return CellOutcome(
        status="failed" if failure else "done",
        finding=failure_text(findings, failure),
        cost=run_cost(run),
        curve=log_curve(records),
        curve_score=next((name for record in records for name in record.scores if is_curve_score(name)), None),
        findings=[CellFinding(rule=each.rule, step=each.step) for each in findings],
        grid=last_grid(run),
        scores={},
    )


def failure_text(findings: Sequence[FindingRecord], failure: str | None) -> str | None:
    """The reason of a failed run: the monitor's last fatal finding, else `failure`. None for a run that did not fail."""
    if failure is None:
        return None
    return next((each.text for each in reversed(findings) if each.fatal), failure)


def log_records(run: RunDir) -> list[LogRecord]:
    """The log of a run."""
    return [LogRecord.model_validate(each) for each in run.records()]


def run_cost(run: RunDir) -> Cost:
    """Cost of the run: steps, images, seconds, weights, and peak memory (of this process only)."""
    spent, game = last_counters(run), build_modules(run.config())
    return Cost(
        d_steps=spent.d_steps,
        g_steps=spent.g_steps,
        images=spent.images,
        seconds=spent.seconds,
        g_parameters=count_parameters(game.generator),
        d_parameters=count_parameters(game.discriminator),
        memory_mib=peak_memory(run.config().train.device),
    )


def last_counters(run: RunDir) -> Progress:
    """The counters and seconds of the last step that was saved or logged."""
    states = [read_record(path / "state.json", checkpoint.State) for path in checkpoint.saved_states(run.states)]
    saved = [progress(state.counters, state.seconds) for state in states]
    logged = [progress(record, record.seconds) for record in log_records(run)]
    return max([*saved, *logged], key=lambda each: each.step, default=Progress())


def progress(counted: checkpoint.Counters | LogRecord, seconds: float) -> Progress:
    """The counters of a saved state or log record, with `seconds`."""
    return Progress(counted.step, counted.d_steps, counted.g_steps, counted.images, seconds)


def peak_memory(device: str) -> float | None:
    """Peak memory in MiB: reserved by PyTorch on the GPU, or of this process; None if the system does not report it."""
    if device.startswith("cuda"):
        return round(
            torch.cuda.max_memory_reserved(device) / 2**20, 1
        )  # memory of CUDA graphs does not count as allocated
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def log_curve(records: Sequence[LogRecord]) -> list[CurvePoint]:
    """At most 60 points of the log; half of them with a score, if scores were computed in training."""
    scored = [record for record in records if score_in_record(record) is not None]
    kept = (
        [*thin_records(records, MAX_POINTS // 2), *thin_records(scored, MAX_POINTS // 2)]
        if scored
        else thin_records(records, MAX_POINTS)
    )
    by_step = {record.step: record for record in kept}
    return [curve_point(by_step[step]) for step in sorted(by_step)]


def thin_records(records: Sequence[LogRecord], limit: int) -> list[LogRecord]:
    """At most `limit` records: the last one, and every 1st, 2nd, 4th, ... record, so that runs of any length share steps."""
    stride = 1
    while len(records[::stride]) >= limit:
        stride *= 2
    return [*records[::stride], *(records[-1:] if (len(records) - 1) % stride else ())]


def curve_point(record: LogRecord) -> CurvePoint:
    """One point of the curve: both players' losses, each the sum of its terms, and the score, if any."""
    terms = {f"{player}/loss": player_loss(record.terms, player) for player in ("d", "g")}
    return CurvePoint(
        step=record.step,
        seconds=record.seconds,
        images=record.images,
        terms={name: round(value, 5) if math.isfinite(value) else None for name, value in terms.items()},
        score=score_in_record(record),
    )


def score_in_record(record: LogRecord) -> float | None:
    """The score of `train.eval_every` in a log record, or None."""
    return next((value for name, value in record.scores.items() if is_curve_score(name)), None)


def is_curve_score(name: str) -> bool:
    """True for a score of `train.eval_every`, False for another value measured in training, such as the test error."""
    return name.startswith(("kid-", "fid-"))


def last_grid(run: RunDir) -> str | None:
    """The newest sample grid, relative to the run folder; None without grids."""
    grids = sorted(run.samples.glob("*.png"))
    return grids[-1].relative_to(run.folder).as_posix() if grids else None
