"""Inputs of G: z, labels and latent code; images from seeds; z of given images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo import rng
from ganzoo.batch import Batch, CodeSpec


class GeneratorInputs(NamedTuple):
    """One row per image; G takes z and code concatenated."""

    z: Tensor
    """(N, dim)."""
    labels: Tensor | None = None
    """(N,) int64, if G is conditional."""
    code: Tensor | None = None
    """(N, K + C), if the loss has a code."""

    @property
    def vector(self) -> Tensor:
        """(N, `Latent.size`), the input vector of G."""
        return self.z if self.code is None else torch.cat([self.z, self.code], 1)


class Posterior(NamedTuple):
    """The Gaussian distribution of z for given images, as G's encoder states it."""

    mean: Tensor
    """(N, dim)."""
    log_variance: Tensor
    """(N, dim)."""

    def draw(self) -> Tensor:
        """One z for each image, (N, dim), with a gradient for the encoder (Kingma & Welling 2014, arXiv:1312.6114)."""
        noise = rng.normal("posterior", *self.mean.shape, device=self.mean.device)
        return self.mean + (self.log_variance / 2).exp() * noise


@dataclass(frozen=True)
class Latent:
    """Draws inputs of G from the active random stream (see `ganzoo.rng`)."""

    dim: int
    distribution: Literal["gaussian", "uniform", "sphere"] = "gaussian"
    """N(0, I); U[-1, 1) in each axis; uniform on the sphere of radius sqrt(dim), the typical norm of a Gaussian vector."""
    code: CodeSpec | None = None
    classes: int = 0
    """Number of classes G can draw; 0 = G takes no labels."""

    @property
    def size(self) -> int:
        """Length of G's input vector."""
        return self.dim + sum(self.code or ())

    def draw(self, n: int, labels: Tensor | None = None, device: torch.device | str = "cpu") -> GeneratorInputs:
        """Draw `n` inputs; labels that are not given are drawn uniformly."""
        if self.classes and labels is None:
            labels = rng.integers("labels", self.classes, n, device=device)
        if self.distribution == "uniform":
            z = rng.uniform("z", n, self.dim, device=device) * 2 - 1
        else:
            z = rng.normal("z", n, self.dim, device=device)
        if self.distribution == "sphere":
            z = F.normalize(z) * self.dim**0.5
        code = None if self.code is None else self._code(n, self.code, device)
        return GeneratorInputs(z, labels if self.classes else None, code)

    def _code(self, n: int, code: CodeSpec, device: torch.device | str) -> Tensor:
        continuous = rng.uniform("code.continuous", n, code.continuous, device=device) * 2 - 1
        if not code.categorical:
            return continuous
        category = rng.integers("code.category", code.categorical, n, device=device)
        # Not torch's one_hot, which reads its largest value on a CPU.
        one_hot = category[:, None] == torch.arange(code.categorical, device=device)
        return torch.cat([one_hot.to(continuous.dtype), continuous], 1)


def generate(generator: nn.Module, inputs: GeneratorInputs) -> Batch:
    """The batch that `generator` makes of `inputs`, with their labels and code."""
    return Batch(generator(inputs.vector, inputs.labels), inputs.labels, inputs.code)


def encode(generator: nn.Module, images: Tensor) -> Posterior:
    """The posterior of z for images (N, C, H, W), by the encoder of `generator`."""
    mean, log_variance = generator.encoder(images).chunk(2, dim=1)  # type: ignore[operator]
    return Posterior(mean, log_variance)


def generate_from_reals(generator: Any, inputs: GeneratorInputs, real: Batch) -> Batch:
    """The batch that a generator conditioned on reals makes for `real`, in the form of training."""
    return Batch(generator.fakes(inputs.vector, inputs.labels, real.images), inputs.labels, inputs.code)


def draw_inputs(latent: Latent, seeds: Sequence[int], labels: Tensor | None = None) -> GeneratorInputs:
    """Inputs of G for `seeds`, one row each, on the CPU; labels (N,) that are not given are drawn by the seed."""
    with rng.PerImageRng(seeds):
        return latent.draw(len(seeds), labels)


@torch.no_grad()
def draw_images(generator: nn.Module, inputs: GeneratorInputs, seeds: Sequence[int], batch: int = 64) -> Tensor:
    """Images (N, C, H, W) of `inputs` on the CPU; noise inside G is that of `seeds`, so `batch` changes no image.

    `generator` must be in eval mode.
    """
    device, parts = next(generator.parameters()).device, []
    for start in range(0, len(seeds), batch):
        rows = slice(start, start + batch)
        given = GeneratorInputs(*(None if value is None else value[rows].to(device) for value in inputs))  # type: ignore[arg-type]
        with rng.PerImageRng(seeds[rows]):
            parts.append(generate(generator, given).images.float().cpu())
    return torch.cat(parts)
