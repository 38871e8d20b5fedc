"""The AC-GAN loss: D has an auxiliary classifier."""

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.minimax import FAKE, REAL, Label, Target
from ganzoo.losses.nsgan import NSGAN


class ACGAN(NSGAN):
    """Conditional Image Synthesis with Auxiliary Classifier GANs. Odena et al., 2016, https://arxiv.org/abs/1610.09585

    L_D = nsgan's + weight (CE(c(x), y) + CE(c(g), y'))    eqs. 2 and 3; D maximizes L_S + L_C
    L_G = nsgan's + weight CE(c(g), y')                    G maximizes L_C - L_S, in the non-saturating form

    Both players minimize the cross-entropy of the class head c, on raw logits. A label of -1 is unknown: the class term is
    a mean over the labeled samples (0 if no sample has a label). The fakes of a D step have the classes of its reals, if all
    reals have one (the paper draws from p_c); a G step draws all classes with equal probability.
    Settings: the weight (1 in the paper); classify_fakes, True if D also learns classes from fakes, as in the paper (the
    bundled recipes switch it off, except papers/cifar10/acgan); minimax's targets and real_label.
    """

    name: ClassVar[str] = "acgan"
    heads: ClassVar[tuple[str, ...]] = ("score", "class_logits")
    needs_labels: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: float = 1.0,  # weight of each class term
        classify_fakes: bool = True,  # D's class head learns from fakes too, not from reals alone
        real_target: Target = REAL,  # D's target for reals, drawn per sample from this range
        fake_target: Target = FAKE,  # D's target for fakes, drawn per sample from this range
        real_label: Label = 1,  # 0 swaps the two labels, for D and G alike
    ) -> None:
        super().__init__(real_target=real_target, fake_target=fake_target, real_label=real_label)
        if not weight >= 0:
            raise InputError(f"acgan: weight must be at least 0, not {weight}")
        self.weight, self.classify_fakes = weight, classify_fakes

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The terms of nsgan, and the class terms of reals and, if `classify_fakes`, of fakes."""
        terms = super().d_loss(real, fake) | {"class_real": self.weight * class_term(real)}
        return terms | {"class_fake": self.weight * class_term(fake)} if self.classify_fakes else terms

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The term of nsgan, and the class term of the fakes."""
        return super().g_loss(real, fake) | {"class": self.weight * class_term(fake)}


def class_term(judged: DiscriminatorOutput) -> Tensor:
    """Mean cross-entropy of the labeled samples, a scalar; 0, with a graph, if no sample has a label."""
    assert judged.labels is not None  # a class head requires data with classes
    # Without labels the sum is a zero with a graph, but torch's mean is NaN.
    total = cross_entropy(judged.class_logits, judged.labels, ignore_index=-1, reduction="sum")
    return total / (judged.labels >= 0).sum().clamp(min=1)
