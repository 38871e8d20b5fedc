"""The non-saturating GAN loss."""

from typing import ClassVar

from torch.nn.functional import softplus

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses.minimax import Minimax


class NSGAN(Minimax):
    """Generative Adversarial Nets, non-saturating. Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661

    L_D = E softplus(-D(x)) + E softplus(D(g))    eq. 1, as minimax
    L_G = E softplus(-D(g))                       section 3: G maximizes log sigmoid(D(g))

    Same fixed point as minimax, but a strong gradient if D is sure that g is fake. Settings: minimax's targets, for D only,
    and its real_label, for D and G. A conditional GAN (Mirza & Osindero, 2014, https://arxiv.org/abs/1411.1784) is this loss
    with labels given to both networks.
    """

    name: ClassVar[str] = "nsgan"

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G's cross-entropy, with fakes as the positive class."""
        return {"adv": softplus(-self.logit(fake)).mean()}
