"""GAN inversion: the latent whose image is nearest to a picture, found by gradient descent through G.

The method of Zhu et al. 2016 (arXiv:1609.03552, section 4.1) and Creswell & Bharath 2016 (arXiv:1611.05644). The search
starts from several random latents, because the distance has many local minima, and keeps the nearest result.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ganzoo import rng
from ganzoo.data import SOURCES
from ganzoo.data.transform import Transform
from ganzoo.errors import InputError, first_line
from ganzoo.evaluation import Extractor
from ganzoo.latent import GeneratorInputs, Latent, generate
from ganzoo.sampling import Sampler
from ganzoo.torch_state import default_torch_state

LEARNING_RATE = 0.05
LATENT_SLACK = 2.0  # above the mean length of a Gaussian z, whose standard deviation is about 0.7 in any dimension


@dataclass(frozen=True)
class Projection:
    """Result of a search: the nearest image found."""

    image: Tensor
    """(C, H, W) in [-1, 1]."""
    inputs: GeneratorInputs
    """Generator inputs of the image, one row."""
    seed: int
    """Seed of the initial latent, and of noise in G."""
    error: float
    """Root mean squared difference of the pixels, in gray levels (of 255)."""
    encoded: bool = False
    """True if the search started from the latent of G's encoder, not of `seed`."""


def read_picture(path: Path, sampler: Sampler) -> Tensor:
    """Read an image file as (C, H, W) in [-1, 1], cropped and resized like the training data of `sampler`.

    Raises `InputError` for a file that is not an image, and for a sampler of points or of images that are not square.
    """
    facts = sampler.config.dataset
    channels, size, width = facts.shape
    if sampler.is_points:
        raise InputError(f"{sampler.config.variant} makes points; only a model of images takes pictures")
    if size != width:
        raise InputError(
            f"{sampler.config.variant} makes images of {size} x {width}; only a model of square images takes pictures"
        )
    source = SOURCES.get(facts.name)
    try:
        pixels = Transform(size, channels, source is not None and source.pad, sampler.config.data.crop)(path)
    except Exception as error:  # decoders raise any type of error for a broken file
        raise InputError(f"cannot read {path} ({first_line(error)})") from None
    return torch.from_numpy(pixels.copy()).float() / 127.5 - 1


@default_torch_state()
def project(
    sampler: Sampler,
    picture: Tensor,
    *,
    steps: Iterable[int],
    restarts: int = 4,
    only: str | None = None,
    extractor: Extractor | None = None,
    encoder: bool = True,
) -> Projection:
    """Find the image of `sampler` nearest to `picture` (C, H, W), with one step of Adam for each of `steps`.

    The search starts from the latents of seeds 0 to `restarts` - 1, each with every class (or `only` that one) and every
    category of the code; in a model with an encoder from the encoder's latent alone, unless `encoder` is False. It changes z
    and the continuous code, and keeps both in the range seen in training: a Gaussian z within the length of practically all
    draws, a uniform z and the code in [-1, 1] (Lipton & Tripathi 2017, arXiv:1702.04782), a spherical z on the sphere. The
    distance is the mean squared difference of the pixels; an `extractor` adds that of its features, divided by their mean
    square. Raises `InputError` for an unknown class.
    """
    encoded = encoder and sampler.has_encoder
    starts, seeds = (sampler.encode(picture[None]), [0]) if encoded else initial_latents(sampler, restarts, only)
    free = [each.requires_grad_() for each in (starts.z, starts.code) if each is not None]
    optimizer, distance = torch.optim.Adam(free, lr=LEARNING_RATE), Distance(picture, extractor)
    for _ in steps:
        optimizer.zero_grad()
        distance(_images(sampler, starts, seeds)).sum().backward()
        optimizer.step()
        project_to_prior(starts, sampler.latent)
    return replace(nearest_result(sampler, starts, seeds, distance, picture), encoded=encoded)


def initial_latents(sampler: Sampler, restarts: int, only: str | None) -> tuple[GeneratorInputs, list[int]]:
    """The initial latents of the search, and the seed of each."""
    latent = sampler.latent
    names = sampler.class_names if only is None else [only]
    classes = sampler.labels(names).tolist() if names else [0]
    categories = latent.code.categorical if latent.code else 0
    chosen = list(product(range(restarts), classes, range(max(1, categories))))
    seeds = [seed for seed, _, _ in chosen]
    starts = sampler.inputs(seeds, torch.tensor([label for _, label, _ in chosen]))
    if categories and starts.code is not None:
        starts.code[:, :categories] = F.one_hot(torch.tensor([c for _, _, c in chosen]), categories)
    return starts, seeds


class Distance:
    """Distances (N,) of images (N, C, H, W) to one picture (C, H, W)."""

    def __init__(self, picture: Tensor, extractor: Extractor | None) -> None:
        self.picture, self.extractor = picture[None], extractor
        self.features = None if extractor is None else self._read(self.picture)
        if extractor is not None and not self._read(self.picture.clone().requires_grad_()).requires_grad:
            raise InputError(
                f"--extractor {extractor.name} has no gradient with respect to images; use digits, cifar or lite0"
            )

    def __call__(self, images: Tensor) -> Tensor:
        apart = (images - self.picture).square().flatten(1).mean(1)
        if self.features is None:
            return apart
        missed = (self._read(images) - self.features).square().mean(1)
        return apart + missed / self.features.square().mean().clamp(min=1e-12)

    def _read(self, images: Tensor) -> Tensor:
        assert self.extractor is not None, "called only with an extractor"
        # Not `self.extractor(...)`, which runs without gradients.
        return self.extractor.network(self.extractor.preprocess(images)).features.float()


@torch.no_grad()
def project_to_prior(inputs: GeneratorInputs, latent: Latent) -> None:
    """Project z and code, in place, onto the support of their distribution."""
    if latent.distribution == "uniform":
        inputs.z.clamp_(-1, 1)
    else:
        length, usual = inputs.z.norm(dim=1, keepdim=True).clamp(min=1e-12), latent.dim**0.5
        on_sphere = latent.distribution == "sphere"
        inputs.z.mul_(usual / length if on_sphere else ((usual + LATENT_SLACK) / length).clamp(max=1))
    if inputs.code is not None and latent.code is not None:
        categories = latent.code.categorical
        inputs.code[:, categories:].clamp_(-1, 1)
        if categories:
            kept = inputs.code[:, :categories].argmax(1)
            inputs.code[:, :categories] = F.one_hot(kept, categories)


@torch.no_grad()
def nearest_result(
    sampler: Sampler, inputs: GeneratorInputs, seeds: list[int], distance: Distance, picture: Tensor
) -> Projection:
    """The projection whose image is nearest to `picture`."""
    images = _images(sampler, inputs, seeds)
    best = int(distance(images).argmin())
    error = gray_levels(images[best], picture)
    row = GeneratorInputs(*(None if value is None else value.detach()[best : best + 1] for value in inputs))  # type: ignore[arg-type]
    return Projection(images[best], row, seeds[best], error)


def gray_levels(image: Tensor, other: Tensor) -> float:
    """Root mean squared difference of two images in [-1, 1], in gray levels (of 255)."""
    return float((image - other).square().mean().sqrt()) * 127.5


def _images(sampler: Sampler, inputs: GeneratorInputs, seeds: list[int]) -> Tensor:
    with rng.PerImageRng(seeds):  # a generator with noise layers draws the same noise at every step
        return generate(sampler.generator, inputs).images.float()
