"""The sample grid of a release."""

from __future__ import annotations

from pathlib import Path

from ganzoo.image_io import save_png
from ganzoo.sampling import Sampler
from ganzoo.training.samples import sample_grid


def draw_grid(sampler: Sampler, path: Path) -> None:
    """Write the sample grid of seeds 0, 1, 2, ... as a PNG."""
    save_png(sample_grid(sampler.generator, sampler.latent, sampler.config.dataset), path)
