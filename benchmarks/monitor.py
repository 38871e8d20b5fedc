"""Runs that are made to fail, and those of a comparison: does the monitor name the first and leave the second alone?

    python benchmarks/monitor.py RUNS --healthy COMPARED [--jobs 2] [--report]

Every cell is an ordinary run below RUNS with one thread; a finished or failed one is skipped, an interrupted one goes on.
COMPARED is the folder of a `ganzoo compare`. The table goes into docs/monitor.md, thinned logs to where the tests read them;
`--report` only writes them from what is there.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from ganzoo import api
from ganzoo.config import Config
from ganzoo.errors import TrainingFailed
from ganzoo.latent import Latent
from ganzoo.losses import LOSSES
from ganzoo.recipes import make, nested
from ganzoo.training.rules import diagnose
from ganzoo.training.run import Run
from ganzoo.training.signs import Record

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests/training/recorded"
NARROW = {"networks.generator.width": 16, "networks.discriminator.width": 16}
FAILING: dict[str, tuple[str, dict[str, Any]]] = {
    "D's rate x100, no norm": (
        "hinge",
        {"train.discriminator.lr": 5e-2, "networks.discriminator.spectral": False, "train.steps": 600},
    ),
    "D far ahead": (
        "minimax",
        {
            "train.discriminator.lr": 2e-2,
            "networks.discriminator.norm": "none",
            "networks.init": "he",
            "train.steps": 600,
        },
    ),
    "no penalty, huge rates": (
        "wgan-gp",
        {"loss.weight": 0.0, "train.discriminator.lr": 0.05, "train.generator.lr": 0.05, "train.steps": 300},
    ),
    "no penalty": ("wgan-gp", {"loss.weight": 0.0, "train.steps": 300}),
    "D hardly learns": (
        "nsgan",
        {"train.discriminator.lr": 1e-6, "train.generator.lr": 2e-3, "train.steps": 800},
    ),
    "G ignores z": ("nsgan", {"train.steps": 700}),
    "G ignores z, labels given": ("cgan", {"train.steps": 700}),
    "the players chase each other": (
        "nsgan",
        {
            "data.spec": "ring",
            "train.discriminator": {"lr": 1e-3, "betas": [0.9, 0.999]},
            "train.generator": {"lr": 1e-3, "betas": [0.9, 0.999]},
            "train.steps": 2000,
        },
    ),
    "NaN injected": ("nsgan", {"train.steps": 300}),
}
"""A cell made to fail: the variant, and what is set."""


def train(folder: Path, config: Config, cell: str) -> None:
    """Train one cell to its end, go on with it, or leave it as it is."""
    if (folder / "outcome.json").exists():
        return
    spoil(cell)
    try:
        api.resume(folder) if (folder / "config.json").exists() else api.train(config, out=folder)
        outcome = "done"
    except TrainingFailed as failure:
        outcome = str(failure)
    (folder / "outcome.json").write_text(json.dumps(outcome))


def spoil(cell: str) -> None:
    """What no setting can do: a G that is always given the same z, a weight that becomes NaN."""
    if cell.startswith("G ignores z"):
        Latent._z = lambda self, n, device: torch.zeros(n, self.dim, device=device)  # type: ignore[method-assign]
    if cell == "NaN injected":
        nsgan, calls = LOSSES["nsgan"], []
        g_loss = nsgan.g_loss

        def poisoned(self: Any, real: Any, fake: Any) -> Any:
            calls.append(1)
            return {
                name: term * (float("nan") if len(calls) == 150 else 1)
                for name, term in g_loss(self, real, fake).items()
            }

        nsgan.g_loss = poisoned  # type: ignore[method-assign]


def cells() -> dict[str, Config]:
    """Every cell that is made to fail, and its config."""
    own = {"train.threads": 1, "train.save_every": 100_000}
    return {
        name: make(variant, nested(own | ({} if "data.spec" in given else NARROW) | given))
        for name, (variant, given) in FAILING.items()
    }


def slim(record: Record) -> Record:
    """A record as the tests need it: four digits of each reading."""
    return {"step": record["step"], "terms": {k: v and float(f"{v:.4g}") for k, v in record["terms"].items()}}


def keep(name: str, runs: dict[str, Path]) -> None:
    """Write the logs of `runs` for the tests."""
    kept = {cell: {"loss": Run(path).config().loss["name"], "records": list(map(slim, Run(path).records()))}
            for cell, path in runs.items()}  # fmt: skip
    RECORDED.mkdir(parents=True, exist_ok=True)
    (RECORDED / f"{name}.json.xz").write_bytes(lzma.compress(json.dumps(kept).encode(), preset=9))


MARK = "<!-- table -->"


def row(cell: str, folder: Path) -> str:
    """One line of the table."""
    run, steps = Run(folder), Run(folder).records()[-1]["step"]
    found = diagnose(run.records(), LOSSES[run.config().loss["name"]].watch)
    said = ", ".join(f"`{finding.rule}` at {finding.step}" for finding in found) or "none"
    return f"| {cell} | `{run.config().variant}` | {run.config().seed} | {steps:,} | {said} |"


def report(runs: Path, healthy: dict[str, Path]) -> None:
    """Write the table and the logs that the tests read."""
    failing = {cell: runs / cell for cell in FAILING if (runs / cell / "outcome.json").exists()}
    page = ROOT / "docs/monitor.md"
    head = "| run | recipe | seed | steps logged | found |\n|---|---|---|---|---|"
    table = "\n".join(row(cell, folder) for cell, folder in (failing | healthy).items())
    text = page.read_text(encoding="utf-8").partition(MARK)[0]
    page.write_text(f"{text}{MARK}\n\n{head}\n{table}\n", encoding="utf-8")
    keep("failing", failing)
    keep("healthy", healthy)


def main() -> None:
    """Train what is not done, then write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--healthy", type=Path, required=True)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true")
    given, every = parser.parse_args(), cells()
    if not given.report:
        os.environ["OMP_NUM_THREADS"] = "1"
        with ProcessPoolExecutor(given.jobs, max_tasks_per_child=1, mp_context=get_context("spawn")) as pool:
            list(pool.map(train, [given.runs / cell for cell in every], every.values(), every))
    report(given.runs, {path.parent.name: path.parent for path in sorted(given.healthy.glob("cells/*/cell.json"))})


if __name__ == "__main__":
    main()
