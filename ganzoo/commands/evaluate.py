"""`ganzoo evaluate`."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from ganzoo import terminal
from ganzoo.commands.numbers import parse_metrics
from ganzoo.errors import InputError
from ganzoo.evaluation import Evaluation, Score, nearest_neighbors
from ganzoo.evaluation.score import computed_floors
from ganzoo.evaluator import evaluate, nearest_training_images
from ganzoo.image_io import save_png
from ganzoo.sampling import load


def run(
    checkpoint: str,
    data: str | None,
    *,
    metrics: str | None,
    extractor: str | None,
    n: int | None,
    split: str | None,
    batch: int,
    raw: bool,
    neighbours_png: Path | None,
    as_json: bool,
) -> None:
    """Measure and print; raises `InputError`."""
    if neighbours_png is not None and neighbours_png.suffix.lower() != ".png":
        raise InputError(f"--neighbours {neighbours_png}: expected a name that ends in .png")
    sampler, device = load(checkpoint, raw), "cuda" if torch.cuda.is_available() else "cpu"
    if neighbours_png is not None:
        nearest_neighbors.check_images(sampler.shape)
    sampler.generator.to(device)
    found = evaluate(
        sampler,
        data,
        metrics=parse_metrics(metrics),
        extractor=extractor,
        n=n,
        split=split,
        batch=batch,
        device=device,
        quiet=False,
    )
    terminal.out_lines(json.dumps(found.as_json(), indent=2)) if as_json else show(found)
    if neighbours_png is not None:
        nearest = nearest_training_images(sampler, data, extractor=extractor, device=device, quiet=False)
        save_png(nearest, neighbours_png)
        if not as_json:
            terminal.out(f"nearest training images: {neighbours_png}")


def show(found: Evaluation) -> None:
    """The scores for a person."""
    columns = ("score", "value", "floor", "samples / real")
    rows = [(score.name, value(score), floor(score), counts(score)) for score in found.scores]
    terminal.console().print(terminal.table(columns, rows, unbroken="score"))
    for score in found.scores:
        for name, computed in computed_floors(score.details).items():
            terminal.out(f"{score.name}, {name}: {number(computed)}")
    for line in found.facts.get("left_out", []):
        terminal.out(line)


def value(score: Score) -> str:
    """The value, with its spread where there is one."""
    return number(score.value) if score.spread is None else f"{number(score.value)} ± {score.spread:.2g}"


def floor(score: Score) -> str:
    """What real images score, and, where that is at another n, what the samples score there."""
    if score.floor is None:
        return ""
    if score.value_at_floor is None:
        return number(score.floor)
    return f"{number(score.floor)} at n = {score.floor_n}, where the samples have {number(score.value_at_floor)}"


def counts(score: Score) -> str:
    """How many samples, and how many real images."""
    return f"{score.n:,}" if score.reference_n is None else f"{score.n:,} / {score.reference_n:,}"


def number(value: float) -> str:
    """Four digits that count."""
    return f"{value:.4g}"
