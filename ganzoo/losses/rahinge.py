"""The relativistic average losses, and the one with a hinge."""

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import relu

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses.base import CLASSIFIES, Loss


class RelativisticAverage(Loss):
    """Each score is compared with the mean score of the other side's batch, through which gradients pass.

    Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734
    """

    watch: ClassVar[tuple[str, ...]] = (*Loss.watch, *CLASSIFIES)
    g_uses_real: ClassVar[bool] = True
    couples_samples: ClassVar[bool] = True
    score_border = None

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """0 if every score is beyond the other side's mean by 1; 2 if all scores are equal."""
        return 0.0, 2.0

    def shortfall(self, above: Tensor, below: Tensor) -> Tensor:
        """The mean loss of scores that should be 1 above the mean of others."""
        raise NotImplementedError

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """D's terms, low if reals score above the mean fake, and fakes below the mean real."""
        return {"real": self.shortfall(real.score, fake.score), "fake": self.shortfall(-fake.score, -real.score)}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's terms: D's with the sides exchanged."""
        assert real is not None  # g_uses_real
        return {"real": self.shortfall(-real.score, -fake.score), "fake": self.shortfall(fake.score, real.score)}


class RaHinge(RelativisticAverage):
    """Relativistic average hinge GAN. Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734

    L_D = E max(0, 1 - (D(x) - E D(g))) + E max(0, 1 + (D(g) - E D(x)))
    L_G = E max(0, 1 - (D(g) - E D(x))) + E max(0, 1 + (D(x) - E D(g)))

    No settings.
    """

    name: ClassVar[str] = "rahinge"

    def shortfall(self, above: Tensor, below: Tensor) -> Tensor:
        """The hinge loss."""
        return relu(1 - (above - below.mean())).mean()


class RaLSGAN(RelativisticAverage):
    """Relativistic average LSGAN. Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734

    L_D = E (D(x) - E D(g) - 1)^2 + E (D(g) - E D(x) + 1)^2
    L_G = E (D(g) - E D(x) - 1)^2 + E (D(x) - E D(g) + 1)^2

    The authors' code halves both losses. No settings.
    """

    name: ClassVar[str] = "ralsgan"

    def shortfall(self, above: Tensor, below: Tensor) -> Tensor:
        """The squared error."""
        return (above - below.mean() - 1).square().mean()
