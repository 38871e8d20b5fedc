"""D's slope pulled to zero on fakes."""

from __future__ import annotations

from typing import ClassVar

from ganzoo.errors import InputError
from ganzoo.losses import penalties
from ganzoo.records import Judge, Samples, Terms
from ganzoo.tricks.base import Trick


class R2(Trick):
    """Which Training Methods for GANs do actually Converge? Mescheder et al., 2018, https://arxiv.org/abs/1801.04406

    L_D gains gamma/2 E ||grad D(g)||^2    section 4.1

    The paper's gamma/2: code without the half needs half our gamma for the same penalty. Taken in every step of D, of the
    raw score. Settings: gamma (10 in the paper).
    """

    name: ClassVar[str] = "r2"
    order: ClassVar[int] = 91
    heads: ClassVar[tuple[str, ...]] = ("score",)
    per_sample_gradients: ClassVar[bool] = True

    def __init__(
        self,
        *,
        gamma: float = 10.0,
    ) -> None:
        super().__init__()
        if not gamma >= 0:
            raise InputError(f"r2: gamma must be at least 0, not {gamma}")
        self.gamma = gamma

    def d_terms(self, judge: Judge, real: Samples, fake: Samples) -> Terms:
        """The penalty on clean fakes, which carry their own labels."""
        return {"r2": self.gamma / 2 * penalties.r2(judge, fake)}
