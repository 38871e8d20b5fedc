"""The relativistic pairing GAN loss."""

import math
from typing import ClassVar

from torch.nn.functional import softplus

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses.base import CLASSIFIES, Loss


class RpGAN(Loss):
    """The relativistic discriminator. Jolicoeur-Martineau, 2018, https://arxiv.org/abs/1807.00734

    L_D = E softplus(-(D(x) - D(g)))    eq. 2 of R3GAN; the first paper calls it RSGAN
    L_G = E softplus(-(D(g) - D(x)))

    The i-th real is paired with the i-th fake, so both batches have the same size. R3GAN (Huang et al., 2024,
    https://arxiv.org/abs/2501.05441) adds R1 and R2 in every step, which are tricks here. No settings.
    """

    name: ClassVar[str] = "rpgan"
    watch: ClassVar[tuple[str, ...]] = (*Loss.watch, *CLASSIFIES)
    g_uses_real: ClassVar[bool] = True
    score_border = None

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """0 if every real scores far above its fake; the loss of equal scores."""
        return 0.0, math.log(2)

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """D's term, low if each real scores above its fake."""
        return {"pair": softplus(fake.score - real.score).mean()}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's term, low if each fake scores above its real."""
        assert real is not None  # g_uses_real
        return {"pair": softplus(real.score - fake.score).mean()}
