"""G is asked for the average features of real images, beside fooling D."""

from typing import Annotated, Any, ClassVar

from pydantic import Field

from ganzoo.batch import DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.tricks.base import Phase, Trick


class FeatureMatching(Trick):
    """Improved Techniques for Training GANs. Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.1

    L_G gains weight ||E f(x) - E f(g)||_2^2, f the encoder's output. In the paper this is G's only objective; here it stands
    beside the loss's own. The square is summed over the features, as in the paper, so a wider D weighs more.
    Settings: the weight, 1 in the paper.
    """

    name: ClassVar[str] = "feature_matching"
    phase: ClassVar[Phase] = Phase.TERMS
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    number: ClassVar[int | None] = 20

    def __init__(
        self,
        *,
        weight: Annotated[float, Field(ge=0)] = 1.0,  # weight of the term in G's loss
    ) -> None:
        super().__init__()
        self.weight = weight
        self.g_uses_real = self.couples_samples = weight > 0

    def g_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The squared distance of the two means."""
        if not self.weight:
            return {}
        assert real is not None  # g_uses_real
        distance = (real.features.mean(0) - fake.features.mean(0)).square().sum()
        return {"feature_matching": self.weight * distance}
