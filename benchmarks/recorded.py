"""The logs that the tests read (tests/training/recorded), as runs for the first atlas."""

from __future__ import annotations

import json
import lzma
from typing import Any, NamedTuple

from monitor import FAILING, RECORDED

from ganzoo.atlas.curves import run_curves
from ganzoo.atlas.store import Run

LEFT_OUT = ("nsgan, feature matching", "nsgan, soft target")
"""Healthy, but no recipe: they test the atlas's band of nsgan and do not make it."""


class Log(NamedTuple):
    """A recorded log: its cell of benchmarks/monitor.py, its seed, its curves."""

    cell: str
    seed: int
    run: Run


def entries(name: str) -> dict[str, Any]:
    """The records and the loss of each run in a file."""
    found: dict[str, Any] = json.loads(lzma.decompress((RECORDED / f"{name}.json.xz").read_bytes()))
    return found


def read(name: str) -> list[Log]:
    """The logs in a file."""
    return [log(run, entry) for run, entry in entries(name).items()]


def log(name: str, entry: dict[str, Any]) -> Log:
    """One log; those of one seed are named without it."""
    cell, _, seed = name.rpartition("-s") if name.rpartition("-s")[2].isdecimal() else (name, "", "0")
    loss = entry["loss"] if isinstance(entry["loss"], str) else entry["loss"]["name"]
    given = FAILING[cell][1] if cell in FAILING else {}
    steps = given.get("train.steps", entry["records"][-1]["step"])
    data = given.get("data.spec", "digits")
    return Log(cell, int(seed), Run(loss, data, steps, run_curves(entry["records"], steps)))


def healthy() -> list[Log]:
    """Healthy runs of recipes on digits; a recipe that changed since has the later runs only."""
    later = [each for each in read("healthy") if each.cell not in LEFT_OUT]
    changed = {each.run.loss for each in later} - {"nsgan"}
    return [each for each in read("earlier-healthy") if each.run.loss not in changed] + later


def failing() -> list[Log]:
    """Failed runs, each cell and seed once."""
    found = {(each.cell, each.seed): each for name in ("earlier-failing", "failing") for each in read(name)}
    return list(found.values())
