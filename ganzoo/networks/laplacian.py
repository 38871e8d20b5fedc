"""LAPGAN: one generator and one discriminator for each level of a Laplacian pyramid.

Deep Generative Image Models using a Laplacian Pyramid of Adversarial Networks. Denton et al., 2015,
https://arxiv.org/abs/1506.05751. With the notation of `ganzoo.pyramid`:

    I~_K = G_K(z_K)                              eq. 5, sampling: an ordinary generator at the coarsest level, then
    I~_k = u(I~_(k+1)) + G_k(z_k, u(I~_(k+1)))   coefficients at each finer one
    x_k  = l_k + G_k(z_k, l_k)                   section 2.3, training: l_k is that of a real, so the levels are independent
    D_k judges I_k against x_k                   the low-pass image is added before D's first layer

All levels train in one run: a step moves every D_k, then every G_k. Half of what D_k sees is real, as in the paper. The
paper draws the reals and those behind the fakes separately; here one batch serves for both. z_k is a plane of noise, joined
to l_k as another channel. In the class-conditional form a linear layer turns the one-hot label into one more plane.
"""

from collections.abc import Sequence
from typing import Literal, cast, get_args

import torch
from pydantic import PositiveInt
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.errors import InputError, unknown_name
from ganzoo.networks.backbone import Shape
from ganzoo.networks.discriminator import Discriminator, LabelPlane
from ganzoo.networks.generator import Generator, RealConditioned
from ganzoo.networks.layers import ACTIVATIONS, Chain, SameConv, keeps_bias, make_norm
from ganzoo.pyramid import Pyramid, up

Condition = Literal["none", "plane"]


class Refiner(nn.Module):
    """G_k of a finer level: low-pass image and noise to coefficients, by `depth` convolutions that keep the size.

    The authors' code has three convolutions of 128 channels with kernels 7, 7 and 5, ReLU and no norm.
    """

    def __init__(
        self,
        shape: Shape,
        classes: int = 0,
        *,
        width: PositiveInt = 128,  # channels of the hidden maps
        depth: PositiveInt = 3,  # number of convolutions
        kernel: PositiveInt = 7,  # kernel size; the authors' last one is 5
        norm: str = "none",  # normalization layer
        activation: str = "relu",  # activation function
        condition: Condition = "none",  # use of the label; plane: one more input channel (default of a conditional G)
    ) -> None:
        super().__init__()
        if condition not in get_args(Condition):
            raise unknown_name("condition of a pyramid's generator", condition, get_args(Condition))
        if condition != "none" and not classes:
            raise InputError(f"the generator's condition = {condition!r} needs labels, but the data have no labels")
        if norm == "virtual":
            raise InputError(
                "norm = 'virtual' has no reference at the finer levels of a pyramid; use 'none' or 'batch'"
            )
        self.plane = LabelPlane(classes, shape) if condition == "plane" else None
        inputs = shape[0] + 1 + (self.plane is not None)
        layers: dict[str, nn.Module] = {}
        for i in range(1, depth):
            conv = SameConv(inputs, width, kernel, bias=keeps_bias(norm))
            layers[f"layer{i}"] = Chain(conv=conv, norm=make_norm(norm, width), act=ACTIVATIONS[activation]())
            inputs = width
        self.layers = Chain(**layers, output=SameConv(inputs, shape[0], kernel))

    def forward(self, low_pass: Tensor, noise: Tensor, labels: Tensor | None = None) -> Tensor:
        """Low-pass images (N, C, H, W), noise (N, H W) and labels (N,) -> coefficients (N, C, H, W)."""
        n, _, height, width = low_pass.shape
        planes = [low_pass, noise.view(n, 1, height, width)]
        if self.plane is not None:
            planes.append(self.plane(labels))
        coefficients: Tensor = self.layers(torch.cat(planes, 1))
        return coefficients


