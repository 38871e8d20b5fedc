"""A D that also names the class."""

from typing import ClassVar

from torch import Tensor
from torch.nn.functional import cross_entropy

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.minimax import FAKE, REAL, Label, Target
from ganzoo.losses.nsgan import NSGAN


class ACGAN(NSGAN):
    """Conditional Image Synthesis with Auxiliary Classifier GANs. Odena et al., 2016, https://arxiv.org/abs/1610.09585

    L_D = nsgan's + weight (CE(c(x), y) + CE(c(g), y'))    eqs. 2 and 3; D maximises L_S + L_C
    L_G = nsgan's + weight CE(c(g), y')                    G maximises L_C - L_S, in the non-saturating form

    Both players lower the same cross-entropy of the class head c, on its raw logits. A label of -1 is unknown: its sample
    is left out of the class term, which is a mean over the labelled ones (0 where there is none). The fakes of D's step
    have the classes of its reals, if all have one (the paper draws from p_c); G's step asks for all classes alike.
    Settings: the weight (1 in the paper), and whether D learns classes from fakes too (as the paper has it; the recipes
    that ship switch it off, all but papers/cifar10/acgan); minimax's targets and real_label.
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
        """The terms of nsgan, and the class of reals and (switch) fakes."""
        terms = super().d_loss(real, fake) | {"class_real": self.weight * class_term(real)}
        return terms | {"class_fake": self.weight * class_term(fake)} if self.classify_fakes else terms

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The term of nsgan, and the class that G was asked for."""
        return super().g_loss(real, fake) | {"class": self.weight * class_term(fake)}


def class_term(judged: DiscriminatorOutput) -> Tensor:
    """The mean cross-entropy of the labelled samples, (); 0, with a graph, where there is none."""
    assert judged.labels is not None  # the class head wants data with classes
    # The sum over no label is a zero with a graph, where torch's own mean is NaN.
    total = cross_entropy(judged.class_logits, judged.labels, ignore_index=-1, reduction="sum")
    return total / (judged.labels >= 0).sum().clamp(min=1)
