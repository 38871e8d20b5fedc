"""A critic held Lipschitz by a penalty on its slope."""

from typing import ClassVar

from ganzoo.batch import Batch, DiscriminatorFn, Terms
from ganzoo.errors import InputError
from ganzoo.losses.penalties import gradient_penalty
from ganzoo.losses.wgan import Critic


class WGANGP(Critic):
    """Improved Training of Wasserstein GANs. Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028

    L_D = E D(g) - E D(x) + weight E (||grad D(xh)||_2 - 1)^2    eq. 3
    L_G = -E D(g)                                                algorithm 1
    xh = a x + (1 - a) g                                         one a ~ U[0, 1] a sample

    The norm is over all values of a sample, so D must not mix samples (section 4: no batch norm in D).
    Settings: the weight, the paper's lambda.
    """

    name: ClassVar[str] = "wgan-gp"
    per_sample_gradients: ClassVar[bool] = True
    penalties: ClassVar[tuple[str, ...]] = ("gp",)

    def __init__(
        self,
        *,
        weight: float = 10.0,  # weight of the gradient penalty (lambda)
    ) -> None:
        super().__init__()
        if not weight >= 0:
            raise InputError(f"wgan-gp: weight must be at least 0, not {weight}")
        self.weight = weight

    def penalty(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """The slope on straight lines between reals and fakes, which carry the labels of the reals."""
        return {"gp": self.weight * gradient_penalty(judge, real, fake)}
