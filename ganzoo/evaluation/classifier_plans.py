"""Training plans of the two bundled classifiers: data, widths, epochs, augmentation, hyperparameters."""

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
    """Everything that determines the weights, except the images and the code."""

    data: type[TorchvisionSource]
    """Data set whose license and class names the classifier has."""
    widths: tuple[int, ...]
    """Channels of each block; the last is the length of a feature vector."""
    epochs: int
    vary: Callable[[Tensor], Tensor]
    """Augmentation of a batch of training images, different for each image."""
    flip: bool
    """True if images are mirrored at random."""
    batch: int = 256
    seed: int = 0
    # The remaining values are airbench96's (Jordan 2024), for the mean loss over a batch of 1,024.
    rate: float = 1.17
    momentum: float = 0.85
    decay: float = 1.33e-3
    bias_rate: float = 64.0
    """Learning rate of biases relative to that of weights."""
    average: float = 0.99
    """Decay per step of the moving average of the weights."""


def warp(images: Tensor) -> Tensor:
    """Rotate each image by up to 12 degrees, scale and shear it by up to 12 %, shift it by up to 2 pixels, and bend it."""
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
