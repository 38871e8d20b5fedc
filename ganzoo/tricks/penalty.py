"""What the penalties on D's slope have in common."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ganzoo import streams
from ganzoo.errors import InputError
from ganzoo.records import Judge, Samples, Terms
from ganzoo.tricks.base import Trick


class Penalty(Trick):
    """A term of D that differentiates its score, of any loss that has one, on the clean batch as D views it.

    `every` above 1 is lazy regularisation (Karras et al., 2020, https://arxiv.org/abs/1912.04958, appendix B): the term is
    taken in each `every`-th step of D, times `every`. The paper also corrects Adam, with lr c, beta1^c and beta2^c for
    c = every / (every + 1); here rate and betas stay as configured.
    """

    heads: ClassVar[tuple[str, ...]] = ("score",)
    per_sample_gradients: ClassVar[bool] = True

    def __init__(self, weight: float, every: int) -> None:
        super().__init__()
        if weight < 0 or every < 1:
            raise InputError(
                f"{self.name}: the weight must be at least 0 and every at least 1, not {weight} and {every}"
            )
        self.weight, self.every = weight, every
        self.capturable = every == 1

    def value(self, judge: Judge, real: Samples, fake: Samples) -> Tensor:
        """The mean over samples, without its weight."""
        raise NotImplementedError

    def d_terms(self, judge: Judge, real: Samples, fake: Samples) -> Terms:
        """The weighted term under the trick's name, in the steps whose turn it is."""
        # In the last step of each `every`: a log that is written after even numbers of steps would never show the first.
        if not self.weight or (streams.step() + 1) % self.every:
            return {}
        return {self.name: self.weight * self.every * self.value(judge, real, fake)}
