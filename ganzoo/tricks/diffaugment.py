"""Differentiable augmentation of all that D sees."""

from typing import Any, ClassVar, Literal

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.tricks.base import Phase, Trick

Kind = Literal["color", "translation", "cutout"]


class DiffAugment(Trick):
    """Differentiable Augmentation for Data-Efficient GAN Training. Zhao et al., 2020, https://arxiv.org/abs/2006.10738

    Reals and fakes alike, in both players' steps, one draw a sample; G's gradient passes through.
      color        brightness +- 0.5, saturation x 0..2 (colour images), contrast x 0.5..1.5
      translation  up to an eighth of the side in both directions, rounded (the authors: down), black (theirs: grey) coming in
      cutout       a square of half the side, anywhere, becomes 0 (grey), as in the authors' code
    Settings: the kinds, applied in this order; the paper's default is all three.
    """

    name: ClassVar[str] = "augment"
    phase: ClassVar[Phase] = Phase.VIEW
    neutral: ClassVar[dict[str, Any]] = {"kinds": []}
    title: ClassVar[str] = "differentiable augmentation"
    number: ClassVar[int | None] = 28
    images_only: ClassVar[bool] = True

    def __init__(
        self,
        *,
        kinds: tuple[Kind, ...] = ("color", "translation", "cutout"),  # kinds of augmentation, applied in this order
    ) -> None:
        super().__init__()
        self.kinds = kinds

    def view(self, samples: Batch) -> Batch:
        """The batch, each image changed in its own way."""
        images = samples.images
        for kind, change in KINDS.items():
            images = change(images) if kind in self.kinds else images
        return samples.with_images(images)


def draw_factors(name: str, images: Tensor) -> Tensor:
    """One number in [0, 1) an image, (N, 1, 1, 1)."""
    return rng.uniform(f"augment.{name}", len(images), 1, 1, 1, device=images.device)


def jitter_color(images: Tensor) -> Tensor:
    """Brightness, then saturation, then contrast."""
    images = images + (draw_factors("brightness", images) - 0.5)
    if images.shape[1] > 1:
        images = scale_contrast(images, (1,), 2 * draw_factors("saturation", images))
    return scale_contrast(images, (1, 2, 3), draw_factors("contrast", images) + 0.5)


def scale_contrast(images: Tensor, axes: tuple[int, ...], factor: Tensor) -> Tensor:
    """Each image's distance from its own mean over `axes`, times `factor`."""
    mean = images.mean(axes, keepdim=True)
    return mean + factor * (images - mean)


def translate(images: Tensor) -> Tensor:
    """A shift by whole pixels."""
    reach = round(images.shape[2] / 8)
    down, right = (offsets(name, images, 2 * reach + 1) for name in ("down", "right"))
    padded = F.pad(images, (reach,) * 4, value=-1.0)
    height, width = images.shape[2:]
    rows, columns = (start + torch.arange(n, device=images.device) for start, n in ((down, height), (right, width)))
    places = (rows[:, :, None] * padded.shape[3] + columns[:, None]).flatten(1)
    # Not by brackets, whose gradient sorts all places first.
    moved = padded.flatten(2).gather(2, places[:, None].expand(*images.shape[:2], -1))
    return moved.view_as(images)


def cutout(images: Tensor) -> Tensor:
    """A square hole, which may reach over the edge."""
    size = images.shape[2] // 2
    side = torch.arange(images.shape[2], device=images.device)
    inside = []
    for name in ("top", "left"):
        start = offsets(f"cutout.{name}", images, images.shape[2] + 1) - size // 2
        inside.append((side >= start) & (side < start + size))
    hole = inside[0][:, None, :, None] & inside[1][:, None, None, :]
    return images.masked_fill(hole, 0.0)


def offsets(name: str, images: Tensor, count: int) -> Tensor:
    """A whole number from 0 to `count` - 1 an image, (N, 1)."""
    return (draw_factors(name, images).flatten(1) * count).long()


KINDS = {"color": jitter_color, "translation": translate, "cutout": cutout}
