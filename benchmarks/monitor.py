"""Detection and false-alarm rates of the monitor on runs that are made to fail and on healthy runs.

    python benchmarks/monitor.py RUNS [--healthy COMPARED] [--seeds 2] [--steps 600] [--jobs 1] [--report]

Every cell is an ordinary run below RUNS with one thread; a finished or failed one is skipped, an interrupted one is resumed.
The healthy runs are trained below RUNS, or those of COMPARED, the folder of a `ganzoo compare`. What was found goes into
docs/reports/monitor.json and from there into the table of docs/reports/monitor.md, thinned logs to where the tests read them;
`--report` only writes them from what is there.
"""

from __future__ import annotations

import argparse
import json
import lzma
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import planted

from ganzoo.builder import make_loss
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import Config
from ganzoo.config.tables import unflatten
from ganzoo.training.failure_rules import diagnose
from ganzoo.training.run_dir import RunDir
from ganzoo.training.run_history import Record

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs/reports/monitor.json"
PAGE = ROOT / "docs/reports/monitor.md"
RECORDED = ROOT / "tests/training/recorded"
SEEDS = 2
NARROW = {"networks.generator.width": 16, "networks.discriminator.width": 16}
FAILING: dict[str, tuple[str, dict[str, Any]]] = {
    "D's rate x100, no norm": (
        "hinge",
        {"train.discriminator.lr": 5e-2, "networks.discriminator.spectral_norm": False, "train.steps": 600},
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
    "D far ahead, soft target": (
        "minimax",
        {
            "loss.real_target": [0.9, 0.9],
            "train.discriminator.lr": 2e-2,
            "networks.discriminator.norm": "none",
            "networks.init": "he",
            "train.steps": 600,
        },
    ),
    "rates of 1000": (
        "nsgan",
        {"train.discriminator.lr": 1000.0, "train.generator.lr": 1000.0, "train.steps": 200},
    ),
    "ssgan, rates x100": (
        "ssgan",
        {
            "train.discriminator.lr": 3e-2,
            "train.generator.lr": 3e-2,
            "networks.discriminator.norm": "none",
            "train.steps": 600,
        },
    ),
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
    "100 digits": ("nsgan", {"data.max_images": 100, "train.steps": 600}),
}
"""Cell made to fail -> variant and settings."""
SPOILED = {"G ignores z": "no-noise", "G ignores z, labels given": "no-noise", "NaN injected": "nan"}
"""Cell -> the patch of `planted.SPOIL` that makes it fail."""
VARIANTS = "ssgan coulomb began nsgan minimax lsgan hinge dragan rpgan ebgan acgan cgan infogan wgan wgan-gp".split()
HEALTHY: dict[str, tuple[str, dict[str, Any]]] = {
    "nsgan, feature matching": ("nsgan", {"tricks.feature_matching": True}),
    "nsgan, soft target": ("nsgan", {"loss.real_target": [0.9, 0.9]}),
    **{variant: (variant, {}) for variant in VARIANTS},
}
"""Healthy cell -> variant and settings: all recipes, and settings that change the scale of a loss or gradient."""


@dataclass(frozen=True)
class Cell:
    """One run and its expected result."""

    kind: str
    """"failing" or "healthy"."""
    name: str
    seed: int
    folder: Path

    @property
    def done(self) -> bool:
        return (self.folder / "outcome.json").exists()

    def config(self, steps: int) -> Config:
        """The config of the cell; `steps` apply to a healthy one."""
        own = {"seed": self.seed, "train.threads": 1, "train.save_every": 200, "train.eval_every": 0}
        variant, given = (FAILING if self.kind == "failing" else HEALTHY)[self.name]
        if self.kind == "healthy":
            own |= {"train.steps": steps}
        elif "data.spec" not in given:
            own |= NARROW
        return make_config(variant, unflatten(own | given))


def cells(runs: Path, seeds: int) -> list[Cell]:
    """Every cell below `runs`, seed by seed."""
    kinds = {"failing": FAILING, "healthy": HEALTHY}
    return [
        Cell(kind, name, seed, runs / kind / f"{name}-s{seed}")
        for seed in range(seeds)
        for kind, names in kinds.items()
        for name in names
    ]


def compared(folder: Path) -> Iterator[Cell]:
    """The cells of a comparison, all healthy."""
    for path in sorted(folder.glob("cells/*/cell.json")):
        name, _, seed = path.parent.name.rpartition("-s")
        yield Cell("healthy", name, int(seed), path.parent)


def train(cell: Cell, steps: int) -> None:
    """Train or resume one cell, unless it is finished."""
    planted.train(cell.folder, cell.config(steps), SPOILED.get(cell.name, ""))


def slim(record: Record) -> Record:
    """A record for the tests, with four digits per term."""
    return {"step": record["step"], "terms": {k: v and float(f"{v:.4g}") for k, v in record["terms"].items()}}


def keep(kind: str, done: Iterable[Cell]) -> None:
    """Write the logs of the cells of one kind for the tests."""
    kept = {
        cell.folder.name: {
            "loss": RunDir(cell.folder).config().loss,
            "records": [*map(slim, RunDir(cell.folder).records())],
        }
        for cell in done
        if cell.kind == kind
    }
    RECORDED.mkdir(parents=True, exist_ok=True)
    (RECORDED / f"{kind}.json.xz").write_bytes(lzma.compress(json.dumps(kept).encode(), preset=9))


def result(cell: Cell) -> dict[str, Any]:
    """The findings of the rules on a run."""
    run = RunDir(cell.folder)
    config, records = run.config(), run.records()
    loss = make_loss(config)
    found = diagnose(records, loss.watch, loss.d_loss_bounds)
    facts = {"kind": cell.kind, "name": cell.name, "variant": config.variant, "seed": cell.seed}
    return facts | {
        "steps": records[-1]["step"],
        "records": len(records),
        "found": [{"rule": finding.rule, "step": finding.step} for finding in found],
    }


MARK = "<!-- table -->"


def page(text: str, runs: list[dict[str, Any]]) -> str:
    """The page with the table of `runs` below its mark."""
    head = "| run | recipe | seed | steps logged | found |\n|---|---|---|---|---|"
    return f"{text.partition(MARK)[0]}{MARK}\n\n{summary(runs)}\n\n{head}\n" + "\n".join(map(row, runs)) + "\n"


def summary(runs: list[dict[str, Any]]) -> str:
    """Number of runs of each kind with a finding, and of missing runs."""
    named = {kind: [bool(run["found"]) for run in runs if run["kind"] == kind] for kind in ("failing", "healthy")}
    failing, healthy = named["failing"], named["healthy"]
    done = {(run["kind"], run["name"], run["seed"]) for run in runs}
    planned = {(cell.kind, cell.name, cell.seed) for cell in cells(Path(), SEEDS)}
    missing = f" **Unrun: {len(planned - done)} of {len(planned)} planned.**" if planned - done else ""
    return (
        f"{sum(failing)} of {len(failing)} runs that were made to fail have a finding, "
        f"and {sum(healthy)} of {len(healthy)} healthy ones.{missing}"
    )


def row(run: dict[str, Any]) -> str:
    """One row of the table."""
    found = ", ".join(f"`{finding['rule']}` at {finding['step']}" for finding in run["found"]) or "none"
    name = f"made to fail: {run['name']}" if run["kind"] == "failing" else run["name"]
    return f"| {name} | `{run['variant']}` | {run['seed']} | {run['steps']:,} | {found} |"


def report(done: list[Cell]) -> None:
    """Write results, table and the logs for the tests."""
    runs = [result(cell) for cell in sorted(done, key=lambda cell: (cell.kind, cell.name, cell.seed))]
    lines = ",\n".join(map(json.dumps, runs))
    RESULTS.write_text(f'{{"format": 1, "runs": [\n{lines}\n]}}\n', encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), runs), encoding="utf-8")
    for kind in ("failing", "healthy"):
        keep(kind, done)


def main() -> None:
    """Train unfinished cells, then write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--healthy", type=Path)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    planned = [cell for cell in cells(given.runs, given.seeds) if cell.kind == "failing" or given.healthy is None]
    if not given.report:
        os.environ["OMP_NUM_THREADS"] = "1"
        with ProcessPoolExecutor(given.jobs, max_tasks_per_child=1, mp_context=get_context("spawn")) as pool:
            list(pool.map(train, planned, [given.steps] * len(planned)))
    report([cell for cell in planned if cell.done] + ([*compared(given.healthy)] if given.healthy else []))


if __name__ == "__main__":
    main()
