"""What each of the two classifiers is trained on, how long, and how its pictures are varied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo import rng
from ganzoo.data.sources.torchvision_sets import Cifar10, Mnist, TorchvisionSource
from ganzoo.evaluation.extractors.small_classifiers import Name
from ganzoo.tricks.diffaugment import translate


@dataclass(frozen=True)
class Plan:
    """All that decides the weights, beside the pictures and the code."""

    data: type[TorchvisionSource]
    """The set whose licence and class names are the classifier's."""
    widths: tuple[int, ...]
    """Channels of each block; the last is the length of a feature vector."""
    epochs: int
    vary: Callable[[Tensor], Tensor]
    """A batch of training images, each changed in its own way."""
    flip: bool
    """Whether images are mirrored at random."""
    batch: int = 256
    seed: int = 0
    # The remaining figures are airbench96's (Jordan 2024), for the mean loss over a batch of 1,024.
    rate: float = 1.17
    momentum: float = 0.85
    decay: float = 1.33e-3
    bias_rate: float = 64.0
    """How many times faster than the weights the shifts learn."""
    average: float = 0.99
    """Per step, of the running average of the weights that is shipped."""


def warp(images: Tensor) -> Tensor:
    """Each image turned by up to 12 degrees, scaled and sheared by up to 12 %, shifted by up to 2 pixels, and bent."""
    n, side = len(images), images.shape[3]
    angle = _between("turn", n) * 12 * pi / 180
    turn = torch.stack([angle.cos(), -angle.sin(), angle.sin(), angle.cos()], 1).view(n, 2, 2)
    stretch = torch.eye(2) + 0.12 * _between("stretch", n, 2, 2)
    # The grid's unit is half a side.
    shift = _between("shift", n, 2, 1) * 4 / side
    grid = F.affine_grid(torch.cat([stretch @ turn, shift], 2), list(images.shape), align_corners=False)
    bend = F.interpolate(_between("bend", n, 2, 5, 5), side, mode="bicubic") * 3 / side
    return F.grid_sample(images + 1, grid + bend.permute(0, 2, 3, 1), align_corners=False) - 1


def _between(name: str, *shape: int) -> Tensor:
    """Uniform numbers in [-1, 1)."""
    return 2 * rng.uniform(f"classifier.{name}", *shape) - 1


PLANS: dict[Name, Plan] = {
    "digits": Plan(Mnist, (32, 64, 128), epochs=12, vary=warp, flip=False),
    "cifar": Plan(Cifar10, (64, 192, 192), epochs=10, vary=translate, flip=True),
}
