"""Train every laptop recipe on the embedded digits and write docs/laptop.md with time, losses and the final grid of each.

    python benchmarks/laptop.py RUNS [--jobs 2] [--report]

Each run is an ordinary run folder below RUNS with one thread: a finished one is skipped, an interrupted one goes on.
`--report` only writes the page from what is there.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"
VARIANTS = "nsgan minimax lsgan wgan wgan-gp dragan hinge rpgan coulomb ebgan began acgan cgan infogan".split()
NARROW = [
    f"networks.{player}.{key}"
    for player in ("generator", "discriminator")
    for key in ("width=16", "max_width_multiple=4")
]
RESNET = [word for setting in ("networks.name=resnet", *NARROW) for word in ("--set", setting)]
SHUFFLE = ["--set", "networks.generator.upsample=pixelshuffle"]
ON_RESNET = dict.fromkeys("nsgan lsgan minimax hinge cgan acgan".split(), "900") | {"infogan": "1150"}
CELLS = (
    {name: [name] for name in VARIANTS}
    # A residual step costs about three of DCGAN's, so there are fewer in the same time.
    | {f"{name}-resnet": [name, *RESNET, "--steps", steps] for name, steps in ON_RESNET.items()}
    | {f"{name}-pixelshuffle": [name, *SHUFFLE] for name in ("nsgan", "wgan", "ebgan", "cgan")}
)
LIMIT = 300  # seconds: what a recipe promises


def train(cell: str, folder: Path) -> None:
    """Train one cell to its end, go on with it, or leave it as it is."""
    if finished(folder):
        return
    begun = ["--resume", str(folder)] if (folder / "config.json").exists() else [*CELLS[cell], "--out", str(folder)]
    command = [sys.executable, "-m", "ganzoo", "train", *begun, "--quiet"]
    subprocess.run(command, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})


def finished(folder: Path) -> bool:
    """Whether a run has reached its last step."""
    card, config = folder / "release/card.json", folder / "config.json"
    return card.exists() and json.loads(card.read_text())["steps"] == json.loads(config.read_text())["train"]["steps"]


def row(cell: str, folder: Path) -> str:
    """One line of the table; the grid is copied beside the page."""
    card = json.loads((folder / "release/card.json").read_text())
    grid = max((folder / "samples").glob("*.png"))
    shutil.copyfile(grid, DOCS / "pictures" / f"{cell}.png")
    command = " ".join(["ganzoo train", *CELLS[cell]])
    late = "" if card["seconds"] <= LIMIT else " (over five minutes)"
    numbers = f"{card['steps']:,} | {card['d_steps']:,} | {card['images']:,} | {card['seconds']:.0f}{late}"
    return f"| `{command}` | {numbers} | ![{cell}](../pictures/{cell}.png) |"


MARK = "<!-- table -->"
HEAD = """
| command | G steps | D steps | images shown to D | seconds | final grid |
|---|---|---|---|---|---|
"""


def report(runs: Path) -> None:
    """Write the table of the finished cells below the mark in docs/laptop.md."""
    page = DOCS / "reports/laptop-recipes.md"
    done = [cell for cell in CELLS if finished(runs / cell)]
    text = page.read_text(encoding="utf-8").partition(MARK)[0]
    rows = "\n".join(row(cell, runs / cell) for cell in done)
    page.write_text(f"{text}{MARK}\n{HEAD}{rows}\n", encoding="utf-8")


def main() -> None:
    """Train what is not done, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    with ThreadPoolExecutor(given.jobs) as pool:
        for cell in () if given.report else CELLS:
            pool.submit(train, cell, given.runs / cell)
    report(given.runs)


if __name__ == "__main__":
    main()
