"""The Wasserstein GAN loss with weight clipping, and the critic's objectives."""

from typing import ClassVar

import torch
from torch import nn

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.base import Loss


class Critic(Loss):
    """Critic and generator objectives of Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875; D is unconstrained."""

    score_border = None

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The negative estimate of the Wasserstein distance: the mean score of fakes minus that of reals."""
        return {"real": -real.score.mean(), "fake": fake.score.mean()}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The negative mean score of fakes."""
        return {"adv": -fake.score.mean()}


class WGAN(Critic):
    """Wasserstein GAN. Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875

    L_D = E D(g) - E D(x)    algorithm 1
    L_G = -E D(g)            algorithm 1
    w <- clip(w, -c, c)      of every parameter of D, after each of its steps

    As in the authors' code, every parameter of D is clipped, including scale and shift of norms; they clip before the step,
    which differs in the first step only. Label embeddings are not clipped: like pixels, they are inputs. Under spectral
    normalization clipping adds no bound, because the clipped weights are divided by their norm afterwards.
    Settings: c. With the paper's 0.01 the gradients of deep layers vanish; 0.1 suits larger critics.
    """

    name: ClassVar[str] = "wgan"

    def __init__(
        self,
        *,
        clip: float = 0.01,  # clip D's weights to [-c, c], in their own units
    ) -> None:
        super().__init__()
        if not clip > 0:
            raise InputError(f"wgan: clip must be above 0, not {clip}")
        self.clip = clip

    @torch.no_grad()
    def after_d_step(self, discriminator: nn.Module) -> None:
        """Clip every parameter of D to [-c, c], except embeddings."""
        for module in discriminator.modules():
            if not isinstance(module, nn.Embedding):
                for parameter in module.parameters(recurse=False):
                    parameter.clamp_(-self.clip, self.clip)
