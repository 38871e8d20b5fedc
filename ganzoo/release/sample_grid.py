"""What a release draws of itself, and whether it still draws the same."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ganzoo.atomic_io import read_bytes
from ganzoo.errors import InputError
from ganzoo.image_io import save_png, to_uint8
from ganzoo.sampling import Sampler
from ganzoo.training.samples import sample_grid

THUMBNAILS = 4
TOLERANCE = 2  # grey levels: another processor adds in another order


def draw_grid(sampler: Sampler, path: Path) -> None:
    """Write the sample grid of seeds 0, 1, 2, ... as a PNG."""
    save_png(sample_grid(sampler.generator, sampler.latent, sampler.config.dataset), path)


def draw_thumbnails(sampler: Sampler, path: Path) -> None:
    """Write the images of seeds 0 to 3 side by side, without a line between them, as one PNG."""
    save_png(thumbnails(sampler), path)


def thumbnails(sampler: Sampler) -> Tensor:
    """(C, H, 4 W) in [-1, 1]."""
    return torch.cat(list(sampler.sample(THUMBNAILS)), dim=2)


def max_drift(sampler: Sampler, path: Path) -> int:
    """By how many grey levels the thumbnails at `path` differ at most from what `sampler` draws; raises `InputError`."""
    drawn = to_uint8(thumbnails(sampler)).permute(1, 2, 0).squeeze(2).numpy().astype(int)
    try:
        kept = np.asarray(Image.open(BytesIO(read_bytes(path)))).astype(int)
    except OSError as error:
        raise InputError(f"cannot read {path}: {error}") from None
    if kept.shape != drawn.shape:
        raise InputError(f"{path} is a picture of {kept.shape}, the release draws {drawn.shape}")
    return int(abs(kept - drawn).max())
