"""Gaussian noise on all that D sees, fading as training goes on."""

from collections.abc import Callable
from math import cos, pi
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.tricks.base import Phase, Trick


class InstanceNoise(Trick):
    """Amortised MAP Inference. Sonderby et al., 2017, https://arxiv.org/abs/1610.04490, section 3; Arjovsky & Bottou, 2017.

    D sees v + std(t) N(0, I), for reals and fakes, in both players' steps; the two distributions then overlap. std(t) falls
    from `std` to 0 in `steps` G steps: on a line, on half a cosine, or all at once at the end ("until").
    Settings: the sources name none; std is in the units of the images, [-1, 1].
    """

    name: ClassVar[str] = "instance_noise"
    phase: ClassVar[Phase] = Phase.VIEW
    neutral: ClassVar[dict[str, Any]] = {"std": 0.0}
    number: ClassVar[int | None] = 16

    level: Tensor
    step: Tensor

    def __init__(
        self,
        *,
        std: Annotated[float, Field(ge=0)] = 0.1,  # standard deviation at the start; pixels are in [-1, 1]
        steps: PositiveInt = 1000,  # G steps until the noise is gone
        decay: Literal["linear", "cosine", "until"] = "linear",  # shape of the fall; until: all at once at the end
    ) -> None:
        super().__init__()
        self.std, self.steps, self.decay = std, steps, decay
        self.register_buffer("level", self._levels())
        self.register_buffer("step", torch.zeros((), dtype=torch.long))

    def view(self, samples: Batch) -> Batch:
        """The batch with noise of this step's strength."""
        if not self.std:
            return samples
        noise = rng.normal("instance-noise", *samples.images.shape, device=samples.images.device)
        return samples.with_images(samples.images + self.strength() * noise)

    def strength(self) -> Tensor:
        """std(t), a scalar."""
        # Not by brackets, which would read the index from the device.
        return self.std * self.level.take(self.step.clamp(max=self.steps))

    def after_g_step(self) -> None:
        """The noise fades by one step."""
        self.step += 1

    def _levels(self) -> Tensor:
        """std(t) / std for t = 0 .. steps: a table, so that a step asks the device for no number."""
        times = [t / self.steps for t in range(self.steps + 1)]
        falls: dict[str, Callable[[float], float]] = {
            "linear": lambda t: 1 - t,
            "cosine": lambda t: (1 + cos(pi * t)) / 2,
            "until": lambda t: float(t < 1),
        }
        return torch.tensor([falls[self.decay](t) for t in times])
