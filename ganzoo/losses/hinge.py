"""The hinge GAN loss."""

from typing import ClassVar

from torch.nn.functional import relu

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses.base import CLASSIFIES, Loss


class Hinge(Loss):
    """Geometric GAN. Lim & Ye, 2017, https://arxiv.org/abs/1705.02894

    L_D = E max(0, 1 - D(x)) + E max(0, 1 + D(g))    also Miyato et al., 2018, https://arxiv.org/abs/1802.05957, eq. 16
    L_G = -E D(g)                                    there eq. 17

    Known from SNGAN, which makes D Lipschitz with spectral norm in each layer. Spectral norm is a network option here;
    without it G's loss has no lower bound. No settings.
    """

    name: ClassVar[str] = "hinge"
    watch: ClassVar[tuple[str, ...]] = (*Loss.watch, *CLASSIFIES)

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """0 if every score is beyond its margin; 2 if all scores are equal and between the margins."""
        return 0.0, 2.0

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The mean hinge loss of reals and of fakes."""
        return {"real": relu(1 - real.score).mean(), "fake": relu(1 + fake.score).mean()}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The negative mean score of fakes, not limited by the margin."""
        return {"adv": -fake.score.mean()}
