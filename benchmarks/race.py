"""A race: the textbook loop with published settings against our recipe, seconds of training to each level of the score.

    python benchmarks/race.py [--losses nsgan wgan-gp] [--seconds 300] [--slice 10] [--seeds 3] [--report]

Both sides train on the embedded digits, in turn, a slice of seconds each, in one process with one thread. Seconds are the
process's CPU time, which other work on the machine hardly changes; scores (fid-digits@2k/test) are not timed. The textbook
loop (textbook.py) is eager PyTorch on the plain networks: DCGAN with 64 filters and a latent of 100, Adam 2e-4 (beta1 0.5)
for `nsgan`; the same networks without norm in D, Adam 1e-4 (0, 0.9) and five critic steps for `wgan-gp`. Our side is the step
of `ganzoo train` with the recipe in bf16, whose learning rates fall to 0 at the end of the race. Results are in
docs/reports/race.json, race.md and docs/pictures/race.png; a race that is there is not run again. `--report` only writes the
page and the picture.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from textbook import Textbook
from timing import trainer
from torch import nn

from ganzoo.config.tables import Table
from ganzoo.evaluator import evaluate
from ganzoo.markup import markdown_table
from ganzoo.sampling import Sampler
from ganzoo.training.trainer import Trainer

DOCS = Path(__file__).parents[1] / "docs"
RESULTS, PAGE, PICTURE = DOCS / "reports/race.json", DOCS / "reports/race.md", DOCS / "pictures/race.png"
MARK = "<!-- table -->"
N = 2000
LEVELS = (30.0, 20.0, 15.0, 10.0, 8.0, 6.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.5)
PUBLISHED: dict[str, Table] = {
    "nsgan": {"lr": 2e-4, "betas": (0.5, 0.999)},
    "wgan-gp": {"lr": 1e-4, "betas": (0.0, 0.9)},
}
"""Adam's settings in the papers: Radford et al. 2016, sec. 4; Gulrajani et al. 2017, algorithm 1."""


def textbook(loss: str, seed: int) -> tuple[Callable[[], object], Callable[[], nn.Module], Trainer]:
    """The cycle of the textbook loop, its G, and the trainer whose networks it copies."""
    norm = "none" if loss == "wgan-gp" else "batch"
    networks = {"init": "normal", "generator": {"width": 64}, "discriminator": {"width": 64, "norm": norm}}
    made = trainer(loss, {"seed": seed, "latent": {"dim": 100}, "networks": networks, "train": {"threads": 1}})
    loop = Textbook(made, loss, **PUBLISHED[loss])
    return loop.cycle, lambda: copy.deepcopy(loop.G).eval(), made


def recipe(loss: str, seed: int, steps: int) -> tuple[Callable[[], object], Callable[[], nn.Module], Trainer]:
    """The step of our recipe with learning rates that fall to 0 after `steps`, its averaged G, and its trainer."""
    train = {"threads": 1, "precision": "bf16", "steps": steps, "lr_decay_steps": steps}
    made = trainer(loss, {"seed": seed, "train": train})
    return made.train_step, lambda: made.average, made


def recipe_steps(loss: str, seconds: float) -> int:
    """The steps of our recipe that fit in `seconds`, from a few timed ones."""
    step, _, _ = recipe(loss, 0, 1000)
    for _ in range(5):
        step()
    began = time.process_time()
    for _ in range(20):
        step()
    return round(20 * seconds / (time.process_time() - began))


def score(generator: nn.Module, made: Trainer) -> float:
    """FID against the test split."""
    sampler = Sampler(generator, made.game.latent, made.config, {})
    return float(evaluate(sampler, made.batches.dataset, metrics=["fid"], n=N).scores[0].value)


def race(loss: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """The curve of both sides: (seconds of training, score) after each slice."""
    steps = recipe_steps(loss, given.seconds)
    sides = {"textbook": textbook(loss, seed), "ganzoo": recipe(loss, seed, steps)}
    curves: dict[str, list[tuple[float, float]]] = {name: [] for name in sides}
    spent = dict.fromkeys(sides, 0.0)
    while min(spent.values()) < given.seconds:
        for name, (cycle, generator, made) in sides.items():
            began = time.process_time()
            while (taken := time.process_time() - began) < given.slice:
                cycle()
            spent[name] += taken
            curves[name].append((round(spent[name], 2), round(score(generator(), made), 3)))
            print(loss, seed, name, *curves[name][-1], flush=True)
    return {"loss": loss, "seed": seed, "slice": given.slice, "steps": steps, "curves": curves}


def reached(curve: Iterable[tuple[float, float]], level: float) -> float | None:
    """Seconds until the score was at most `level`; None if it never was."""
    return next((seconds for seconds, value in curve if value <= level), None)


def page(text: str, races: list[dict[str, Any]]) -> str:
    """The page `text` with a row for each loss and each level that both sides reach with every seed."""
    rows = []
    for loss in dict.fromkeys(each["loss"] for each in races):
        mine = [each["curves"] for each in races if each["loss"] == loss]
        for level in LEVELS:
            times = {side: [reached(curves[side], level) for curves in mine] for side in ("textbook", "ganzoo")}
            known = {side: median(t for t in each if t is not None) for side, each in times.items() if None not in each}
            if "ganzoo" in known:
                theirs = known.get("textbook")
                ratio = f"{theirs / known['ganzoo']:.1f}" if theirs else "-"
                shown = f"{theirs:.0f}" if theirs else "not in the race"
                rows.append([f"`{loss}`", f"{level:g}", shown, f"{known['ganzoo']:.0f}", ratio])
    head = ["loss", "FID at most", "textbook, s", "ganzoo, s", "times sooner"]
    return f"{text.partition(MARK)[0]}{MARK}\n\n{markdown_table(head, rows, ['---'] + ['--:'] * 4)}\n"


def picture(races: list[dict[str, Any]]) -> None:
    """Draw the score against the seconds of training."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    losses = list(dict.fromkeys(each["loss"] for each in races))
    figure, axes = pyplot.subplots(
        1, len(losses), figsize=(4.5 * len(losses), 3.4), layout="constrained", squeeze=False
    )
    colors = {"textbook": "#b3542e", "ganzoo": "#1f6f8b"}
    for axis, loss in zip(axes[0], losses, strict=True):
        for each in (each for each in races if each["loss"] == loss):
            for side, curve in each["curves"].items():
                label = side if each["seed"] == 0 else None
                axis.plot(*zip(*curve, strict=True), color=colors[side], label=label, linewidth=1.4)
        axis.set(xscale="log", yscale="log", title=loss, xlabel="seconds of training", ylabel="FID (digits, 2k, test)")
        axis.legend(frameon=False)
    figure.savefig(PICTURE, dpi=130)


def main() -> None:
    """Run the races that are not in the results, then write page and picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--losses", nargs="+", choices=PUBLISHED, default=list(PUBLISHED))
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--slice", type=float, default=10)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--report", action="store_true")
    given = parser.parse_args()
    torch.set_num_threads(1)
    races = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    known = {(each["loss"], each["seed"]) for each in races}
    for seed in range(0 if given.report else given.seeds):
        for loss in given.losses:
            if (loss, seed) not in known:
                races.append(race(loss, seed, given))
                RESULTS.write_text(json.dumps(races) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), races), encoding="utf-8")
    picture(races)


if __name__ == "__main__":
    main()
