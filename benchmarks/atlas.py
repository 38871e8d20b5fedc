"""The runs of the atlas, the file in the package that `ganzoo doctor` reads, and its test on held-out runs.

    python benchmarks/atlas.py RUNS [--jobs 2] [--only healthy sick held-out] [--data digits] [--report]
    python benchmarks/atlas.py --recorded
    python benchmarks/atlas.py --page

The plan is benchmarks/atlas.toml. Every cell is an ordinary run below RUNS with one thread; a finished or failed one is
skipped, an interrupted one is resumed, the first seed of every cell comes before any second one. Then the atlas is written
from the finished healthy and sick cells, docs/reports/atlas.md gets the confusion table of the held-out ones, and
docs/reports/atlas.html the curves and pictures; `--report` only writes. `--recorded` writes them from the logs of the tests
(tests/training/recorded), without training; `--page` writes atlas.html from the atlas in the package.
"""

from __future__ import annotations

import argparse
import os
import tomllib
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from multiprocessing import get_context
from pathlib import Path

import atlas_page
import confusion
import monitor
import planted
import recorded
from confusion import Results, Trial, trial

from ganzoo.atlas.curves import run_curves
from ganzoo.atlas.store import FILE, Atlas, Run, Sick, build, loss_of, read_atlas, rounded, write_atlas
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import Config
from ganzoo.config.tables import Table, unflatten
from ganzoo.training.run_dir import RunDir

PLAN = Path(__file__).with_suffix(".toml")
KINDS = ("healthy", "sick", "held-out")
OWN = {"train.threads": 1, "train.save_every": 200, "train.eval_every": 0}


@dataclass(frozen=True)
class Cell:
    """One run of the plan."""

    kind: str
    """One of `KINDS`."""
    failure: str
    """Name of the failure; empty for a healthy run."""
    recipe: str
    settings: Table
    seed: int
    spoil: str = ""

    def folder(self, runs: Path) -> Path:
        """The run's folder below `runs`."""
        data = self.settings.get("data.spec", "digits")
        return runs / self.kind / f"{self.failure or 'healthy'}-{self.recipe}-{data}-s{self.seed}".replace("/", "-")

    def config(self) -> Config:
        """The config of the run."""
        return make_config(self.recipe, unflatten(OWN | self.settings | {"seed": self.seed}))


@dataclass(frozen=True)
class Plan:
    """benchmarks/atlas.toml."""

    healthy: Table
    sick: Table
    failure: list[Table]

    @classmethod
    def read(cls) -> Plan:
        """The plan of this folder."""
        return cls(**tomllib.loads(PLAN.read_text(encoding="utf-8")))

    @cached_property
    def failures(self) -> dict[str, Table]:
        """Name -> failure."""
        return {each["name"]: each for each in self.failure}

    def cells(self) -> list[Cell]:
        """All cells, seed by seed."""
        found = [*self._healthy("healthy", "seeds"), *self._healthy("held-out", "held_out")]
        for each in self.failure:
            found += [self._sick("sick", each, each["recipe"], seed) for seed in self.sick["seeds"]]
            found += [self._sick("held-out", each, each["other"], seed) for seed in self.sick["held_out"]]
        return sorted(found, key=lambda cell: cell.seed)

    def _healthy(self, kind: str, seeds: str) -> list[Cell]:
        table = self.healthy
        each = [(data, seed, recipe) for data in table["data"] for seed in table[seeds] for recipe in table["recipes"]]
        return [Cell(kind, "", recipe, {"data.spec": data}, seed) for data, seed, recipe in each]

    def _sick(self, kind: str, failure: Table, recipe: str, seed: int) -> Cell:
        known = monitor.FAILING[failure["monitor"]][1] if "monitor" in failure else {}
        given = known | failure.get("settings", {})
        if kind == "held-out":
            given = failure.get("other_settings", given)
        points = "data.spec" in given  # networks for points have other keys
        common = {"train.steps": self.sick["settings"]["train.steps"]} if points else self.sick["settings"]
        spoil = failure.get("spoil", monitor.SPOILED.get(failure.get("monitor", ""), ""))
        return Cell(kind, failure["name"], recipe, common | given, seed, spoil)


def train(cell: Cell, runs: Path) -> None:
    """Train or resume a cell, unless it is finished."""
    planted.train(cell.folder(runs), cell.config(), cell.spoil)


def logged(cell: Cell, runs: Path) -> Run:
    """The curves of a cell."""
    opened = RunDir(cell.folder(runs))
    config = opened.config()
    curves = run_curves(opened.records(), config.train.steps)
    return Run(loss_of(config), config.dataset.name, config.train.steps, curves)


