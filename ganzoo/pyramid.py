"""The Laplacian pyramid of an image, and the flat form in which a training step carries all its levels in one tensor.

Burt & Adelson 1983; Denton et al. 2015, https://arxiv.org/abs/1506.05751, section 2.2:

    I_0 = image, I_(k+1) = d(I_k)            the Gaussian pyramid
    l_k = u(I_(k+1)), h_k = I_k - l_k        low-pass image and coefficients of level k; the coarsest has I_K alone
    I_k = u(I_(k+1)) + h_k                   the inverse, exact up to rounding for any d and u

d is the mean of 2x2 pixels and u doubles by bilinear interpolation, as `image.scale` does in the authors' code
(https://github.com/facebookarchive/eyescream), except that u keeps the pixel centers, where Torch 7 aligned the corners.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor
from torch.nn import functional as F

Shape = tuple[int, int, int]


def down(images: Tensor) -> Tensor:
    """d: (N, C, H, W) -> (N, C, H / 2, W / 2), the mean of 2x2 pixels."""
    return F.avg_pool2d(images, 2)


def up(images: Tensor) -> Tensor:
    """u: (N, C, H, W) -> (N, C, 2H, 2W), bilinear."""
    return F.interpolate(images, scale_factor=2.0, mode="bilinear", align_corners=False)


@dataclass(frozen=True)
class Pyramid:
    """A pyramid of `levels` sizes, the finest first; images of `shape` (C, H, W). One level is the image itself.

    The flat form (N, values, 1, 1) holds I_0, l_0, I_1, l_1, ..., I_K of each sample.
    """

    shape: Shape
    levels: int

    @property
    def shapes(self) -> list[Shape]:
        """(C, H, W) of each level."""
        channels, height, width = self.shape
        return [(channels, height >> k, width >> k) for k in range(self.levels)]

    @property
    def planes(self) -> list[int]:
        """Pixels of each level but the coarsest: the values in its plane of noise."""
        return [height * width for _, height, width in self.shapes[:-1]]

    @property
    def spans(self) -> list[int]:
        """Lengths of the parts of the flat form, in its order."""
        return [prod(shape) for shape in self.shapes for _ in range(2)][:-1]

    def gaussian(self, images: Tensor) -> list[Tensor]:
        """I_0, ..., I_K of images (N, C, H, W)."""
        found = [images]
        while len(found) < self.levels:
            found.append(down(found[-1]))
        return found

    def coefficients(self, images: Tensor) -> list[Tensor]:
        """h_0, ..., h_(K-1), I_K of images (N, C, H, W)."""
        *finer, coarsest = levels = self.gaussian(images)
        return [image - up(low) for image, low in zip(finer, levels[1:], strict=True)] + [coarsest]

    def reconstruct(self, coefficients: Sequence[Tensor]) -> Tensor:
        """The images (N, C, H, W) of `coefficients`."""
        *finer, image = coefficients
        for coefficient in reversed(finer):
            image = up(image) + coefficient
        return image

    def pack(self, images: Sequence[Tensor], low_pass: Sequence[Tensor]) -> Tensor:
        """The flat form (N, values, 1, 1) of one image a level and one low-pass image a level but the coarsest."""
        pairs = [part for pair in zip(images, low_pass, strict=False) for part in pair]
        return torch.cat([part.flatten(1) for part in [*pairs, images[-1]]], 1)[..., None, None]

    def unpack(self, flat: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """The images and low-pass images of `pack`."""
        parts = flat.flatten(1).split(self.spans, 1)
        images = [part.reshape(-1, *shape) for part, shape in zip(parts[::2], self.shapes, strict=True)]
        low_pass = [part.reshape(-1, *shape) for part, shape in zip(parts[1::2], self.shapes, strict=False)]
        return images, low_pass

    def of_images(self, images: Tensor) -> Tensor:
        """The flat form of images (N, C, H, W), or of what is in flat form already."""
        if images.shape[1:] != self.shape:
            return images
        levels = self.gaussian(images)
        return self.pack(levels, [up(low) for low in levels[1:]])

    def with_level(self, flat: Tensor, level: int, images: Tensor) -> Tensor:
        """The flat form with other images (N, C, H, W) at one level."""
        parts = list(flat.split(self.spans, 1))
        parts[2 * level] = images.flatten(1)[..., None, None].to(flat.dtype)
        return torch.cat(parts, 1)
