"""D as an energy: how badly an autoencoder copies its input."""

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn.functional import normalize, relu

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.base import Loss


class EBGAN(Loss):
    """Energy-based Generative Adversarial Network. Zhao et al., 2016, https://arxiv.org/abs/1609.03126

    L_D = E e(x) + E max(0, margin - e(g))     eq. 1, the hinge taken per sample
    L_G = E e(g) + pull_away PT(codes of g)    eq. 2 and section 2.4
    e(v) = ||D(v) - v||_2 / sqrt(C H W)        section 2.3
    PT = mean over i != j of cos(s_i, s_j)^2   section 2.4, with s the encoder's output, before `bottleneck` narrows it

    The paper leaves open which norm; ours is the root mean square a value, at most 2 on [-1, 1], so the margin does not
    depend on the image size: it is the paper's over sqrt(C H W). G's gradient passes through both v and D(v).
    Settings: the margin, here the paper's 10 for MNIST at 28x28 (a margin above the largest energy never closes the hinge),
    and the weight of the pull-away term (0: plain EBGAN).
    """

    name: ClassVar[str] = "ebgan"
    heads: ClassVar[tuple[str, ...]] = ("reconstruction",)
    couples_samples: ClassVar[bool] = True  # through PT

    def __init__(
        self,
        *,
        margin: float = 0.357,  # wanted energy of fakes (RMS per value): 10 / 28; 20 at 64x64x3 is 0.180
        pull_away: float = 0.1,  # weight of the pull-away term PT
    ) -> None:
        super().__init__()
        if not (margin > 0 and pull_away >= 0):
            raise InputError(f"ebgan: margin must be above 0 and pull_away at least 0, not {margin} and {pull_away}")
        self.margin, self.pull_away = margin, pull_away

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """Low energy on reals; on fakes only as much as the margin asks for."""
        return {"real": energy(real).mean(), "fake": relu(self.margin - energy(fake)).mean()}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """Low energy on fakes whose codes point apart."""
        return {"adv": energy(fake).mean(), "pull_away": self.pull_away * pull_away(fake.features)}


def energy(judged: DiscriminatorOutput) -> Tensor:
    """Root mean square error of D's copy, per sample, (N,), in the units of a pixel."""
    error = (judged.reconstruction - judged.images).flatten(1)
    distance: Tensor = torch.linalg.vector_norm(error, dim=1) / error.shape[1] ** 0.5
    return distance


def pull_away(codes: Tensor) -> Tensor:
    """Mean squared cosine of all pairs of codes (N, ...): 1 where all are parallel, 0 where orthogonal, zero or alone."""
    precise = torch.promote_types(codes.dtype, torch.float32)
    direction = normalize(codes.flatten(1).to(precise), dim=1)
    with torch.autocast(codes.device.type, enabled=False):
        cosine = direction @ direction.T
    pairs = cosine - cosine.diagonal().diag()
    n = len(codes)
    return pairs.square().sum() / max(n * (n - 1), 1)
