"""A generator that was kept, and the images it draws."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from ganzoo import streams
from ganzoo.config import Config
from ganzoo.errors import InputError, unknown
from ganzoo.latent import Inputs, Latent, draw_images, generate

Path = Literal["circle", "line"]


@dataclass(frozen=True)
class Sampler:
    """Draws images by seed: one seed is one image, on any device and for any batch size."""

    generator: nn.Module
    latent: Latent
    config: Config
    card: dict[str, Any]

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes that can be asked for; empty where G takes no labels."""
        assert self.config.dataset is not None, "a kept config is resolved"
        return self.config.dataset.class_names if self.latent.classes else ()

    def sample(
        self,
        n: int | None = None,
        seed: int = 0,
        *,
        seeds: Sequence[int] | None = None,
        classes: Sequence[int | str] | None = None,
        batch: int = 64,
    ) -> Tensor:
        """Images (N, C, H, W) in [-1, 1], on the CPU: of seeds `seed` ... `seed` + `n` - 1, or of `seeds`.

        `classes`, by number or name, are taken in turn; without them each seed draws its own.
        """
        if seeds is None:
            seeds = range(seed, seed + (16 if n is None else n))
        if not seeds:
            raise InputError("no image was asked for: n must be at least 1")
        labels = None if classes is None else self.labels(classes, len(seeds))
        return draw_images(self.generator, self.latent, seeds, labels, batch)

    def labels(self, classes: Sequence[int | str], n: int) -> Tensor:
        """`n` labels that take `classes` in turn; raises `InputError` for a class there is not."""
        numbers = [self._class(name) for name in classes]
        if not numbers:
            raise InputError("no class was asked for")
        return torch.tensor([numbers[i % len(numbers)] for i in range(n)])

    def _class(self, name: int | str) -> int:
        if not self.latent.classes:
            raise InputError(f"{self.config.variant} was trained without labels, so no class can be asked for")
        names = list(self.class_names)
        if str(name) in names:
            return names.index(str(name))
        if str(name).isdigit() and int(name) < len(names):
            return int(name)
        raise unknown("class", str(name), names)

    @torch.no_grad()
    def walk(
        self,
        start: int,
        end: int,
        frames: int,
        classes: Sequence[int | str] | None = None,
        along: str | None = None,
    ) -> Tensor:
        """Images (frames, C, H, W) between two seeds: z moves, the label, the code and G's noise stay those of `start`.

        `along` the "circle" or the "line"; None is the great circle for Gaussian and spherical latents (White 2016,
        arXiv:1609.04468), where a line would pass through lengths that G never met, and the line for uniform.
        """
        between = self._between(along)
        if frames < 2:
            raise InputError(f"a walk needs at least 2 frames, not {frames}")
        labels = None if classes is None else self.labels(classes[:1], 2)
        with streams.ImageStreams([start, end]):
            ends = self.latent.draw(2, labels)
        z = torch.cat([between(ends.z[:1], ends.z[1:], t) for t in torch.linspace(0, 1, frames).tolist()])
        held = [None if value is None else value[:1].expand(frames, *value.shape[1:]) for value in ends[1:]]
        with streams.ImageStreams([start] * frames):
            return generate(self.generator, Inputs(z, *held)).images.float()

    def _between(self, along: str | None) -> Callable[[Tensor, Tensor, float], Tensor]:
        if along is None:
            return lerp if self.latent.distribution == "uniform" else slerp
        if along not in get_args(Path):
            raise unknown("path of a walk", along, get_args(Path))
        return lerp if along == "line" else slerp


def lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at `t` on the straight line from `a` to `b`, both (1, dim)."""
    return torch.lerp(a, b, t)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """The point at `t` on the great circle from `a` to `b`, both (1, dim); the length moves evenly."""
    cosine = nn.functional.cosine_similarity(a, b).clamp(-1, 1)
    angle = torch.acos(cosine)
    if angle.sin() < 1e-4:  # the circle is not defined for (nearly) parallel ends
        return lerp(a, b, t)
    unit_a, unit_b = nn.functional.normalize(a), nn.functional.normalize(b)
    direction = (torch.sin((1 - t) * angle) * unit_a + torch.sin(t * angle) * unit_b) / torch.sin(angle)
    return direction * torch.lerp(a.norm(dim=1), b.norm(dim=1), t)
