"""A latent code that D must be able to read back."""

from typing import ClassVar

from torch.nn.functional import log_softmax

from ganzoo.batch import CodeSpec, DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses.minimax import FAKE, REAL, Label, Target
from ganzoo.losses.nsgan import NSGAN


class InfoGAN(NSGAN):
    """InfoGAN: Interpretable Representation Learning. Chen et al., 2016, https://arxiv.org/abs/1606.03657

    L_D = nsgan's - weight L_I    eq. 6
    L_G = nsgan's - weight L_I    eq. 6
    L_I = E log Q(c|g)            eq. 5, without its constants

    Q is a head on D's trunk and its term is in both losses, as in the authors' code. -L_I is the cross-entropy of the
    categorical code plus, summed over the continuous codes, the Gaussian 1/2 (c - mu)^2: the standard deviation is fixed at
    1 as in the authors' MNIST run, or learned. The codes are sampled, never the labels.
    Settings: the code (10 and 2, as for MNIST), the weight (the paper's lambda, one for both kinds), the variance;
    minimax's targets and real_label.
    """

    name: ClassVar[str] = "infogan"
    heads: ClassVar[tuple[str, ...]] = ("score", "code_logits")
    code: CodeSpec

    def __init__(
        self,
        *,
        categorical: int = 10,  # number of values of the categorical code; 0 = no such code
        continuous: int = 2,  # number of codes that are uniform in [-1, 1]
        weight: float = 1.0,  # weight of the information term (lambda)
        learned_variance: bool = False,  # Q also gives a log-variance for each continuous code
        real_target: Target = REAL,  # D's target for reals, drawn per sample from this range
        fake_target: Target = FAKE,  # D's target for fakes, drawn per sample from this range
        real_label: Label = 1,  # 0 swaps the two labels, for D and G alike
    ) -> None:
        super().__init__(real_target=real_target, fake_target=fake_target, real_label=real_label)
        if categorical < 0 or continuous < 0 or categorical + continuous == 0:
            raise InputError(
                f"infogan: there is no code of {categorical} categorical and {continuous} continuous values"
            )
        if not weight >= 0:
            raise InputError(f"infogan: weight must be at least 0, not {weight}")
        self.code, self.weight, self.learned_variance = CodeSpec(categorical, continuous), weight, learned_variance
        self.code_outputs = categorical + continuous * (2 if learned_variance else 1)

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The terms of nsgan, and what Q fails to read in the fakes: here Q learns."""
        return super().d_loss(real, fake) | self._information(fake)

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """The term of nsgan, and what Q fails to read: here G learns to write its code legibly."""
        return super().g_loss(real, fake) | self._information(fake)

    def _information(self, fake: DiscriminatorOutput) -> Terms:
        assert fake.code is not None  # self.code
        k, c = self.code
        logits, mean, log_variance = fake.code_logits.split((k, c, self.code_outputs - k - c), dim=1)
        category, value = fake.code.split((k, c), dim=1)
        nll = (value - mean).square()
        if self.learned_variance:
            nll = nll * (-log_variance).exp() + log_variance
        # torch's own cross-entropy is NaN where there is no category.
        surprise = -(category * log_softmax(logits, dim=1)).sum(1)
        return {
            "categorical": self.weight * surprise.mean(),
            "continuous": self.weight * 0.5 * nll.sum(1).mean(),
        }
