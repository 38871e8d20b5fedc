"""The sample grid of a run or release, always of the same latents."""

from pathlib import Path

import torch
from torch import Tensor, nn

from ganzoo.atomic_io import write_bytes
from ganzoo.config.schema import DatasetInfo
from ganzoo.data.sources.mixtures import mode_circles
from ganzoo.image_io import draw_sheet, encode, to_pil
from ganzoo.latent import Latent, draw_images, draw_inputs
from ganzoo.training.trainer import Trainer

ROWS = 8
COLUMNS = 8
CLASSES = 10  # largest number of columns, for a conditional G
POINTS = 512  # samples, for two-dimensional data


def write_sample_grid(trainer: Trainer, folder: Path) -> None:
    """Write the sample grid of G's moving average to `folder`/<step>.png."""
    picture = sample_grid(trainer.average, trainer.game.latent, trainer.config.dataset)
    folder.mkdir(exist_ok=True)  # without parents: do not create a deleted run again
    write_bytes(grid_file(trainer, folder), encode(to_pil(picture)))


def grid_file(trainer: Trainer, folder: Path) -> Path:
    """The path of the current step's sample grid."""
    return folder / f"{trainer.step:08d}.png"


def sample_grid(generator: nn.Module, latent: Latent, data: DatasetInfo) -> Tensor:
    """Image (C, H, W) of seeds 0, 1, 2, ...: eight rows of samples, one class per column if G is conditional.

    Points are drawn over the modes of their distribution, if known. `generator` must be in eval mode.
    """
    classes = min(latent.classes, CLASSES)
    columns = classes or COLUMNS
    seeds = range(POINTS if data.is_points else ROWS * columns)
    labels = torch.arange(len(seeds)) % classes if classes else None
    images = draw_images(generator, draw_inputs(latent, seeds, labels), seeds)
    return draw_sheet(images, columns, mode_circles(data.name, data.class_names))
