"""Train every laptop recipe with several seeds; write its page, and README's steps, scores and pictures.

    python benchmarks/laptop.py RUNS [--seeds 5] [--jobs 2]  # one thread each
    python benchmarks/laptop.py RUNS --timed [--seeds 1]     # two threads, one run at a time, on an idle machine
    python benchmarks/laptop.py RUNS --report                # only the page, README and the pictures

Each run is an ordinary run folder below RUNS; an interrupted one is resumed. Each is scored once against the test split.
Results are in docs/reports/laptop-recipes.json, where a run is taken out to be trained again; pictures are the last grids of
seed 0.
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

from ganzoo.markup import markdown_table

ROOT = Path(__file__).parents[1]
PICTURES, README = ROOT / "docs/pictures", ROOT / "README.md"
PAGE = ROOT / "docs/reports/laptop-recipes.md"
RESULTS = PAGE.with_suffix(".json")
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
Run = dict[str, Any]
lock = Lock()


def train(cell: str, seed: int, threads: int, runs: Path) -> None:
    """Train and score one run, unless it is done."""
    folder = runs / f"{cell}-s{seed}"
    if any((run["cell"], run["seed"]) == (cell, seed) for run in results()):
        return
    # What "auto" chooses on a CPU with bf16, if no other process disturbs its measurement.
    own = ["--seed", str(seed), "--threads", str(threads), "--precision", "bf16"]
    processes.train(folder, [*CELLS[cell], *own], threads)
    found = processes.scores(folder, threads=threads)
    card = json.loads((folder / "release/card.json").read_text())
    facts = {key: card[key] for key in ("steps", "d_steps", "images", "seconds")}
    kept = {name: value for name, value in found.items() if name in (FID, RECALL, ACCURACY)}
    if seed == 0:
        shutil.copyfile(max((folder / "samples").glob("*.png")), PICTURES / f"{cell}.png")
    with lock:
        runs_so_far = [*results(), {"cell": cell, "seed": seed, "threads": threads, **facts, "scores": kept}]
        RESULTS.write_text(json.dumps(runs_so_far, indent=1) + "\n")


def results() -> list[Run]:
    """The finished runs."""
    return json.loads(RESULTS.read_text()) if RESULTS.exists() else []


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
    # Runs with one thread share the machine, so their time says nothing.
    seconds = f"{first['seconds']:.0f}" if first["threads"] > 1 else "-"
    scores = [
        spread([run["scores"][name] for run in runs if name in run["scores"]]) for name in (FID, RECALL, ACCURACY)
    ]
    command = " ".join(["ganzoo train", *CELLS[cell]])
    return [f"`{command}`", *numbers, seconds, *scores, f"![{cell}](../pictures/{cell}.png)"]


def readme(text: str, found: list[Run]) -> str:
    """README's text with steps and median FID of every variant that has scores."""
    for name in VARIANTS:
        runs = [run for run in found if run["cell"] == name and FID in run["scores"]]
        if runs:
            cells = f"{runs[0]['steps']:,} | {median(run['scores'][FID] for run in runs):.2f} | <img"
            text = re.sub(rf"(\| `{name}` \|[^\n]*?\| )[\d,]+ \| [\d.]+ \| <img", rf"\g<1>{cells}", text)
    return text


def main() -> None:
    """Train unfinished cells, then write page and README."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--timed", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    seeds = range(0 if given.report else given.seeds)
    asked = [(cell, seed) for seed in seeds for cell in VARIANTS]
    asked += [(cell, 0) for cell in ONE_SEED if seeds]
    jobs, threads = (1, 2) if given.timed else (given.jobs, 1)
    processes.in_parallel(jobs, [partial(train, cell, seed, threads, given.runs) for cell, seed in asked])
    for path, write in ((PAGE, page), (README, readme)):
        path.write_text(write(path.read_text(encoding="utf-8"), results()), encoding="utf-8")


if __name__ == "__main__":
    main()
