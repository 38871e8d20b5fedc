"""Runs that are made to fail, and healthy runs of every recipe: does the monitor name the first and leave the second alone?

    python benchmarks/monitor.py RUNS [--seeds 101] [--jobs 2] [--report]

Every cell is an ordinary run below RUNS with one thread; a finished or failed one is skipped, an interrupted one goes on.
`--report` only writes the table into docs/monitor.md, and the logs that the tests read, from what is there.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch

from ganzoo import api
from ganzoo.config import Config
from ganzoo.errors import TrainingFailed
from ganzoo.latent import Latent
from ganzoo.losses import LOSSES
from ganzoo.recipes import make, nested
from ganzoo.training.rules import Record, diagnose
from ganzoo.training.run import Run

ROOT = Path(__file__).parents[1]
RECORDED = ROOT / "tests/training/recorded"
VARIANTS = "nsgan minimax lsgan wgan wgan-gp dragan hinge rpgan coulomb ebgan began acgan cgan infogan".split()
NARROW = {"networks.generator.width": 16, "networks.discriminator.width": 16}
FAILING: dict[str, tuple[str, dict[str, Any], set[str]]] = {
    "D's rate x100, no norm": (
        "hinge",
        {"train.discriminator.lr": 5e-2, "networks.discriminator.spectral": False, "train.steps": 600},
        {"d-has-won"},
    ),
    "no penalty, huge rates": (
        "wgan-gp",
        {"loss.weight": 0.0, "train.discriminator.lr": 0.05, "train.generator.lr": 0.05, "train.steps": 300},
        {"gradient-explodes"},
    ),
    "no penalty": ("wgan-gp", {"loss.weight": 0.0, "train.steps": 300}, {"gradient-explodes"}),
    "D hardly learns": (
        "nsgan",
        {"train.discriminator.lr": 1e-6, "train.generator.lr": 2e-3, "train.steps": 800},
        {"d-is-fooled"},
    ),
    "G ignores z": ("nsgan", {"train.steps": 700}, {"samples-alike"}),
    "G ignores z, labels given": ("cgan", {"train.steps": 700}, {"samples-alike"}),
    "NaN injected": ("nsgan", {"train.steps": 300}, {"not-finite"}),
}
"""A cell made to fail: the variant, what is set, the rules that must speak."""


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


def cells(seeds: list[int]) -> dict[str, Config]:
    """Every cell and its config."""
    own = {"train.threads": 1, "train.save_every": 100_000}
    failing = {name: make(variant, nested(own | NARROW | given)) for name, (variant, given, _) in FAILING.items()}
    return failing | {f"{v}-s{seed}": make(v, nested(own | {"seed": seed})) for seed in seeds for v in VARIANTS}


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


def report(runs: Path, done: list[str]) -> None:
    """Write the table and the logs that the tests read."""
    page = ROOT / "docs/monitor.md"
    head = "| run | recipe | seed | steps logged | found |\n|---|---|---|---|---|"
    table = "\n".join(row(cell, runs / cell) for cell in done)
    text = page.read_text(encoding="utf-8").partition(MARK)[0]
    page.write_text(f"{text}{MARK}\n\n{head}\n{table}\n", encoding="utf-8")
    keep("failing", {cell: runs / cell for cell in done if cell in FAILING})
    keep("healthy", {cell: runs / cell for cell in done if cell not in FAILING})


def main() -> None:
    """Train what is not done, then write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[101])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    every = cells(given.seeds)
    if not given.report:
        os.environ["OMP_NUM_THREADS"] = "1"
        with ProcessPoolExecutor(given.jobs, max_tasks_per_child=1) as pool:
            list(pool.map(train, [given.runs / cell for cell in every], every.values(), every))
    report(given.runs, [cell for cell in every if (given.runs / cell / "outcome.json").exists()])


if __name__ == "__main__":
    main()
