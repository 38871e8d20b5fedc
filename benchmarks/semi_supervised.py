"""Test error of `ssgan`'s D and of its network trained on the same labels only; writes docs/reports/semi-supervised.md.

    python benchmarks/semi_supervised.py OUT [--seeds 3] [--set KEY=VALUE ...] [--report]

Each seed is an ordinary run folder below OUT with one thread; finished runs are not repeated, interrupted ones are resumed.
The classifier starts with D's initial weights and has D's optimizer and batch size. It is trained at each learning rate in
RATES, with and without D's noise, until the loss of a pass over the labels is below DONE; its *lowest* test error counts,
which favors it. `--report` only writes the table of the existing results.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from math import ceil, inf
from pathlib import Path
from typing import Any

import numpy as np
import runs as processes
import torch
from torch import optim
from torch.nn.functional import cross_entropy

from ganzoo.atomic_io import write_json
from ganzoo.batch import DiscriminatorFn
from ganzoo.builder import make_optimizer
from ganzoo.config.schema import Config
from ganzoo.data import Dataset
from ganzoo.rng import RngScope, generator
from ganzoo.run_data import load_dataset
from ganzoo.training.evaluation import classification_error, load_test_split
from ganzoo.training.loop import make_trainer, restore
from ganzoo.training.run_dir import RunDir

PAGE = Path(__file__).parents[1] / "docs/reports/semi-supervised.md"
RATES = (1e-4, 3e-4, 1e-3, 3e-3)
DONE = 1e-3  # nats
PASSES = 1000  # at most


def train(folder: Path, seed: int, settings: list[str]) -> None:
    """Train or resume one seed; a finished one stays unchanged."""
    processes.train(folder, ["ssgan", "--seed", str(seed), *(word for s in settings for word in ("--set", s))])


def measure(folder: Path) -> dict[str, Any]:
    """Both test errors of a finished run."""
    run = RunDir.open(folder)
    config = run.config()
    once = config.data.model_copy(update={"labelled_share": None})  # the classifier sees each label once per pass
    data, test = load_dataset(config.model_copy(update={"data": once})), load_test_split(config)
    assert test is not None, f"{config.data.spec} has no test split"
    trainer = make_trainer(config, data)
    seconds, _ = restore(run, trainer)
    alone = [labels_alone(config, data, test, rate, noisy) for noisy in (True, False) for rate in RATES]
    facts = {"seed": config.seed, "labelled": config.data.labelled, "steps": trainer.step, "seconds": seconds}
    return facts | {"error": classification_error(trainer.D, test), "alone": alone, "test_images": len(test)}


def labels_alone(config: Config, data: Dataset, test: Dataset, rate: float, noisy: bool) -> dict[str, Any]:
    """Train the D of `config` as a classifier on the labeled samples of `data`, with or without the GAN's noise."""
    trainer = make_trainer(config, data)
    judge = partial(trainer.judge, trainer.D) if noisy else trainer.D
    optimizer = make_optimizer(config.train.discriminator | {"lr": rate}, trainer.D)
    loss, passes = inf, 0
    while loss > DONE and passes < PASSES:
        loss = one_pass(judge, optimizer, data, (config.seed, "labels-alone", passes), config.train.batch_size)
        passes += 1
    error = classification_error(trainer.D, test)
    return {"rate": rate, "noisy": noisy, "passes": passes, "loss": loss, "error": error}


def one_pass(
    judge: DiscriminatorFn, optimizer: optim.Optimizer, data: Dataset, key: tuple[int | str, ...], batch: int
) -> float:
    """Train on each batch of the labeled samples once, in random order; returns the mean cross-entropy."""
    assert data.labels is not None
    labelled = np.flatnonzero(data.labels >= 0)
    order = labelled[torch.randperm(len(labelled), generator=generator(*key)).numpy()]
    losses = []
    with RngScope(*key):
        for index in np.array_split(order, ceil(len(order) / batch)):
            judged = judge(data.samples(index))
            losses.append(cross_entropy(judged.class_logits, judged.labels))
            optimizer.zero_grad()
            losses[-1].backward()
            optimizer.step()
    return torch.stack(losses).mean().item()


MARK = "<!-- table -->"


def table(rows: list[dict[str, Any]]) -> str:
    """Table of the errors, one row per seed."""
    rates = ", ".join(f"{rate:g}" for rate in RATES)
    head = f"| seed | `ssgan` | labels alone, lowest | with D's noise, at rates {rates} | without noise | steps | seconds |"
    return "\n".join([head, "|---" * 7 + "|", *map(line, rows)])


def line(row: dict[str, Any]) -> str:
    """One row of the table, in percent."""
    noisy, clean = (
        ", ".join(f"{100 * a['error']:.1f}" for a in row["alone"] if a["noisy"] is n) for n in (True, False)
    )
    lowest = min(each["error"] for each in row["alone"])
    errors = f"**{100 * row['error']:.2f} %** | {100 * lowest:.2f} % | {noisy} | {clean}"
    return f"| {row['seed']} | {errors} | {row['steps']:,} | {row['seconds']:.0f} |"


def report(rows: list[dict[str, Any]]) -> None:
    """Write the table below the mark of the page."""
    text = PAGE.read_text(encoding="utf-8").partition(MARK)[0]
    PAGE.write_text(f"{text}{MARK}\n\n{table(rows)}\n", encoding="utf-8")


def main() -> None:
    """Train and evaluate all seeds, print the table and write it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--report", action="store_true", help="only write the table of the existing results")
    given = parser.parse_args()
    for seed in () if given.report else range(given.seeds):
        folder = given.out / f"s{seed}"
        train(folder, seed, given.set)
        write_json(given.out / f"s{seed}.json", measure(folder))
    rows = [json.loads(path.read_text()) for path in sorted(given.out.glob("s*.json"))]
    print(table(rows))
    report(rows)


if __name__ == "__main__":
    main()
