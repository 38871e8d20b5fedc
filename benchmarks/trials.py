"""Trials of recipes: train each one for equal time, score it on the training split, keep the result.

    python benchmarks/trials.py NAME RUNS [--jobs 2] [--only nsgan ...] [--calibrate | --report]

The trials are in benchmarks/NAME.toml. `--calibrate` measures the seconds of a step with two threads, in turn, on a machine
that must be idle; from these follow the steps that fit in the plan's seconds, unless the trial or the plan has `train.steps`.
The trials themselves run with one thread each, because their number of steps decides, not their time. Results are in
docs/reports/NAME.json; what is there is not repeated, and the first trial of every recipe comes before any second one, as do
the seeds. `--report` writes NAME.md from them.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median
from threading import Lock
from typing import Any

import runs as processes
import timing
from runs import spread

from ganzoo.config.tables import Table, unflatten
from ganzoo.markup import markdown_table
from ganzoo.training.trainer import Trainer

HERE = Path(__file__).parent
REPORTS = HERE.parent / "docs/reports"
MARK = "<!-- table -->"
KEYS = {
    "G": "networks.generator.width",
    "D": "networks.discriminator.width",
    "z": "latent.dim",
    "lr_D": "train.discriminator.lr",
    "lr_G": "train.generator.lr",
}
FREE = ("lr_D", "lr_G", "seed", "train.steps")
"""Settings that do not change the time of a step."""
ROUND = 100  # steps
CYCLES, ROUNDS = 4, 5
Found = dict[str, Any]
lock = Lock()


@dataclass(frozen=True)
class Plan:
    """A file of trials, and the results and the page that are named after it."""

    name: str
    score: list[str]
    columns: list[str]
    trials: dict[str, list[Table]]
    settings: Table = field(default_factory=dict)
    seeds: int = 1
    seconds: float = 0
    """Of a trial for which no `train.steps` are set."""
    reference: str = ""
    """The trial whose step takes `reference_seconds`."""
    reference_seconds: float = 0

    @classmethod
    def read(cls, name: str) -> Plan:
        """The plan in benchmarks/NAME.toml."""
        return cls(name, **tomllib.loads((HERE / f"{name}.toml").read_text()))

    @property
    def page(self) -> Path:
        """The page with the table."""
        return REPORTS / f"{self.name}.md"

    def each(self) -> dict[str, tuple[str, Table]]:
        """Name -> recipe and settings of each run, in the order in which they are trained."""
        numbered = [(i, recipe, own) for recipe, trials in self.trials.items() for i, own in enumerate(trials, 1)]
        return {
            self.run_name(recipe, i, seed): (recipe, own | ({"seed": seed} if seed else {}))
            for seed in range(self.seeds)
            for i, recipe, own in sorted(numbered, key=lambda trial: trial[0])
        }

    @staticmethod
    def run_name(recipe: str, trial: int, seed: int) -> str:
        """The name of a run."""
        return f"{recipe}-{trial}{f'-s{seed}' if seed else ''}"

    def scored(self) -> list[list[Found]]:
        """For each trial, the results of its seeds that have scores."""
        found = self.results()
        names = [
            [self.run_name(recipe, i, seed) for seed in range(self.seeds)]
            for recipe, trials in self.trials.items()
            for i in range(1, len(trials) + 1)
        ]
        return [[found[name] for name in seeds if "scores" in found.get(name, {})] for seeds in names]

    def values(self, own: Table) -> Table:
        """The dotted config keys of a trial."""
        return self.settings | {KEYS.get(key, key): value for key, value in own.items()}

    def results(self) -> dict[str, Found]:
        """The kept results by trial."""
        path = self.page.with_suffix(".json")
        return json.loads(path.read_text()) if path.exists() else {}

    def keep(self, trial: str, **facts: Any) -> None:
        """Add facts to the result of a trial."""
        with lock:
            found = self.results()
            found[trial] = found.get(trial, {}) | facts
            self.page.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


def calibrate(plan: Plan, chosen: list[str]) -> None:
    """Keep the seconds of a step of each trial: its ratio to a step of the reference, measured in turn, times that one's.

    A shared host is faster in one minute than in the next; a ratio of two loops in turn is not.
    """
    reference = trainer(plan, plan.reference)
    known: dict[str, float] = {}
    for name in chosen:
        recipe, own = plan.each()[name]
        cost = json.dumps([recipe, {key: value for key, value in own.items() if key not in FREE}])
        known[cost] = known.get(cost) or ratio(trainer(plan, name), reference)
        plan.keep(name, seconds_per_step=round(known[cost] * plan.reference_seconds, 5))


def trainer(plan: Plan, trial: str) -> Trainer:
    """The trainer of a trial, with two threads."""
    recipe, own = plan.each()[trial]
    return timing.trainer(recipe, unflatten(plan.values(own) | {"train.threads": 2}))


def ratio(one: Trainer, other: Trainer) -> float:
    """Time of a step of `one` over that of `other`, the median of a few rounds."""
    works = {each: partial(timing.repeated, each.train_step, CYCLES) for each in (one, other)}
    taken = timing.in_turn(works, ROUNDS, "wall")
    return median(a / b for a, b in zip(taken[one], taken[other], strict=True))


def run(plan: Plan, name: str, runs: Path) -> None:
    """Train and score one trial."""
    recipe, own = plan.each()[name]
    steps = plan.values(own).get("train.steps") or fitting_steps(plan, name)
    values = plan.values(own) | {"train.steps": steps, "train.lr_decay_steps": steps, "train.threads": 1}
    values |= {"train.log_every": 100, "train.sample_every": 1000, "train.save_every": 1000}
    sets = [word for key, value in values.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    processes.train(runs / name, [recipe, *sets])
    found = processes.scores(runs / name, *plan.score)
    # The test split is for the report on the chosen recipe alone.
    scores = {score: value for score, value in found.items() if score in plan.columns}
    plan.keep(name, recipe=recipe, settings=own, steps=steps, scores=scores)


def fitting_steps(plan: Plan, name: str) -> int:
    """The steps of a calibrated trial that fit in the plan's seconds."""
    return max(ROUND, round(plan.seconds / plan.results()[name]["seconds_per_step"] / ROUND) * ROUND)


