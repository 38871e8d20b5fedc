"""Train every laptop recipe with several seeds; write its page, and README's steps, scores and pictures.

    python benchmarks/laptop.py RUNS [--seeds 3] [--jobs 2]  # one thread each
    python benchmarks/laptop.py RUNS --times                 # on an idle machine: seconds of a step with two threads
    python benchmarks/laptop.py RUNS --report                # only the page, README and the pictures

Each run is an ordinary run folder below RUNS; an interrupted one is resumed. Each is scored once against the test split.
Results are in docs/reports/laptop-recipes.json, where a run is taken out to be trained again; pictures are the last grids of
seed 0. The seconds of a run are its steps times those of a step, whose medians are in laptop-times.json.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
from functools import partial
from pathlib import Path
from statistics import median
from threading import Lock
from typing import Any

import runs as processes
from runs import spread
from timing import in_turn, repeated, trainer

from ganzoo.config.overrides import overrides
from ganzoo.config.tables import merge
from ganzoo.markup import markdown_table
from ganzoo.training.trainer import Trainer

ROOT = Path(__file__).parents[1]
PICTURES, README = ROOT / "docs/pictures", ROOT / "README.md"
PAGE = ROOT / "docs/reports/laptop-recipes.md"
RESULTS, TIMES = PAGE.with_suffix(".json"), PAGE.with_name("laptop-times.json")
MARK = "<!-- table -->"
FID, RECALL, ACCURACY = "fid-digits@10k/test", "recall-digits@10k/test", "class_accuracy-digits@10k"
VARIANTS = "nsgan minimax lsgan wgan wgan-gp dragan hinge rpgan coulomb ebgan began acgan cgan infogan".split()
NARROW = [
    f"networks.{player}.{key}"
    for player in ("generator", "discriminator")
    for key in ("width=16", "max_width_multiple=4")
]
RESNET = [word for setting in ("networks.name=resnet", *NARROW) for word in ("--set", setting)]
SHUFFLE = ["--set", "networks.generator.upsample=pixelshuffle"]
ON_RESNET = "nsgan lsgan minimax hinge cgan acgan infogan".split()
CELLS = (
    {name: [name] for name in VARIANTS}
    # A ResNet step costs two to three DCGAN steps, so fewer fit in the same time.
    | {f"{name}-resnet": [name, *RESNET, "--steps", "2700"] for name in ON_RESNET}
    | {f"{name}-pixelshuffle": [name, *SHUFFLE] for name in ("nsgan", "wgan", "ebgan", "cgan")}
)

ONE_SEED = [name for name in CELLS if name not in VARIANTS]
"""Cells that are trained with seed 0 only."""
STEPS, ROUNDS = 10, 5
Run = dict[str, Any]
lock = Lock()


def train(cell: str, seed: int, runs: Path) -> None:
    """Train and score one run, unless it is done."""
    folder = runs / f"{cell}-s{seed}"
    if any((run["cell"], run["seed"]) == (cell, seed) for run in results()):
        return
    # What "auto" chooses on a CPU with bf16, if no other process disturbs its measurement.
    processes.train(folder, [*CELLS[cell], "--seed", str(seed), "--threads", "1", "--precision", "bf16"])
    found = processes.scores(folder)
    card = json.loads((folder / "release/card.json").read_text())
    facts = {key: card[key] for key in ("steps", "d_steps", "images")}
    kept = {name: value for name, value in found.items() if name in (FID, RECALL, ACCURACY)}
    if seed == 0:
        shutil.copyfile(max((folder / "samples").glob("*.png")), PICTURES / f"{cell}.png")
    with lock:
        runs_so_far = [*results(), {"cell": cell, "seed": seed, **facts, "scores": kept}]
        RESULTS.write_text(json.dumps(runs_so_far, indent=1) + "\n")


def results() -> list[Run]:
    """The finished runs."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else []


def measure() -> dict[str, float]:
    """Median seconds of a step of every cell with two threads in bf16, all cells in turn."""
    works = {cell: partial(repeated, made(words).train_step, STEPS) for cell, words in CELLS.items()}
    taken = in_turn(works, ROUNDS, "wall")
    return {cell: round(median(seconds) / STEPS, 5) for cell, seconds in taken.items()}


def made(words: list[str]) -> Trainer:
    """The trainer of a command at step 0."""
    given = overrides([word for word in words if "=" in word])
    return trainer(words[0], merge(given, {"train": {"threads": 2, "precision": "bf16"}}))


def times() -> dict[str, float]:
    """The seconds of a step of the measured cells."""
    return json.loads(TIMES.read_text()) if TIMES.exists() else {}


def training_seconds(cell: str, steps: int) -> str:
    """The seconds of a run with two threads; "-" if its steps were not measured."""
    of_a_step = times().get(cell)
    return f"{of_a_step * steps:.0f}" if of_a_step else "-"


def page(text: str, found: list[Run]) -> str:
    """The page `text` with a row for each cell that has a run with seed 0."""
    head = [
        "command",
        "G steps",
        "D steps",
        "images shown to D",
        "seconds",
        "FID",
        "recall",
        "class accuracy",
        "final grid",
    ]
    firsts = {run["cell"]: run for run in found if run["seed"] == 0}
    rows = [row(cell, firsts[cell], [run for run in found if run["cell"] == cell]) for cell in CELLS if cell in firsts]
    return f"{text.partition(MARK)[0]}{MARK}\n\n{markdown_table(head, rows, ['---'] * len(head))}\n"


def row(cell: str, first: Run, runs: list[Run]) -> list[str]:
    """The row of one cell."""
    numbers = [f"{first[key]:,}" for key in ("steps", "d_steps", "images")]
    scores = [
        spread([run["scores"][name] for run in runs if name in run["scores"]]) for name in (FID, RECALL, ACCURACY)
    ]
    command = " ".join(["ganzoo train", *CELLS[cell]])
    return [
        f"`{command}`",
        *numbers,
        training_seconds(cell, first["steps"]),
        *scores,
        f"![{cell}](../pictures/{cell}.png)",
    ]


def readme(text: str, found: list[Run]) -> str:
    """README's text with steps, seconds and median FID of every variant that has scores."""
    for name in VARIANTS:
        runs = [run for run in found if run["cell"] == name and FID in run["scores"]]
        if runs:
            steps, score = runs[0]["steps"], median(run["scores"][FID] for run in runs)
            cells = f"{steps:,} | {training_seconds(name, steps)} | {score:.2f} | <img"
            text = re.sub(rf"(\| `{name}` \|[^\n]*?\| )[\d,]+ \| [\d-]+ \| [\d.]+ \| <img", rf"\g<1>{cells}", text)
    return text


def main() -> None:
    """Train unfinished cells, then write page and README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--times", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    seeds = range(0 if given.report or given.times else given.seeds)
    if given.times:
        TIMES.write_text(json.dumps(measure(), indent=1) + "\n")
    asked = [(cell, seed) for seed in seeds for cell in VARIANTS]
    asked += [(cell, 0) for cell in ONE_SEED if seeds]
    processes.in_parallel(given.jobs, [partial(train, cell, seed, given.runs) for cell, seed in asked])
    for path, write in ((PAGE, page), (README, readme)):
        path.write_text(write(path.read_text(encoding="utf-8"), results()), encoding="utf-8")


if __name__ == "__main__":
    main()
