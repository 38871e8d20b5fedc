"""Plugin for benchmarks/seeds.py: nsgan whose D judges reals and fakes in one batch, so that batch norm mixes them."""

from __future__ import annotations

from ganzoo.batch import Batch, DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.losses import NSGAN
from ganzoo.training.accumulation import concatenate


class OneBatch(NSGAN):
    """Generative Adversarial Nets, non-saturating. Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661

    L_D = E softplus(-D(x)) + E softplus(D(g))    as nsgan, of one pass of D over reals and fakes
    L_G = E softplus(-D(g))                       as nsgan, of fakes alone

    The counterpart of "different mini-batches for real and fake" (Chintala et al., 2016, https://github.com/soumith/ganhacks,
    tip 4), which the trainer always has. Settings: those of nsgan.
    """

    name = "one-batch"

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """Nothing from the separate passes."""
        return {"separate": 0 * (real.score.mean() + fake.score.mean())}

    def penalty(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """Nsgan's terms of the joint pass."""
        joint = judge(concatenate([Batch(real.images), Batch(fake.images)]))
        return super().d_loss(*(joint.apply(lambda rows, half=half: rows.chunk(2)[half]) for half in (0, 1)))
