"""The game as it was first written down."""

from __future__ import annotations

from typing import ClassVar

from torch.nn.functional import softplus

from ganzoo.losses.base import Loss
from ganzoo.records import Judged, Terms


class Minimax(Loss):
    """Generative Adversarial Nets. Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661

    L_D = E softplus(-D(x)) + E softplus(D(g))    eq. 1, with D(.) the logit: softplus(-t) = -log sigmoid(t)
    L_G = -E softplus(D(g))                       eq. 1, the part of it that G moves

    G's gradient vanishes where D is sure that g is fake (section 3): kept as the baseline it is. No settings.
    """

    name: ClassVar[str] = "minimax"

    def d_loss(self, real: Judged, fake: Judged) -> Terms:
        """Both terms of the cross-entropy, each a mean over its own batch."""
        return {"real": softplus(-real.score).mean(), "fake": softplus(fake.score).mean()}

    def g_loss(self, real: Judged | None, fake: Judged) -> Terms:
        """The negative of D's term on fakes."""
        return {"adv": -softplus(fake.score).mean()}
