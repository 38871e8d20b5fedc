"""Train on the two mixtures and write docs/results/mixtures.json and mixtures.md, beside published figures.

    python benchmarks/mixtures.py RUNS [--seeds 10] [--jobs 2] [--budget-seconds S] [--report]

Each run is an ordinary run folder below RUNS with one thread. What is done is skipped, whether it lies below RUNS or stands in
mixtures.json already, what was interrupted goes on, and a run that diverged is done: it stays in the table. The cheap net's
cells come first, then PacGAN's own, seed by seed over all cells. After S seconds no further run is begun. `--report` only
writes the results from what is there.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parents[1] / "docs/reports"
SETS = ("ring", "grid")
CHEAP = tuple(f"mixtures/{name}" for name in ("minimax", "nsgan", "nsgan-pac2", "nsgan-pac4", "wgan-gp", "rpgan"))
PACGAN = tuple(f"mixtures/{name}" for name in ("pacgan", "pacgan2", "pacgan4"))
DIVERGED = 1  # exit code of `ganzoo train`


@dataclass(frozen=True)
class Cell:
    """One run: a variant on a set with a seed."""

    variant: str
    data: str
    seed: int
    runs: Path

    @property
    def key(self) -> tuple[str, str, int]:
        return self.variant, self.data, self.seed

    @property
    def folder(self) -> Path:
        return self.runs / f"{self.variant.replace('/', '-')}-{self.data}-s{self.seed}"

    @property
    def record(self) -> Path:
        """Beside the run, when it is done."""
        return self.folder.with_suffix(".json")

    def command(self) -> list[str]:
        """Go on with a run that was begun, or begin it; it saves at its end, and PacGAN's each fifty thousand steps."""
        if (self.folder / "config.json").exists():
            return ["--resume", str(self.folder)]
        every = f"train.save_every={25_000 if self.variant in CHEAP else 50_000}"
        rare = [word for setting in (every, "train.sample_every=25000") for word in ("--set", setting)]
        return [self.variant, "--data", self.data, "--seed", str(self.seed), "--out", str(self.folder), *rare]


def cells(runs: Path, seeds: int) -> Iterator[Cell]:
    """All of them, in the order in which they are worked on."""
    for variants in (CHEAP, PACGAN):
        for seed in range(seeds):
            yield from (Cell(variant, data, seed, runs) for variant in variants for data in SETS)


def known() -> dict[tuple[str, str, int], dict[str, Any]]:
    """What mixtures.json says of runs that were done before, on whatever machine."""
    path = RESULTS / "mixtures.json"
    records = json.loads(path.read_text(encoding="utf-8"))["runs"] if path.exists() else []
    return {(record["variant"], record["data"], record["seed"]): record for record in records}


def work(cell: Cell, until: float) -> None:
    """Train and measure one cell, if it is not done and there is time."""
    if cell.record.exists() or cell.key in known() or time.monotonic() > until:
        return
    command = [sys.executable, "-m", "ganzoo", "train", *cell.command(), "--set", "train.threads=1", "--quiet"]
    code = subprocess.run(command, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}).returncode
    if code and not (code == DIVERGED and diverged(cell.folder)):
        print(f"{cell.folder.name}: exit code {code}", file=sys.stderr)
        return
    facts = {"variant": cell.variant, "data": cell.data, "seed": cell.seed}
    measured = {"status": "failed"} if code else {"status": "done", **measure(cell)}
    new = cell.record.with_suffix(".new")
    new.write_text(json.dumps(facts | measured) + "\n", encoding="utf-8")
    new.replace(cell.record)


def diverged(folder: Path) -> bool:
    """Whether the monitor has named what ended the training: out of memory has the same exit code, and is no result."""
    from ganzoo.training.run_dir import RunDir

    return any(finding["fatal"] for finding in RunDir(folder).findings())


def measure(cell: Cell) -> dict[str, Any]:
    """What the last weights and their running average reach."""
    # Not at the top: torch takes seconds, and `--report` does without.
    import ganzoo
    from ganzoo.evaluation import modes

    card = json.loads((cell.folder / "release/card.json").read_text(encoding="utf-8"))
    scores = {
        name: modes.count_modes(
            cell.data, ganzoo.load(cell.folder, raw=raw).sample(modes.COUNTS[cell.data], batch=2500)
        )
        for name, raw in (("last", True), ("average", False))
    }
    return {key: card[key] for key in ("steps", "d_steps", "images", "seconds", "hardware")} | scores


