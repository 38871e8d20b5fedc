"""The relativistic average least-squares GAN loss."""

from typing import ClassVar

from torch import Tensor

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses.base import CLASSIFIES, Loss


class RaLSGAN(Loss):
    """Relativistic average LSGAN. Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734

    L_D = E (D(x) - E D(g) - 1)^2 + E (D(g) - E D(x) + 1)^2
    L_G = E (D(g) - E D(x) - 1)^2 + E (D(x) - E D(g) + 1)^2

    Each score is compared with the mean score of the other side's batch, through which gradients pass. The authors' code
    halves both losses. No settings.
    """

    name: ClassVar[str] = "ralsgan"
    watch: ClassVar[tuple[str, ...]] = (*Loss.watch, *CLASSIFIES)
    g_uses_real: ClassVar[bool] = True
    couples_samples: ClassVar[bool] = True
    score_border = None

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """0 if all reals score 1 above all fakes; 2 if all scores are equal."""
        return 0.0, 2.0

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """D's terms, low if reals score 1 above the mean fake, and fakes 1 below the mean real."""
        return {"real": error(real.score, fake.score, 1), "fake": error(fake.score, real.score, -1)}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's terms: D's with the sides exchanged."""
        assert real is not None  # g_uses_real
        return {"real": error(real.score, fake.score, -1), "fake": error(fake.score, real.score, 1)}


def error(scores: Tensor, others: Tensor, apart: float) -> Tensor:
    """The mean squared error of scores that should be `apart` above the mean of others."""
    return (scores - others.mean() - apart).square().mean()
