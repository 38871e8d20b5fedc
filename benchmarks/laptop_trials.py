"""Trials of the laptop recipes: train each one for equal time, score it on the training split, keep the result.

    python benchmarks/laptop_trials.py RUNS [--jobs 2] [--seconds 240] [--only nsgan ...] [--calibrate | --report]

The trials are in laptop_trials.toml. `--calibrate` measures the seconds of a step with two threads, in turn, on a machine
that must be idle; from these follow the steps that fit in `--seconds`. The trials themselves run with one thread each, because
their number of steps decides, not their time. Results are in docs/reports/laptop-trials.json; what is there is not repeated,
and the first trial of every recipe comes before any second one. `--report` writes laptop-trials.md from them.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from threading import Lock
from typing import Any

import runs as processes
from timing import in_turn

from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config, unflatten
from ganzoo.config.schema import Table
from ganzoo.markup import markdown_table
from ganzoo.run_data import load_dataset
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer

REPORTS = Path(__file__).parents[1] / "docs/reports"
RESULTS, PAGE = REPORTS / "laptop-trials.json", REPORTS / "laptop-trials.md"
MARK = "<!-- table -->"
SPLIT = "train"
KEYS = {
    "G": "networks.generator.width",
    "D": "networks.discriminator.width",
    "z": "latent.dim",
    "lr_D": "train.discriminator.lr",
    "lr_G": "train.generator.lr",
}
COMMON = {"train.precision": "bf16", "train.penalty_precision": "bf16"}
ROUND = 100  # steps
CYCLES, ROUNDS = 4, 5
REFERENCE, REFERENCE_SECONDS = "nsgan-3", 0.0357  # the fastest of many measurements
METRICS = "fid,precision,recall"
lock = Lock()


def trials() -> dict[str, tuple[str, Table]]:
    """Name -> recipe and settings of each trial."""
    table = tomllib.loads(Path(__file__).with_suffix(".toml").read_text())
    return {f"{recipe}-{i}": (recipe, own) for recipe, each in table.items() for i, own in enumerate(each["trials"], 1)}


def settings(own: Table) -> Table:
    """The dotted config keys of a trial."""
    return COMMON | {KEYS.get(key, key): value for key, value in own.items()}


def calibrate(chosen: dict[str, tuple[str, Table]]) -> None:
    """Keep the seconds of a step of each trial: its ratio to a step of `REFERENCE`, measured in turn, times that one's.

    A shared host is faster in one minute than in the next; a ratio of two loops in turn is not.
    """
    reference = trainer(*trials()[REFERENCE])
    known: dict[str, float] = {}
    for name, (recipe, own) in chosen.items():
        cost = json.dumps([recipe, {key: value for key, value in own.items() if key not in ("lr_D", "lr_G")}])
        known[cost] = known.get(cost) or ratio(trainer(recipe, own), reference)
        keep(name, seconds_per_step=round(known[cost] * REFERENCE_SECONDS, 5))


def trainer(recipe: str, own: Table) -> Trainer:
    """The trainer of a trial, with two threads."""
    config = make_config(recipe, unflatten(settings(own) | {"train.threads": 2}))
    data = load_dataset(config)
    return make_trainer(resolve_config(config, data), data)


def ratio(one: Trainer, other: Trainer) -> float:
    """Time of a step of `one` over that of `other`, the median of a few rounds."""
    works = {each: partial(repeated, each) for each in (one, other)}
    taken = in_turn(works, ROUNDS, "wall")
    return median(a / b for a, b in zip(taken[one], taken[other], strict=True))


def repeated(each: Trainer) -> None:
    """A few steps."""
    for _ in range(CYCLES):
        each.train_step()


def results() -> dict[str, Any]:
    """The kept results by trial."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else {}


def keep(name: str, **facts: Any) -> None:
    """Add facts to the result of a trial."""
    with lock:
        found = results()
        found[name] = found.get(name, {}) | facts
        RESULTS.write_text(json.dumps(found, indent=1) + "\n")


def run(name: str, recipe: str, own: Table, runs: Path, seconds: float) -> None:
    """Train and score one trial."""
    steps = max(ROUND, round(seconds / results()[name]["seconds_per_step"] / ROUND) * ROUND)
    values = settings(own) | {"train.steps": steps, "train.lr_decay_steps": steps, "train.threads": 1}
    values |= {"train.log_every": 100, "train.sample_every": 1000, "train.save_every": 1000}
    sets = [word for key, value in values.items() for word in ("--set", f"{key}={json.dumps(value)}")]
    processes.train(runs / name, [recipe, *sets])
    found = processes.scores(runs / name, "--split", SPLIT, "--metrics", METRICS)
    # The test split is for the report on the chosen recipe alone.
    scores = {score: value for score, value in found.items() if score.endswith(f"/{SPLIT}")}
    keep(name, recipe=recipe, settings=own, steps=steps, scores=scores)


def page(text: str, found: dict[str, Any]) -> str:
    """The page `text` with one table row for each trial that has a score."""
    names = [f"{metric}-digits@10k/{SPLIT}" for metric in METRICS.split(",")]
    head = ["recipe", "changes", "steps", *METRICS.split(",")]
    rows = [
        [
            f"`{each['recipe']}`",
            ", ".join(f"{KEYS.get(key, key)} = {json.dumps(value)}" for key, value in each["settings"].items()),
            f"{each['steps']:,}",
            *(f"{each['scores'][name]:.4g}" if name in each["scores"] else "-" for name in names),
        ]
        for each in found.values()
        if "scores" in each
    ]
    table = markdown_table(head, rows, ["---"] * 3 + ["--:"] * len(names))
    return f"{text.partition(MARK)[0]}{MARK}\n\n{table}\n"


def main() -> None:
    """Calibrate, or run what is not finished."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=240)
    parser.add_argument("--only", nargs="*", default=[])
    parser.add_argument("--calibrate", action="store_true")
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    chosen = {name: each for name, each in trials().items() if not given.only or each[0] in given.only}
    if given.calibrate:
        return calibrate(chosen)
    if given.report:
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), results()), encoding="utf-8")
        return
    with ThreadPoolExecutor(given.jobs) as pool:
        waiting = [name for name in chosen if "scores" not in results()[name]]
        waiting.sort(key=lambda name: name.rpartition("-")[2])
        done = [pool.submit(run, name, *chosen[name], given.runs, given.seconds) for name in waiting]
    for each in done:
        each.result()


if __name__ == "__main__":
    main()