def sick(name: str, failure: Table, run: Run, seed: int) -> Sick:
    """The entry of a failed run."""
    curves = {signal: rounded(values) for signal, values in run.curves.items()}
    about = {"cause": failure["cause"], "remedy": failure["remedy"]}
    return Sick(name=name, loss=run.loss, data=run.data, seed=seed, steps=run.steps, curves=curves, **about)


def atlas_of(plan: Plan, done: Iterable[Cell], runs: Path) -> Atlas:
    """The atlas of the finished cells."""
    cells = [cell for cell in done if cell.kind != "held-out"]
    healthy = [logged(cell, runs) for cell in cells if cell.kind == "healthy"]
    failed = [cell for cell in cells if cell.kind == "sick"]
    return build(healthy, [sick(c.failure, plan.failures[c.failure], logged(c, runs), c.seed) for c in failed])


def trials(atlas: Atlas, done: Iterable[Cell], runs: Path) -> list[Trial]:
    """The held-out runs against the atlas."""
    held = [(cell, logged(cell, runs)) for cell in done if cell.kind == "held-out"]
    return [trial(atlas, cell.failure, cell.seed, run) for cell, run in held]


def recorded_atlas(plan: Plan) -> tuple[Atlas, list[Trial]]:
    """The atlas of the recorded logs, and its test: second seeds of failures, each healthy run against the others."""
    healthy = recorded.healthy()
    names = {each["monitor"]: each["name"] for each in plan.failure if "monitor" in each} | {"no penalty": "no penalty"}
    failed = [(names[log.cell], log) for log in recorded.failing()]
    first = [sick(name, plan.failures[name], log.run, log.seed) for name, log in failed if log.seed == 0]
    atlas = build([log.run for log in healthy], first)
    found = [trial(atlas, name, log.seed, log.run) for name, log in failed if log.seed]
    for log in healthy:
        rest = build([each.run for each in healthy if each is not log], first)
        found.append(trial(rest, "", log.seed, log.run))
    return atlas, found


def main() -> None:
    """Train unfinished cells, then write the atlas and the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path, nargs="?")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=KINDS, default=KINDS)
    parser.add_argument("--data", nargs="*", default=[], help="healthy runs on these data only")
    parser.add_argument("--recorded", action="store_true")
    parser.add_argument("--report", action="store_true")
    parser.add_argument("--page", action="store_true")
    given = parser.parse_args()
    if given.page:
        return atlas_page.write(read_atlas())
    if given.runs is None and not given.recorded:
        parser.error("give the folder of the runs, or --recorded, or --page")
    plan = Plan.read()
    if given.recorded:
        atlas, found = recorded_atlas(plan)
        return finish(atlas, Results(found, core_hours=None))
    chosen = [c for c in plan.cells() if c.kind in given.only and chosen_data(c, given.data)]
    if not given.report:
        os.environ["OMP_NUM_THREADS"] = "1"
        with ProcessPoolExecutor(given.jobs, max_tasks_per_child=1, mp_context=get_context("spawn")) as pool:
            list(pool.map(train, chosen, [given.runs] * len(chosen)))
    done = [cell for cell in plan.cells() if (cell.folder(given.runs) / "outcome.json").exists()]
    atlas = atlas_of(plan, done, given.runs)
    keep_pictures(done, given.runs)
    finish(atlas, Results(trials(atlas, done, given.runs), core_hours(done, given.runs)))


def keep_pictures(done: Iterable[Cell], runs: Path) -> None:
    """Keep the pictures of the first seed of each healthy and failed cell."""
    for cell in done:
        if cell.kind != "held-out" and cell.seed == 0:
            atlas_page.keep_pictures(cell.folder(runs), cell.failure)


def chosen_data(cell: Cell, data: list[str]) -> bool:
    """True for a failed run, and for a healthy one on `data` (empty = any)."""
    return bool(cell.failure) or not data or cell.settings["data.spec"] in data


def core_hours(done: Iterable[Cell], runs: Path) -> float:
    """Hours of training of these cells, each with one thread."""
    last = [RunDir(cell.folder(runs)).last_record() for cell in done]
    return sum(record.seconds for record in last if record) / 3600


def finish(atlas: Atlas, results: Results) -> None:
    """Write the atlas and both pages, and print the confusion table."""
    write_atlas(atlas)
    confusion.write(read_atlas(), results)
    atlas_page.write(read_atlas())
    print(f"{FILE}: {FILE.stat().st_size / 1024:.0f} KB\n\n{confusion.table(results.trials)}")


if __name__ == "__main__":
    main()
