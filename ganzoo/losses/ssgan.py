"""A D that names the class of reals, and calls fakes one class more."""

from typing import ClassVar

from torch.nn.functional import softplus

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.acgan import class_term
from ganzoo.losses.base import Loss


class SSGAN(Loss):
    """Improved Techniques for Training GANs. Salimans et al., 2016, https://arxiv.org/abs/1606.03498

    L_D = weight CE(c(x), y) + E sp(-s(x)) + E sp(s(g))    section 5
    L_G = ||E f(x) - E f(g)||_2^2                          section 3.1
    s(v) = log sum exp of the K class logits c(v)          sp is the softplus
    f(v) = the encoder's output

    D has K + 1 classes, the last one "fake" with its logit held at 0, so its probability of a real is sigmoid(s). The class
    term is a mean over the labelled reals (0 where there is none), s is taken of all reals. The authors' code halves the
    two terms of s and divides G's by the number of features; we follow the paper. G takes no labels, so its images have none.
    Settings: the weight of the class term (1 in the paper).
    """

    name: ClassVar[str] = "ssgan"
    heads: ClassVar[tuple[str, ...]] = ("class_logits",)
    g_uses_real: ClassVar[bool] = True
    couples_samples: ClassVar[bool] = True
    classifies: ClassVar[bool] = True
    label_blind: ClassVar[bool] = True  # f is
    penalties: ClassVar[tuple[str, ...]] = ("feature_matching",)

    def __init__(
        self,
        *,
        weight: float = 1.0,  # weight of the class term
    ) -> None:
        super().__init__()
        if not weight >= 0:
            raise InputError(f"ssgan: weight must be at least 0, not {weight}")
        self.weight = weight

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The class of the labelled reals, and real against fake on all."""
        s_real, s_fake = (judged.class_logits.logsumexp(1) for judged in (real, fake))
        terms = {"class": self.weight * class_term(real)}
        return terms | {"real": softplus(-s_real).mean(), "fake": softplus(s_fake).mean()}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The squared distance of the mean features."""
        assert real is not None  # g_uses_real
        return {"feature_matching": (real.features.mean(0) - fake.features.mean(0)).square().sum()}
