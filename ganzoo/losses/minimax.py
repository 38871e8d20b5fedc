"""The game as it was first written down."""

import math
from typing import ClassVar, Literal

from torch import Tensor
from torch.nn.functional import softplus

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.base import CLASSIFIES, Loss
from ganzoo.losses.penalties import per_sample

Target = tuple[float, float]
"""A range that labels are drawn from, one a sample: lowest and highest."""

REAL, FAKE = (1.0, 1.0), (0.0, 0.0)

Label = Literal[0, 1]


class Minimax(Loss):
    """Generative Adversarial Nets. Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661

    L_D = E softplus(-D(x)) + E softplus(D(g))    eq. 1, with D(.) the logit: softplus(-t) = -log sigmoid(t)
    L_G = -E softplus(D(g))                       eq. 1, the part of it that G moves

    G's gradient vanishes where D is sure that g is fake (section 3): kept as the baseline it is.
    Settings: the targets of D's cross-entropy t sp(-D) + (1 - t) sp(D), each a range that t is drawn from, one t a sample:
    real_target 0.9 to 0.9 is one-sided smoothing (Salimans et al., 2016, https://arxiv.org/abs/1606.03498, section 3.4),
    0.7 to 1.2 and 0 to 0.3 the soft labels of Chintala et al., 2016, https://github.com/soumith/ganhacks, tip 6.
    real_label 0 turns the convention round, for D and G alike: a target t becomes 1 - t, so D's sigmoid is the probability
    of a fake, and its score is lower for what is more real (`score_sign`).
    """

    name: ClassVar[str] = "minimax"
    watch: ClassVar[tuple[str, ...]] = (*Loss.watch, *CLASSIFIES)

    def __init__(
        self,
        *,
        real_target: Target = REAL,  # D's target for reals, drawn per sample from this range
        fake_target: Target = FAKE,  # D's target for fakes, drawn per sample from this range
        real_label: Label = 1,  # 0 swaps the two labels, for D and G alike
    ) -> None:
        super().__init__()
        for name, (low, high) in (("real_target", real_target), ("fake_target", fake_target)):
            if low > high or not 0 <= (low + high) / 2 <= 1:
                raise InputError(f"{self.name}: {name} must rise and have its middle in [0, 1], not [{low}, {high}]")
        if real_label not in (0, 1):
            raise InputError(f"{self.name}: real_label must be 0 or 1, not {real_label}")
        self.real_target, self.fake_target = real_target, fake_target
        self.score_sign = 1 if real_label else -1

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """The entropy of both mean targets, and the cross-entropy of both with the mean of all."""
        real, fake = (sum(target) / 2 for target in (self.real_target, self.fake_target))
        return entropy(real) + entropy(fake), 2 * entropy((real + fake) / 2)

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """Both terms of the cross-entropy, each a mean over its own batch."""
        return {
            "real": towards("real-target", self.logit(real), self.real_target),
            "fake": towards("fake-target", self.logit(fake), self.fake_target),
        }

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The negative of D's term on fakes."""
        return {"adv": -softplus(self.logit(fake)).mean()}

    def logit(self, judged: DiscriminatorOutput) -> Tensor:
        """The logit (N,) of being real: D's score, or with real_label 0 its negative, as sigmoid(-t) = 1 - sigmoid(t)."""
        return self.score_sign * judged.score


def entropy(p: float) -> float:
    """Of a coin that falls on one side with probability `p`, in nats."""
    return -sum(q * math.log(q) for q in (p, 1 - p) if q)


def towards(name: str, score: Tensor, target: Target) -> Tensor:
    """Cross-entropy of logits (N, ...) with targets drawn from the range `target`, one per sample; 1 and 0 are the labels."""
    low, high = target
    if low == high == 1:
        return softplus(-score).mean()
    if low == high == 0:
        return softplus(score).mean()
    t = low + (high - low) * per_sample(name, score).to(score.dtype)
    return (t * softplus(-score) + (1 - t) * softplus(score)).mean()
