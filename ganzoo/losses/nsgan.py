"""The GAN that is meant when nothing else is said."""

from typing import ClassVar

from torch.nn.functional import softplus

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses.minimax import Minimax


class NSGAN(Minimax):
    """Generative Adversarial Nets, non-saturating. Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661

    L_D = E softplus(-D(x)) + E softplus(D(g))    eq. 1, as minimax
    L_G = E softplus(-D(g))                       section 3: G maximises log sigmoid(D(g))

    The same fixed point as minimax with a strong gradient where D is sure that g is fake. Settings: minimax's targets, which
    are D's alone, and its real_label, which is both players'. A conditional GAN (Mirza & Osindero, 2014,
    https://arxiv.org/abs/1411.1784) is this loss with labels given to both networks.
    """

    name: ClassVar[str] = "nsgan"

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's own cross-entropy: its fakes should be called real."""
        return {"adv": softplus(-self.logit(fake)).mean()}
