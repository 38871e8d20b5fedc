"""`Sampler`: a trained generator that draws images by seed, class, walk, code traversal and truncation."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ganzoo.config.schema import ResolvedConfig
from ganzoo.data.dataset import class_index
from ganzoo.errors import InputError, unknown_name
from ganzoo.latent import GeneratorInputs, Latent, draw_images, draw_inputs, encode
from ganzoo.networks.laplacian import LevelImages, PyramidGenerator
from ganzoo.sampling import latent_ops
from ganzoo.sampling.latent_ops import interpolation, truncate, walk_points
from ganzoo.torch_state import default_torch_state
from ganzoo.training.release import sample_grid

BATCH = 64


@dataclass(frozen=True)
class Sampler:
    """Draws images by seed: one seed is one image, on any device and for any batch size."""

    generator: nn.Module
    latent: Latent
    config: ResolvedConfig
    card: dict[str, Any]

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; empty if G takes no labels."""
        return self.config.dataset.class_names if self.latent.classes else ()

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of an image."""
        return self.config.dataset.shape

    @property
    def is_points(self) -> bool:
        """True if the samples are points in the plane, not images."""
        return self.config.dataset.is_points

    @property
    def has_encoder(self) -> bool:
        """True if G was trained with an encoder."""
        return getattr(self.generator, "encoder", None) is not None

    @property
    def code_names(self) -> tuple[str, ...]:
        """Names of the parts of the code that can be traversed; empty without a code."""
        return latent_ops.code_names(self.latent.code)

    @default_torch_state()
    def sample(
        self,
        n: int | None = None,
        seed: int = 0,
        *,
        seeds: Sequence[int] | None = None,
        classes: Sequence[int | str] | None = None,
        truncation: float | None = None,
        batch: int = BATCH,
    ) -> Tensor:
        """Images (N, C, H, W) in [-1, 1], on the CPU: of seeds `seed` ... `seed` + `n` - 1, or of `seeds`.

        The images cycle through `classes`, by name or number (see `class_index`); by default each seed draws its class.
        `truncation` bounds the values of z (see `truncate`).
        """
        if seeds is None:
            seeds = range(seed, seed + (16 if n is None else n))
        labels = None if classes is None else self.labels(classes, len(seeds))
        return self.images(self.inputs(seeds, labels, truncation), seeds, batch)

    @default_torch_state()
    def grid(self) -> Tensor:
        """The sample grid (C, H, W) that a run writes during training: seeds 0, 1, 2, ... (`sample_grid`)."""
        return sample_grid(self.generator, self.latent, self.config.dataset)

    @default_torch_state()
    def sample_per_class(
        self,
        seeds: Sequence[int],
        classes: Sequence[int | str] | None = None,
        truncation: float | None = None,
        batch: int = BATCH,
    ) -> Tensor:
        """Images (classes * seeds, C, H, W): for each class (default: all) the images of the same `seeds`."""
        rows = self.labels(self.class_names if classes is None else classes)
        labels = rows.repeat_interleave(len(seeds))
        repeated = [*seeds] * len(rows)
        return self.images(self.inputs(repeated, labels, truncation), repeated, batch)

    @default_torch_state()
    def walk(
        self,
        seeds: Sequence[int],
        frames: int = 8,
        *,
        classes: Sequence[int | str] | None = None,
        along: str | None = None,
        truncation: float | None = None,
        batch: int = BATCH,
    ) -> Tensor:
        """Images (M, C, H, W) of a walk through `seeds`, `frames` from each seed to the next, both included.

        Only z changes, along the "circle" or the "line" (None: by its distribution, see `interpolation`); the label, the
        code and G's noise are those of the first seed. Raises `InputError` for more than one class.
        """
        label = None if classes is None else self.labels(classes)
        if label is not None and len(label) > 1:
            raise InputError(f"a walk keeps one class, but {len(label)} are given; name one")
        labels = None if label is None else label.expand(len(seeds))
        points = self.inputs(seeds, labels, truncation)
        z = walk_points(points.z, frames, interpolation(along, self.latent.distribution))
        held = [None if value is None else value[:1].expand(len(z), *value.shape[1:]) for value in points[1:]]
        return self.images(GeneratorInputs(z, *held), [seeds[0]] * len(z), batch)

    @default_torch_state()
    def traverse(self, code: str, seeds: Sequence[int], truncation: float | None = None, batch: int = BATCH) -> Tensor:
        """Images (seeds * columns, C, H, W): one row per seed, along which only the part `code` changes.

        `code` is one of `code_names`; see `ganzoo.sampling.latent_ops` for values and columns. Raises `InputError` for an
        unknown code.
        """
        known = self.latent.code
        if known is None:
            raise InputError(f"{self.config.variant} was trained without a code, so no code can be traversed")
        if code not in self.code_names:
            raise unknown_name("code", code, self.code_names)
        repeated = [seed for seed in seeds for _ in range(latent_ops.code_columns(known))]
        inputs = self.inputs(repeated, None, truncation)
        assert inputs.code is not None, "there is a code"
        return self.images(inputs._replace(code=latent_ops.traverse_code(inputs.code, known, code)), repeated, batch)

    @default_torch_state()
    @torch.no_grad()
    def encode(self, images: Tensor) -> GeneratorInputs:
        """G's inputs for images (N, C, H, W) in [-1, 1]: the mean of z, (N, dim), by G's encoder.

        Raises `InputError` for a model without an encoder.
        """
        if not self.has_encoder:
            raise InputError(f"{self.config.variant} has no encoder; 'ganzoo invert' finds a latent without one")
        return GeneratorInputs(encode(self.generator, images).mean.float())

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images (N, C, H, W) that G makes of the encoded `images`; raises `InputError` for a model without an encoder."""
        return self.images(self.encode(images), [0] * len(images))

    @property
    def levels(self) -> int:
        """Number of levels of G's pyramid; 1 without a pyramid."""
        return self.generator.pyramid.levels if isinstance(self.generator, PyramidGenerator) else 1

    @default_torch_state()
    def build_up(
        self,
        seeds: Sequence[int],
        classes: Sequence[int | str] | None = None,
        truncation: float | None = None,
        batch: int = BATCH,
    ) -> Tensor:
        """Images (seeds * levels, C, H, W): for each seed its image at every level of G's pyramid, coarsest first.

        Coarser levels are enlarged to full size by repeating pixels. The images cycle through `classes`. Raises `InputError`
        for a generator without a pyramid.
        """
        if not isinstance(self.generator, PyramidGenerator):
            raise InputError(f"{self.config.variant} has no levels: it was trained without networks.pyramid")
        labels = None if classes is None else self.labels(classes, len(seeds))
        inputs = self.inputs(seeds, labels, truncation)
        return self._drawn(LevelImages(self.generator).eval(), inputs, seeds, batch).flatten(0, 1)

    def labels(self, classes: Sequence[int | str], n: int | None = None) -> Tensor:
        """`n` labels that cycle through `classes`, or one label per class; raises `InputError` for an unknown class."""
        if not self.latent.classes:
            raise InputError(f"{self.config.variant} was trained without labels, so no class can be chosen")
        numbers = [class_index(each, self.class_names) for each in classes]
        if not numbers:
            raise InputError("the list of classes is empty; name at least one")
        return torch.tensor([numbers[i % len(numbers)] for i in range(len(numbers) if n is None else n)])

    @default_torch_state()
    def inputs(
        self, seeds: Sequence[int], labels: Tensor | None = None, truncation: float | None = None
    ) -> GeneratorInputs:
        """Generator inputs of `seeds`, on the CPU; raises `InputError` without seeds, or if z cannot be truncated."""
        if len(seeds) == 0:
            raise InputError("cannot draw 0 images: n must be at least 1")
        inputs = draw_inputs(self.latent, seeds, labels)
        if truncation is None:
            return inputs
        if self.latent.distribution != "gaussian":
            raise InputError(
                f"truncation needs Gaussian latents; those of {self.config.variant} are {self.latent.distribution}, "
                "which have no tails"
            )
        return inputs._replace(z=truncate(inputs.z, truncation))

    @default_torch_state()
    def images(self, inputs: GeneratorInputs, seeds: Sequence[int], batch: int = BATCH) -> Tensor:
        """Images (N, C, H, W) of `inputs`, on the CPU; noise layers of G, if any, use `seeds`, one per row."""
        return self._drawn(self.generator, inputs, seeds, batch)

    def _drawn(self, generator: nn.Module, inputs: GeneratorInputs, seeds: Sequence[int], batch: int) -> Tensor:
        images = draw_images(generator, inputs, seeds, batch)
        bad = (~images.isfinite()).flatten(1).any(1)
        if bad.any():
            seed = seeds[int(bad.int().argmax())]
            raise InputError(
                f"the image of seed {seed} is not finite: the weights of {self.config.variant} are corrupted"
            )
        return images
