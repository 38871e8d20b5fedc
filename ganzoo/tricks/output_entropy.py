"""Entropy of G's output, estimated from the distances of nearest neighbors within the batch."""

import math
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ganzoo.batch import DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.tricks.base import Phase, Trick


class OutputEntropy(Trick):
    """Connecting GANs and actor-critic methods. Pfau & Vinyals, 2016, https://arxiv.org/abs/1610.01945

    Actor-critic methods keep the actor from one fixed answer by a bonus on the entropy of its output, and the paper reviews
    this for GANs, where G is the actor. G has no density, so its entropy is estimated from a batch of N images as D sees
    them (Kozachenko & Leonenko, 1987; eq. 20 of Kraskov et al., 2004, https://arxiv.org/abs/cond-mat/0305641, with k = 1):

    H = d mean_i log r_i + log V_d + psi(N) - psi(1)    r_i: distance of image i to its nearest neighbor, d values an image,
                                                        V_d: volume of the unit ball

    Adds -weight H / d to L_G: nats per value, so that the weight does not depend on the image size. Where images lie on a
    manifold the estimate is no entropy (which is minus infinity), but its gradient still pushes nearest neighbors apart.
    Settings: the weight; the source gives none.
    """

    name: ClassVar[str] = "output_entropy"
    phase: ClassVar[Phase] = Phase.TERMS
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    compares_images: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: Annotated[float, Field(ge=0)] = 0.1,  # weight of the entropy, in nats per value, in G's loss
    ) -> None:
        super().__init__()
        self.weight = weight
        self.couples_samples = weight > 0

    def g_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The negative entropy of the batch; nothing for a batch of one image, which has no neighbor."""
        if not self.weight or len(fake) < 2:
            return {}
        return {"output_entropy": -self.weight * entropy_per_value(fake.images.flatten(1).float())}


def entropy_per_value(samples: Tensor) -> Tensor:
    """Kozachenko-Leonenko estimate of the entropy of the distribution of `samples` (N, d), N > 1, in nats per value."""
    n, d = samples.shape
    distance = torch.cdist(samples, samples, compute_mode="donot_use_mm_for_euclid_dist")
    others = distance + torch.full_like(distance[0], torch.inf).diag()
    nearest = others.amin(1).clamp(min=torch.finfo(samples.dtype).tiny)  # equal samples have no direction to part in
    log_ball = d / 2 * math.log(math.pi) - math.lgamma(d / 2 + 1)
    psi = sum(1 / i for i in range(1, n))  # psi(n) - psi(1)
    return nearest.log().mean() + (log_ball + psi) / d