PUBLISHED = {
    ("mixtures/pacgan", "ring"): "6.3 ± 0.5 / 98.2 / 0.45",
    ("mixtures/pacgan2", "ring"): "7.9 ± 0.1 / 95.6 / 0.07",
    ("mixtures/pacgan4", "ring"): "7.8 ± 0.1 / 95.9 / 0.07",
    ("mixtures/pacgan", "grid"): "17.3 ± 0.8 / 94.8 / 0.70",
    ("mixtures/pacgan2", "grid"): "23.8 ± 0.7 / 91.3 / 0.13",
    ("mixtures/pacgan4", "grid"): "24.8 ± 0.2 / 93.6 / 0.04",
    ("mixtures/minimax", "ring"): "1 / 99.3",
    ("mixtures/minimax", "grid"): "3.3 / 0.5",
    ("mixtures/nsgan", "ring"): "1 / 99.3",
    ("mixtures/nsgan", "grid"): "3.3 / 0.5",
}
"""Modes, high quality in %, and reverse KL where it is given: PacGAN's table 1 (10 trials), VEEGAN's table 1 (5 runs), whose
GAN may be either of two."""


def row(variant: str, data: str, done: list[dict[str, Any]], seeds: int) -> str:
    """One line of a table, with what is not run marked."""
    name = f"| {data} | `{variant}` | {PUBLISHED.get((variant, data), '')} |"
    if not done:
        return f"{name} **unrun** | | | | | |"
    finished = [record for record in done if record["status"] == "done"]
    failed = f", {len(done) - len(finished)} failed" if len(finished) < len(done) else ""
    trials = f"{len(done)}{failed}" + (f" (**{seeds - len(done)} unrun**)" if len(done) < seeds else "")
    if not finished:
        return f"{name} | | | | {trials} | |"
    seconds = statistics.median(record["seconds"] for record in finished)
    average = " / ".join(column(finished, "average", key) for key in SCORES)
    last = " | ".join(column(finished, "last", key) for key in SCORES)
    return f"{name} {last} | {average} | {trials} | {seconds:.0f} |"


SCORES = {"modes": (1, 1), "high_quality": (100, 1), "reverse_kl": (1, 2)}
"""Name in the records -> factor and digits in the table."""


def column(records: list[dict[str, Any]], weights: str, key: str) -> str:
    """Mean and standard error over the runs in which the score exists; the others are counted."""
    factor, digits = SCORES[key]
    given = (record[weights][key] for record in records)
    values = [factor * value for value in given if value is not None and math.isfinite(value)]
    missing = f" ({len(records) - len(values)} without)" if len(values) < len(records) else ""
    if not values:
        return f"none{missing}"
    error = f" ± {statistics.stdev(values) / len(values) ** 0.5:.{digits}f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.{digits}f}{error}{missing}"


MARK = "<!-- tables -->"
HEAD = """
| set | variant | published: modes / HQ % / rKL | modes | HQ % | rKL | average of G: the same | seeds | seconds |
|---|---|---|---|---|---|---|---|---|
"""


def report(runs: Path, seeds: int) -> None:
    """Write the records of what is done, and the tables below the mark in the page."""
    new = [cell for cell in cells(runs, seeds) if cell.record.exists()]
    found = known() | {cell.key: json.loads(cell.record.read_text(encoding="utf-8")) for cell in new}
    done = [found[key] for key in sorted(found)]
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "mixtures.json").write_text(as_json(done), encoding="utf-8")
    written = RESULTS / "mixtures.md"
    text = written.read_text(encoding="utf-8") if written.exists() else "# Mixtures\n\n"
    written.write_text(page(text, done, seeds), encoding="utf-8")


def page(text: str, done: list[dict[str, Any]], seeds: int) -> str:
    """The page with the tables of the records `done` below its mark."""
    tables = []
    for title, variants in (("The small net", CHEAP), ("PacGAN's own nets", PACGAN)):
        rows = [
            row(v, s, [record for record in done if (record["variant"], record["data"]) == (v, s)], seeds)
            for s in SETS
            for v in variants
        ]
        tables.append(f"\n## {title}\n{HEAD}" + "\n".join(rows) + "\n")
    return f"{text.partition(MARK)[0]}{MARK}\n{''.join(tables)}"


def as_json(done: list[dict[str, Any]]) -> str:
    """A record a line; a reverse KL that is not finite becomes null."""
    lines = ",\n".join(json.dumps(record) for record in done).replace("Infinity", "null")
    return f'{{"format": 1, "runs": [\n{lines}\n]}}\n'


def main() -> None:
    """Train what is not done, then write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--budget-seconds", type=float, default=math.inf)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    given.runs.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + given.budget_seconds
    with ThreadPoolExecutor(given.jobs) as pool:
        work_on = () if given.report else cells(given.runs, given.seeds)
        list(pool.map(lambda cell: work(cell, until), work_on))
    report(given.runs, given.seeds)


if __name__ == "__main__":
    main()
