"""What a finished run tells of itself: its cost, its curve, what the monitor found."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence

import torch

from ganzoo.builder import build_modules
from ganzoo.config.schema import Table
from ganzoo.json_io import read_table
from ganzoo.training import checkpoint
from ganzoo.training.loop import count_parameters
from ganzoo.training.progress import player_loss
from ganzoo.training.run_dir import RunDir
from ganzoo.training.trainer import COUNTERS

MAX_POINTS = 60


def summarize_run(run: RunDir, failure: str | None) -> Table:
    """The entry of a cell in results.json but for its scores; `failure` is what the training failed of."""
    records, findings = run.records(), run.findings()
    return {
        "status": "failed" if failure else "done",
        "finding": failure_text(findings, failure),
        "cost": run_cost(run),
        "curve": log_curve(records),
        "findings": [{"rule": each["rule"], "step": each["step"]} for each in findings],
        "grid": last_grid(run),
    }


def failure_text(findings: Sequence[Table], failure: str | None) -> str | None:
    """What a failed run is named by: the monitor's last finding that stops a training, or else what the training said."""
    if failure is None:
        return None
    return next((each["text"] for each in reversed(findings) if each["fatal"]), failure)


def run_cost(run: RunDir) -> Table:
    """What the run took: steps, images, seconds, weights, and the memory of this process at its peak (of this sitting)."""
    spent, game = last_counters(run), build_modules(run.config())
    return {name: spent[name] for name in ("d_steps", "g_steps", "images", "seconds")} | {
        "g_parameters": count_parameters(game.generator),
        "d_parameters": count_parameters(game.discriminator),
        "memory_mib": peak_memory(run.config().train.device),
    }


def last_counters(run: RunDir) -> Table:
    """The counters and seconds of the last step that the run saved or logged."""
    saved = [read_table(path / "state.json", checkpoint.State) for path in checkpoint.saved_states(run.states)]
    told = [state["counters"] | {"seconds": state["seconds"]} for state in saved] + run.records()
    nothing = dict.fromkeys((*COUNTERS, "seconds"), 0)
    return max(told, key=lambda each: each["step"], default=nothing)


def peak_memory(device: str) -> float | None:
    """MiB at the peak: that PyTorch held of the GPU, or of this process; None where the system does not say."""
    if device.startswith("cuda"):
        return round(torch.cuda.max_memory_reserved(device) / 2**20, 1)  # what graphs keep does not count as allocated
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return round(peak / (2**20 if sys.platform == "darwin" else 2**10), 1)


def log_curve(records: Sequence[Table]) -> list[Table]:
    """At most 60 points of the log; half of them with a score, where scores were taken in training."""
    scored = [record for record in records if score_in_record(record) is not None]
    kept = (
        [*thin_records(records, MAX_POINTS // 2), *thin_records(scored, MAX_POINTS // 2)]
        if scored
        else thin_records(records, MAX_POINTS)
    )
    by_step = {record["step"]: record for record in kept}
    return [curve_point(by_step[step]) for step in sorted(by_step)]


def thin_records(records: Sequence[Table], limit: int) -> list[Table]:
    """At most `limit` records: the last, and every one, second, fourth, ... so that runs of any length share steps."""
    stride = 1
    while len(records[::stride]) >= limit:
        stride *= 2
    return [*records[::stride], *(records[-1:] if (len(records) - 1) % stride else ())]


def curve_point(record: Table) -> Table:
    """One point of the curve: both players' losses, each the sum of its terms, and the score, if one was taken."""
    terms = {f"{player}/loss": player_loss(record, player) for player in ("d", "g")}
    return {
        "step": record["step"],
        "seconds": record["seconds"],
        "images": record["images"],
        "terms": {name: round(value, 5) if math.isfinite(value) else None for name, value in terms.items()},
        "score": score_in_record(record),
    }


def score_in_record(record: Table) -> float | None:
    """What the evaluation's curve has at a record (`train.eval_every`); what else is taken in training is another quantity."""
    scores = record.get("scores", {}).items()
    return next((value for name, value in scores if name.startswith(("kid-", "fid-"))), None)


def last_grid(run: RunDir) -> str | None:
    """The newest grid, from the run's folder."""
    grids = sorted(run.samples.glob("*.png"))
    return grids[-1].relative_to(run.folder).as_posix() if grids else None
