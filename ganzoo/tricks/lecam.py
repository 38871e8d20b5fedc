"""LeCam regularization: D's scores of each side stay near the running mean of the other side's."""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field, NonNegativeInt
from torch import Tensor

from ganzoo.batch import DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.losses import Loss
from ganzoo.tricks.base import Phase, Trick


class LeCam(Trick):
    """Regularizing GANs under Limited Data. Tseng et al., 2021, https://arxiv.org/abs/2104.03310, section 3

    Adds weight (E (D(x) - a_F)^2 + E (D(g) - a_R)^2) to L_D, with running means a_R and a_F of D's scores on reals and fakes.
    The authors' code lets D(x) below a_F and D(g) above a_R pass free; the paper's formula, used here, does not.
    Settings: weight and decay as in the authors' runs on 10 % of CIFAR-10, and the D steps before the term begins.
    """

    name: ClassVar[str] = "lecam"
    phase: ClassVar[Phase] = Phase.TERMS
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    title: ClassVar[str] = "LeCam regularization"
    number: ClassVar[int | None] = 28
    heads: ClassVar[tuple[str, ...]] = ("score",)

    mean_real: Tensor
    mean_fake: Tensor
    steps: Tensor

    def __init__(
        self,
        *,
        weight: Annotated[float, Field(ge=0)] = 0.3,  # weight of the term
        decay: Annotated[float, Field(ge=0, lt=1)] = 0.99,  # decay of the running means, per D step
        warmup: NonNegativeInt = 1000,  # D steps before the term begins
    ) -> None:
        super().__init__()
        self.weight, self.decay, self.warmup = weight, decay, warmup
        for name in ("mean_real", "mean_fake", "steps"):
            self.register_buffer(name, torch.zeros(()))

    def judged_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The weighted squared distances from the other side's mean; 0 during the warm-up."""
        if not self.weight:
            return {}
        distance = (real.score - self.mean_fake).square().mean() + (fake.score - self.mean_real).square().mean()
        return {"lecam": self.weight * distance * (self.steps >= max(self.warmup, 1))}

    @torch.no_grad()
    def after_d_step(self, loss: Loss, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> None:
        """Update both means, which begin at those of the first batch."""
        share = torch.where(self.steps == 0, 1.0, 1 - self.decay)
        for mean, scores in ((self.mean_real, real.score), (self.mean_fake, fake.score)):
            mean.lerp_(scores.mean().float(), share)
        self.steps += 1
