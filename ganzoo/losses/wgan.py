"""A critic in the place of a classifier, held Lipschitz by clipping its weights."""

from typing import ClassVar

import torch
from torch import nn

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.base import Loss


class Critic(Loss):
    """The two players of Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875, without what holds D Lipschitz."""

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The estimate of the distance, turned round: D widens the gap between its two means."""
        return {"real": -real.score.mean(), "fake": fake.score.mean()}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """G raises the critic's mean."""
        return {"adv": -fake.score.mean()}


class WGAN(Critic):
    """Wasserstein GAN. Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875

    L_D = E D(g) - E D(x)    algorithm 1
    L_G = -E D(g)            algorithm 1
    w <- clip(w, -c, c)      of every parameter of D, after each of its steps

    Every parameter of D is clipped, a norm's scale and shift too, as in the authors' code (which clips before the step: the
    same but for the first); an embedding of labels is not, being an input, beside which the pixels are. Under spectral
    normalisation the clip is of weights that are divided by their size afterwards, and bounds nothing that it does not.
    Settings: c. The paper's 0.01 starves the deep layers of gradient; 0.1 suits larger critics.
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
        """Clip every parameter of D to [-c, c], but for embeddings."""
        for module in discriminator.modules():
            if not isinstance(module, nn.Embedding):
                for parameter in module.parameters(recurse=False):
                    parameter.clamp_(-self.clip, self.clip)
