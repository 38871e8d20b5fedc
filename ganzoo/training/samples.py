"""The grid of one fixed set of latents that a run draws at growing steps."""

from __future__ import annotations

from pathlib import Path

from torch import Tensor

from ganzoo.data.mixtures import circles_of
from ganzoo.files import write_bytes
from ganzoo.latent import class_rows, draw_images
from ganzoo.pictures import encoded, grid, scatter, to_pil
from ganzoo.training.trainer import Trainer

ROWS = 8
COLUMNS = 8
POINTS = 512


def draw_grid(trainer: Trainer, folder: Path) -> None:
    """Write `folder`/<step>.png: the averaged G on seeds 0, 1, 2, ..., one class a column where it knows classes.

    Points are drawn over the true modes, where those are known.
    """
    facts = trainer.config.dataset
    if facts is not None and facts.shape[1:] == (1, 1):
        points = draw_images(trainer.average, trainer.game.latent, range(POINTS), batch=POINTS)
        picture = scatter(points.flatten(1), circles_of(facts.name, facts.class_names))
    else:
        picture = image_grid(trainer)
    folder.mkdir(exist_ok=True)  # without parents: a run that was deleted meanwhile does not come back
    write_bytes(grid_file(trainer, folder), encoded(to_pil(picture)))


def grid_file(trainer: Trainer, folder: Path) -> Path:
    """Return where `draw_grid` writes the grid of the step that `trainer` is at."""
    return folder / f"{trainer.step:08d}.png"


def image_grid(trainer: Trainer) -> Tensor:
    """The grid (C, H, W) of the averaged G."""
    classes = min(trainer.game.latent.classes, 10)
    columns = classes or COLUMNS
    labels = class_rows(classes, ROWS) if classes else None
    return grid(draw_images(trainer.average, trainer.game.latent, range(ROWS * columns), labels), columns)[0]
