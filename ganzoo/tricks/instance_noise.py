"""Instance noise: Gaussian noise on everything that D sees, which decays during training."""

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

    D sees v + std(t) N(0, I), for reals and fakes, in both players' steps, so that the two distributions overlap. std(t) falls
    from `std` to 0 in `steps` G steps: linearly, as half a cosine, or in one jump at the end ("until").
    Settings: std in the units of the images, [-1, 1], steps and decay; the sources give no values.
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
        """The batch plus noise of standard deviation std(t)."""
        if not self.std:
            return samples
        noise = rng.normal("instance-noise", *samples.images.shape, device=samples.images.device)
        return samples.with_images(samples.images + self.strength() * noise)

    def strength(self) -> Tensor:
        """std(t), a scalar."""
        # `take` instead of indexing, which would copy the index from the device.
        return self.std * self.level.take(self.step.clamp(max=self.steps))

    def after_g_step(self) -> None:
        """Advance the decay by one step."""
        self.step += 1

    def _levels(self) -> Tensor:
        """std(t) / std for t = 0 .. steps, as a table, so that a step reads no number from the device."""
        times = [t / self.steps for t in range(self.steps + 1)]
        falls: dict[str, Callable[[float], float]] = {
            "linear": lambda t: 1 - t,
            "cosine": lambda t: (1 + cos(pi * t)) / 2,
            "until": lambda t: float(t < 1),
        }
        return torch.tensor([falls[self.decay](t) for t in times])
