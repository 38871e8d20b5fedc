"""WGAN-GP's penalty on any score loss."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor

from ganzoo.losses import penalties
from ganzoo.records import Judge, Samples
from ganzoo.tricks.penalty import Penalty


class GP(Penalty):
    """Improved Training of Wasserstein GANs. Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, eq. 3

    L_D gains weight E (||grad D(a x + (1 - a) g)||_2 - 1)^2, one a a sample. Settings: the weight (lambda, 10 in the paper).
    """

    name: ClassVar[str] = "gp"
    order: ClassVar[int] = 92

    def __init__(self, *, weight: Annotated[float, Field(ge=0)] = 10.0, every: PositiveInt = 1) -> None:
        super().__init__(weight, every)

    def value(self, judge: Judge, real: Samples, fake: Samples) -> Tensor:
        """Between clean reals and fakes, with the labels of the reals."""
        return penalties.gradient_penalty(judge, real, fake)
