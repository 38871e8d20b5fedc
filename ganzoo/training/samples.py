"""The grid of one fixed set of latents that a run draws at growing steps."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ganzoo.atomic_io import write_bytes
from ganzoo.data.sources.mixtures import mode_circles
from ganzoo.image_io import draw_scatter, encode, grid, to_pil
from ganzoo.latent import class_columns, draw_images
from ganzoo.training.trainer import Trainer

ROWS = 8
COLUMNS = 8
POINTS = 512


def write_sample_grid(trainer: Trainer, folder: Path) -> None:
    """Write `folder`/<step>.png: the averaged G on seeds 0, 1, 2, ..., one class a column where it knows classes.

    Points are drawn over the true modes, where those are known.
    """
    facts = trainer.config.dataset
    if facts is not None and facts.shape[1:] == (1, 1):
        points = draw_images(trainer.average, trainer.game.latent, range(POINTS), batch=POINTS)
        picture = draw_scatter(points.flatten(1), mode_circles(facts.name, facts.class_names))
    else:
        picture = image_grid(trainer)
    folder.mkdir(exist_ok=True)  # without parents: a run that was deleted meanwhile does not come back
    write_bytes(grid_file(trainer, folder), encode(to_pil(picture)))


def grid_file(trainer: Trainer, folder: Path) -> Path:
    """Return where `write_sample_grid` writes the grid of the step that `trainer` is at."""
    return folder / f"{trainer.step:08d}.png"


def image_grid(trainer: Trainer) -> Tensor:
    """The grid (C, H, W) of the averaged G."""
    classes = min(trainer.game.latent.classes, 10)
    columns = classes or COLUMNS
    labels = class_columns(classes, ROWS) if classes else None
    return grid(draw_images(trainer.average, trainer.game.latent, range(ROWS * columns), labels), columns)[0]
