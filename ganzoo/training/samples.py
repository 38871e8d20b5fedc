"""The grid of one fixed set of latents that a run draws at growing steps."""

from __future__ import annotations

from pathlib import Path

from ganzoo.latent import class_rows, draw_images
from ganzoo.pictures import save_png, sheet
from ganzoo.training.trainer import Trainer

ROWS = 8
COLUMNS = 8


def draw_grid(trainer: Trainer, folder: Path) -> None:
    """Write `folder`/<step>.png: the averaged G on seeds 0, 1, 2, ..., one class a column where it knows classes."""
    classes = min(trainer.game.latent.classes, 10)
    columns = classes or COLUMNS
    labels = class_rows(classes, ROWS) if classes else None
    images = draw_images(trainer.average, trainer.game.latent, range(ROWS * columns), labels)
    save_png(sheet(images, columns), folder / f"{trainer.step:08d}.png")
