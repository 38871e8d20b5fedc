"""The reverse-KL loss: G minimizes the negative logit of D."""

from typing import ClassVar

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses.minimax import Minimax


class KLGAN(Minimax):
    """Amortised MAP Inference for Image Super-resolution. Sonderby et al., 2017, https://arxiv.org/abs/1610.04490

    L_D = E softplus(-D(x)) + E softplus(D(g))    section 2.3, as minimax
    L_G = -E D(g)                                 section 2.3: G maximizes log(p / (1 - p)) with p = sigmoid(D(g))

    The third G objective for the D of minimax and nsgan, and the sum of theirs: softplus(-D) - softplus(D) = -D. With the
    optimal D, which is log P/Q, L_G is KL(Q || P), where Q is the distribution of G's images and P that of the data. The
    divergence is finite only if Q has no mass outside P's support: the authors add instance noise (Huszár, 2016,
    https://www.inference.vc/instance-noise-a-trick-for-stabilising-gan-training/), here the trick `instance_noise`.
    Settings: minimax's targets, for D only, and its real_label, for D and G.
    """

    name: ClassVar[str] = "klgan"

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The negative of the mean logit of the fakes."""
        return {"adv": -self.logit(fake).mean()}
