"""`ganzoo evaluate`: the table of scores, and samples next to their nearest training images."""

import json
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from torch import Tensor

from ganzoo import evaluator, terminal
from ganzoo.cli.options import Checkpoint, Extractor, Metrics, NoEma, Plugins, Samples, Scale, parse_metrics
from ganzoo.errors import InputError
from ganzoo.evaluation import Evaluation, Score, neighbors
from ganzoo.evaluation.metrics import notes
from ganzoo.evaluation.score import computed_floors, floor_text, format_number, value_text
from ganzoo.image_io import save_png
from ganzoo.release.scores import release_to_score, save_neighbors, save_scores
from ganzoo.sampling import Sampler, load


def evaluate(
    checkpoint: Checkpoint,
    data: Annotated[str | None, typer.Option(metavar="SPEC", help="Real data; default: the training data.")] = None,
    metrics: Metrics = None,
    extractor: Extractor = None,
    n: Samples = None,
    split: Annotated[str | None, typer.Option(help="train or test; default: test, if the data have one.")] = None,
    batch: Annotated[int, typer.Option("--batch-size", help="Images per batch; does not change a score.")] = 128,
    no_ema: NoEma = False,
    neighbours: Annotated[
        Path | None,
        typer.Option(
            metavar="PNG", help="Draw samples next to their nearest training images, with --save also into the card."
        ),
    ] = None,
    scale: Scale = 1,
    save: Annotated[
        bool, typer.Option("--save", help="Write the scores into the card, which gallery and push show.")
    ] = False,
    plugin: Plugins = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Score the samples of a checkpoint against real data."""
    check_options(neighbours, scale, save and no_ema)
    release = release_to_score(checkpoint) if save else None
    sampler, device = load(checkpoint, no_ema), "cuda" if torch.cuda.is_available() else "cpu"
    if neighbours is not None:
        neighbors.check_images(sampler.shape)
    if save and data is not None and not evaluator.load_real_data(sampler, data).own:
        raise InputError(f"--save: the card compares with the data of the training, which {data} is not; drop --save")
    sampler.generator.to(device)
    chosen: dict[str, Any] = {"extractor": extractor, "device": device, "quiet": False}
    found = evaluator.evaluate(sampler, data, metrics=parse_metrics(metrics), n=n, split=split, batch=batch, **chosen)
    terminal.out_lines(json.dumps(found.as_json(), indent=2)) if as_json else show(found)
    if release is not None:
        path = save_scores(found, release, sampler.card["sha256"])
        if not as_json:
            terminal.out(f"saved: {path}")
    if neighbours is not None:
        picture = evaluator.nearest_training_images(sampler, data, **chosen)
        written = write_neighbors(picture, neighbours, scale, release, sampler)
        if not as_json:
            terminal.out(f"nearest training images: {' and '.join(map(str, written))}")


def write_neighbors(picture: Tensor, out: Path, scale: int, release: Path | None, sampler: Sampler) -> list[Path]:
    """Write the picture of nearest training images, into the release too if there is one; returns the files."""
    save_png(picture, out, scale)
    return [out] if release is None else [out, save_neighbors(picture, release, sampler.card["sha256"])]


def check_options(neighbours: Path | None, scale: int, saves_last_weights: bool) -> None:
    """Raise `InputError` for a picture that is no PNG, --scale without a picture, and --save with --no-ema."""
    if saves_last_weights:
        raise InputError("--save keeps scores of the averaged weights, which the card describes; drop --no-ema")
    if neighbours is None and scale != 1:
        raise InputError("--scale needs --neighbours, the only picture of this command; give both or neither")
    if neighbours is not None and neighbours.suffix.lower() != ".png":
        raise InputError(f"--neighbours {neighbours}: expected a name that ends in .png")


def show(found: Evaluation) -> None:
    """Print the scores as a table."""
    columns = ("score", "value", "floor", "samples / real")
    rows = [(score.name, value_text(score), floor_text(score), counts(score)) for score in found.scores]
    terminal.console().print(terminal.table(columns, rows, unbroken="score"))
    for score in found.scores:
        for name, computed in computed_floors(score.details).items():
            terminal.out(f"{score.name}, {name}: {format_number(computed)}")
    for line in (*notes(score.metric for score in found.scores), *found.facts.get("left_out", [])):
        terminal.out(line)


def counts(score: Score) -> str:
    """The number of samples, and of real images if the score uses any."""
    return f"{score.n:,}" if score.reference_n is None else f"{score.n:,} / {score.reference_n:,}"
