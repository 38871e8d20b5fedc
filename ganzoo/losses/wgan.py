"""A critic in the place of a classifier, held Lipschitz by clipping its weights."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import nn

from ganzoo.errors import InputError
from ganzoo.losses.base import Loss
from ganzoo.records import Judged, Terms


class WGAN(Loss):
    """Wasserstein GAN. Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875

    L_D = E D(g) - E D(x)    algorithm 1, with w <- clip(w, -c, c) after every step of D
    L_G = -E D(g)            algorithm 1

    Every parameter of D is clipped, a norm's scale and shift too, as in the authors' code (which clips before the step: the
    same but for the first). Settings: c. The paper's 0.01 starves the deep layers of gradient; 0.1 suits larger critics.
    """

    name: ClassVar[str] = "wgan"

    def __init__(
        self,
        *,
        clip: float = 0.01,  # c, in the units of D's parameters
    ) -> None:
        super().__init__()
        if not clip > 0:
            raise InputError(f"wgan: clip must be above 0, not {clip}")
        self.clip = clip

    def d_loss(self, real: Judged, fake: Judged) -> Terms:
        """The estimate of the distance, turned round: D widens the gap between its two means."""
        return {"real": -real.score.mean(), "fake": fake.score.mean()}

    def g_loss(self, real: Judged | None, fake: Judged) -> Terms:
        """G raises the critic's mean."""
        return {"adv": -fake.score.mean()}

    @torch.no_grad()
    def after_d_step(self, discriminator: nn.Module) -> None:
        """Clip every parameter of D to [-c, c]."""
        for parameter in discriminator.parameters():
            parameter.clamp_(-self.clip, self.clip)
