"""Sampling: load a checkpoint (release, run, bundled name, hf:USER/NAME) and draw images from it."""

from ganzoo.sampling.checkpoints import load, shipped_releases
from ganzoo.sampling.sampler import Sampler

__all__ = ["Sampler", "load", "shipped_releases"]
