"""DRAGAN's penalty on any score loss."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor

from ganzoo.losses import penalties
from ganzoo.records import Judge, Samples
from ganzoo.tricks.penalty import Penalty


class DraganGP(Penalty):
    """On Convergence and Stability of GANs. Kodali et al., 2017, https://arxiv.org/abs/1705.07215, algorithm 1

    L_D gains weight E (||grad D(x + d)||_2 - k)^2, d noise around reals; `ganzoo.losses.DRAGAN` says which kinds there are.
    Settings: weight and k as in the authors' code.
    """

    name: ClassVar[str] = "dragan_gp"
    order: ClassVar[int] = 93

    def __init__(
        self,
        *,
        weight: Annotated[float, Field(ge=0)] = 10.0,
        k: Annotated[float, Field(ge=0)] = 1.0,
        noise: penalties.Noise = "uniform",
        every: PositiveInt = 1,
    ) -> None:
        super().__init__(weight, every)
        self.k, self.noise = k, noise
        self.couples_samples = weight > 0 and noise != "gaussian"  # through std(x)

    def value(self, judge: Judge, real: Samples, fake: Samples) -> Tensor:
        """Around clean reals, with their labels."""
        return penalties.dragan_penalty(judge, real, self.k, self.noise)
