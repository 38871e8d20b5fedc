"""Runs of `ganzoo train` in other processes: started or resumed, then scored."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median


def train(folder: Path, new: Iterable[str]) -> None:
    """Resume the run in `folder`, or start it with the arguments `new`; a finished run stays unchanged."""
    begun = ["--resume", str(folder)] if (folder / "config.json").exists() else [*new, "--out", str(folder)]
    ganzoo("train", *begun, "--quiet")


def scores(folder: Path, *options: str) -> dict[str, float]:
    """The scores of a run by name, with four decimals."""
    found = json.loads(ganzoo("evaluate", str(folder), *options, "--json"))
    return {each["name"]: round(each["value"], 4) for each in found["scores"]}


def spread(values: list[float], digits: int = 3) -> str:
    """The median of a few seeds and, if there are several, the lowest and the highest value; "-" without any."""
    if not values:
        return "-"
    ends = f" ({min(values):.{digits}g} to {max(values):.{digits}g})" if len(values) > 1 else ""
    return f"{median(values):.{digits}g}{ends}"


def in_parallel(jobs: int, works: Iterable[Callable[[], object]]) -> None:
    """Call each of `works` in one of `jobs` threads; raises the first error after all have ended."""
    with ThreadPoolExecutor(jobs) as pool:
        done = [pool.submit(work) for work in works]
    for each in done:
        each.result()


def ganzoo(*words: str, folder: Path | None = None) -> str:
    """The output of a command with one thread, run in `folder`; raises `CalledProcessError` if it fails."""
    command, env = [sys.executable, "-m", "ganzoo", *words], os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=env, cwd=folder).stdout
