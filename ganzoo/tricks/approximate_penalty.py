"""R1 and R2 without a second derivative: differences of D's scores between samples and their noisy copies."""

from typing import Any, ClassVar

from pydantic import PositiveFloat
from torch import Tensor

from ganzoo import rng
from ganzoo.batch import DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.schedules import Weight, current, setting
from ganzoo.tricks.base import Phase, Trick


class ApproximatePenalty(Trick):
    """A weighted squared difference of D's scores; its first pass is D's pass on its batch, as mixed by the tricks.

    For small sigma it is gamma/2 E ||grad D||^2 with gamma = 2 sigma^2 weight, so sigma 0.01 and weight 5000 gamma replace
    `tricks.r1` or `tricks.r2`.
    """

    phase: ClassVar[Phase] = Phase.SLOPE_AT
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    number: ClassVar[int | None] = 14
    heads: ClassVar[tuple[str, ...]] = ("score",)
    per_sample_gradients: ClassVar[bool] = True
    subtracts_scores: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: Weight = 100.0,  # weight of the term; gamma / (2 sigma^2) for the gamma of R1 or R2
        sigma: PositiveFloat = 0.01,  # standard deviation of the noise
    ) -> None:
        super().__init__()
        self.weight, self.sigma = setting(weight), sigma

    def judged(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> DiscriminatorOutput:
        """The side of the batch that counts."""
        raise NotImplementedError

    def judged_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The weighted term under the trick's name."""
        if not self.weight:
            return {}
        return {self.name: current(self.weight) * self.difference(judge, self.judged(real, fake))}

    def difference(self, judge: DiscriminatorFn, at: DiscriminatorOutput) -> Tensor:
        """The mean squared difference of the scores of the samples and of their noisy copies."""
        x = at.images
        noisy = at.with_images(x + self.sigma * rng.normal(self.name, *x.shape, device=x.device))
        return (at.score - judge(noisy).score).square().mean()


class ApproximateR1(ApproximatePenalty):
    """Seaweed-APT. Lin et al., 2025, https://arxiv.org/abs/2501.08316, section 3.4

    Adds weight E (D(x) - D(x + sigma n))^2 to L_D, n ~ N(0, I)

    Settings: weight and sigma (100 and 0.01 in the paper for images).
    """

    name: ClassVar[str] = "approximate_r1"
    title: ClassVar[str] = "approximate R1"

    def judged(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> DiscriminatorOutput:
        """D's output on the reals."""
        return real


class ApproximateR2(ApproximatePenalty):
    """Seaweed-APT. Lin et al., 2025, https://arxiv.org/abs/2501.08316, section 3.4, on fakes

    Adds weight E (D(g) - D(g + sigma n))^2 to L_D, n ~ N(0, I)

    Settings: as for reals.
    """

    name: ClassVar[str] = "approximate_r2"
    title: ClassVar[str] = "approximate R2"

    def judged(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> DiscriminatorOutput:
        """D's output on the fakes."""
        return fake