class PyramidGenerator(RealConditioned):
    """G_0, ..., G_K as one generator, which climbs the pyramid from its own coarsest image.

    Its latent is all of the noise: the planes of the finer levels, finest first, then z_K. So one seed is one image.
    `noise`: standard deviation of the noise that training adds to the low-pass images of each finer level.
    """

    def __init__(
        self, coarsest: Generator, refiners: Sequence[Refiner], pyramid: Pyramid, noise: Sequence[float]
    ) -> None:
        super().__init__()
        self.coarsest, self.refiners = coarsest, nn.ModuleList(refiners)
        self.pyramid, self.noise = pyramid, tuple(noise)

    def refer_to(self, z: Tensor, labels: Tensor | None = None) -> None:
        """Set the reference batch of the coarsest generator's virtual batch norm."""
        self.coarsest.refer_to(self._split(z)[-1], labels)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents (N, latent) and, if G is conditional, labels (N,) -> images (N, C, H, W) in [-1, 1]."""
        return self.climb(z, labels)[-1].clamp(-1, 1)

    def climb(self, z: Tensor, labels: Tensor | None = None) -> list[Tensor]:
        """I~_K, ..., I~_0: the images of all levels, coarsest first."""
        *planes, z = self._split(z)
        found = [self.coarsest(z, labels)]
        for refiner, plane in zip(reversed(self.refiners), reversed(planes), strict=True):
            low = up(found[-1])
            found.append(low + refiner(low, plane, labels))
        return found

    def reals(self, images: Tensor) -> Tensor:
        """The flat form of real images (N, C, H, W), with noise on the low-pass images."""
        levels = self.pyramid.gaussian(images)
        low_pass = [self._blurred(image, std) for image, std in zip(levels[1:], self.noise, strict=True)]
        return self.pyramid.pack(levels, low_pass)

    def fakes(self, z: Tensor, labels: Tensor | None, reals: Tensor) -> Tensor:
        """The flat form of one fake a level, each from the low-pass image of a real; `reals` in flat form."""
        *planes, z = self._split(z)
        _, low_pass = self.pyramid.unpack(reals)
        finer = [
            low + refiner(low, plane, labels)
            for refiner, low, plane in zip(self.refiners, low_pass, planes, strict=True)
        ]
        return self.pyramid.pack([*finer, self.coarsest(z, labels)], low_pass)

    def _blurred(self, coarser: Tensor, std: float) -> Tensor:
        low = up(coarser)
        return low + std * rng.normal("pyramid.noise", *low.shape, device=low.device) if std else low

    def _split(self, z: Tensor) -> list[Tensor]:
        planes = self.pyramid.planes
        return list(z.split([*planes, z.shape[1] - sum(planes)], 1))


class PyramidDiscriminator(nn.Module):
    """D_0, ..., D_K as one discriminator with a score for each level.

    `low_pass` (finer levels): D_k also gets the low-pass image, as extra channels.
    """

    def __init__(self, levels: Sequence[Discriminator], pyramid: Pyramid, low_pass: Sequence[bool]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(levels)
        self.pyramid, self.low_pass = pyramid, tuple(low_pass)

    def forward(self, samples: Batch) -> DiscriminatorOutput:
        """Images (N, C, H, W) or their flat form (N, values, 1, 1) -> score (N, levels), and the features of all levels.

        The record's `images` are the flat form.
        """
        flat = self.pyramid.of_images(samples.images)
        seen = self._inputs(flat)
        judged = [level(samples.with_images(images)) for level, images in zip(self.levels, seen, strict=True)]
        return DiscriminatorOutput(
            flat,
            samples.labels,
            samples.code,
            features=torch.cat([each.features for each in judged], 1),
            score=torch.stack([each.score for each in judged], 1),
        )

    @property
    def reference(self) -> Tensor | None:
        """The reference images of the first level with virtual batch norm; None without it."""
        return next((level.reference for level in self._players() if level.reference is not None), None)

    def refer_to(self, samples: Batch) -> None:
        """Set the reference batch of every level: `REFERENCE_BATCH` samples in flat form."""
        for level, images in zip(self._players(), self._inputs(samples.images), strict=True):
            level.refer_to(samples.with_images(images))

    def _players(self) -> list[Discriminator]:
        return [cast(Discriminator, level) for level in self.levels]

    def _inputs(self, flat: Tensor) -> list[Tensor]:
        images, low_pass = self.pyramid.unpack(flat)
        for k, low in enumerate(low_pass):
            if self.low_pass[k]:
                images[k] = torch.cat([images[k], low], 1)
        return images


class LevelImages(nn.Module):
    """The images of all levels of a `PyramidGenerator`, enlarged to full size by repeating pixels."""

    def __init__(self, generator: PyramidGenerator) -> None:
        super().__init__()
        self.generator = generator

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Like the generator's, but (N, levels, C, H, W), coarsest first."""
        size = self.generator.pyramid.shape[1:]
        enlarged = [F.interpolate(image, size, mode="nearest") for image in self.generator.climb(z, labels)]
        return torch.stack(enlarged, 1).clamp(-1, 1)
