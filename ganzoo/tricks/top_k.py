"""Top-k training: G learns from the fakes of its batch that D scores highest."""

from typing import Any, ClassVar

from ganzoo.batch import DiscriminatorOutput
from ganzoo.losses import Loss
from ganzoo.schedules import Probability, Varying, current, setting
from ganzoo.tricks.base import Phase, Trick


class TopK(Trick):
    """Top-k Training of GANs. Sinha et al., 2020, https://arxiv.org/abs/2002.06224, section 3

    G's loss gets the k fakes with the highest scores, and their reals if it reads reals; k = share x batch size, rounded, at
    least 1. The paper starts with the whole batch and lowers k by the factor 0.99 per epoch to a fixed part of the batch. A
    schedule does so, such as share = { from = 1.0, to = 0.5, over = 2000 }.
    Settings: the share.
    """

    name: ClassVar[str] = "top_k"
    phase: ClassVar[Phase] = Phase.TERMS
    neutral: ClassVar[dict[str, Any]] = {"share": 1.0}
    title: ClassVar[str] = "top-k training"
    heads: ClassVar[tuple[str, ...]] = ("score",)

    def __init__(
        self,
        *,
        share: Probability = 0.75,  # share of G's batch that its loss gets
    ) -> None:
        super().__init__()
        self.share = setting(share)
        self.couples_samples = self.share != 1.0
        self.capturable = not isinstance(self.share, Varying)  # k changes the shapes

    def g_batch(
        self, loss: Loss, real: DiscriminatorOutput | None, fake: DiscriminatorOutput
    ) -> tuple[DiscriminatorOutput | None, DiscriminatorOutput]:
        """The rows of the k most real fakes, in the order of the batch."""
        k = max(1, round(float(current(self.share)) * len(fake)))
        if k == len(fake):
            return real, fake
        rows = (loss.score_sign * fake.score).topk(k).indices.sort().values
        return real and real.apply(lambda each: each[rows]), fake.apply(lambda each: each[rows])
