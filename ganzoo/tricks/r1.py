"""D's slope pulled to zero on reals."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor

from ganzoo.losses import penalties
from ganzoo.records import Judge, Samples
from ganzoo.tricks.penalty import Penalty


class R1(Penalty):
    """Which Training Methods for GANs do actually Converge? Mescheder et al., 2018, https://arxiv.org/abs/1801.04406

    L_D gains gamma/2 E ||grad D(x)||^2    eq. 9

    The paper's gamma/2: code without the half needs half our gamma for the same penalty. Settings: gamma (10 in the paper).
    """

    name: ClassVar[str] = "r1"
    order: ClassVar[int] = 90

    def __init__(self, *, gamma: Annotated[float, Field(ge=0)] = 10.0, every: PositiveInt = 1) -> None:
        super().__init__(gamma / 2, every)

    def value(self, judge: Judge, real: Samples, fake: Samples) -> Tensor:
        """On clean reals, which carry their own labels."""
        return penalties.r1(judge, real)