def page(plan: Plan, text: str) -> str:
    """The page `text` with one table row for each trial that has a score: the median, lowest and highest of its seeds."""
    head = ["recipe", "changes", "steps", *(column.partition("-")[0] for column in plan.columns)]
    rows = [row(seeds, plan.columns) for seeds in plan.scored() if seeds]
    table = markdown_table(head, rows, ["---"] * 3 + ["--:"] * len(plan.columns))
    return f"{text.partition(MARK)[0]}{MARK}\n\n{table}\n"


def row(seeds: list[Found], columns: list[str]) -> list[str]:
    """The row of one trial."""
    first = seeds[0]
    changes = ", ".join(f"{KEYS.get(key, key)} = {json.dumps(value)}" for key, value in first["settings"].items())
    scores = [spread([each["scores"][name] for each in seeds if name in each["scores"]], 4) for name in columns]
    return [f"`{first['recipe']}`", changes, f"{first['steps']:,}", *scores]


def main() -> None:
    """Calibrate, or run what is not finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("runs", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    plan = Plan.read(given.name)
    chosen = [name for name, (recipe, _) in plan.each().items() if not given.only or recipe in given.only]
    if given.calibrate:
        return calibrate(plan, chosen)
    if given.report:
        plan.page.write_text(page(plan, plan.page.read_text(encoding="utf-8")), encoding="utf-8")
        return
    waiting = [name for name in chosen if "scores" not in plan.results().get(name, {})]
    processes.in_parallel(given.jobs, [partial(run, plan, name, given.runs) for name in waiting])


if __name__ == "__main__":
    main()
