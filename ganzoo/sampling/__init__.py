"""A checkpoint -> images."""

from ganzoo.sampling.checkpoints import load, shipped_releases
from ganzoo.sampling.sampler import Sampler

__all__ = ["Sampler", "load", "shipped_releases"]
