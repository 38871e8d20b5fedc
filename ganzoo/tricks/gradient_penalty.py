"""What the penalties on D's slope have in common."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorFn, Terms
from ganzoo.errors import InputError
from ganzoo.losses import penalties
from ganzoo.tricks.base import Phase, Trick


class Penalty(Trick):
    """A term of D that differentiates its score, of any loss that has one, on the clean batch as D views it.

    `every` above 1 is lazy regularisation (Karras et al., 2020, https://arxiv.org/abs/1912.04958, appendix B): the term is
    taken in each `every`-th step of D, times `every`. The paper also corrects Adam, with lr c, beta1^c and beta2^c for
    c = every / (every + 1); here rate and betas stay as configured.
    """

    heads: ClassVar[tuple[str, ...]] = ("score",)
    per_sample_gradients: ClassVar[bool] = True

    def __init__(self, weight: float, every: int) -> None:
        super().__init__()
        if weight < 0 or every < 1:
            raise InputError(
                f"{self.name}: the weight must be at least 0 and every at least 1, not {weight} and {every}"
            )
        self.weight, self.every = weight, every
        self.capturable = every == 1

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """The mean over samples, without its weight."""
        raise NotImplementedError

    def d_terms(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """The weighted term under the trick's name, in the steps whose turn it is."""
        # In the last step of each `every`: a log that is written after even numbers of steps would never show the first.
        if not self.weight or (rng.step() + 1) % self.every:
            return {}
        return {self.name: self.weight * self.every * self.value(judge, real, fake)}


pass


class GP(Penalty):
    """Improved Training of Wasserstein GANs. Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, eq. 3

    L_D gains weight E (||grad D(a x + (1 - a) g)||_2 - 1)^2, one a a sample. Settings: the weight (lambda, 10 in the paper).
    """

    name: ClassVar[str] = "gp"
    phase: ClassVar[Phase] = Phase.SLOPE_BETWEEN
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    title: ClassVar[str] = "WGAN-GP's penalty"
    number: ClassVar[int | None] = 14

    def __init__(
        self,
        *,
        weight: Annotated[float, Field(ge=0)] = 10.0,  # weight of the penalty (lambda)
        every: PositiveInt = 1,  # take the term in each `every`-th D step, times `every`
    ) -> None:
        super().__init__(weight, every)

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """Between clean reals and fakes, with the labels of the reals."""
        return penalties.gradient_penalty(judge, real, fake)


pass


class DraganGP(Penalty):
    """On Convergence and Stability of GANs. Kodali et al., 2017, https://arxiv.org/abs/1705.07215, algorithm 1

    L_D gains weight E (||grad D(x + d)||_2 - k)^2, d noise around reals; `ganzoo.losses.DRAGAN` says which kinds there are.
    Settings: weight and k as in the authors' code.
    """

    name: ClassVar[str] = "dragan_gp"
    phase: ClassVar[Phase] = Phase.SLOPE_AROUND
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    title: ClassVar[str] = "DRAGAN's penalty"
    number: ClassVar[int | None] = 14

    def __init__(
        self,
        *,
        weight: Annotated[float, Field(ge=0)] = 10.0,  # weight of the penalty (lambda)
        k: Annotated[float, Field(ge=0)] = 1.0,  # slope that D should have, in logits per unit of x
        noise: penalties.Noise = "uniform",  # noise that is added to the reals
        every: PositiveInt = 1,  # take the term in each `every`-th D step, times `every`
    ) -> None:
        super().__init__(weight, every)
        self.k, self.noise = k, noise
        self.couples_samples = weight > 0 and noise != "gaussian"  # through std(x)

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """Around clean reals, with their labels."""
        return penalties.dragan_penalty(judge, real, self.k, self.noise)


pass


class R1(Penalty):
    """Which Training Methods for GANs do actually Converge? Mescheder et al., 2018, https://arxiv.org/abs/1801.04406

    L_D gains gamma/2 E ||grad D(x)||^2    eq. 9

    The paper's gamma/2: code without the half needs half our gamma for the same penalty. Settings: gamma (10 in the paper).
    """

    name: ClassVar[str] = "r1"
    phase: ClassVar[Phase] = Phase.SLOPE_AT
    neutral: ClassVar[dict[str, Any]] = {"gamma": 0.0}
    title: ClassVar[str] = "R1"
    number: ClassVar[int | None] = 14

    def __init__(
        self,
        *,
        gamma: Annotated[float, Field(ge=0)] = 10.0,  # the penalty is gamma/2 times the squared slope
        every: PositiveInt = 1,  # take the term in each `every`-th D step, times `every`
    ) -> None:
        super().__init__(gamma / 2, every)

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """On clean reals, which carry their own labels."""
        return penalties.r1(judge, real)


pass


class R2(Penalty):
    """Which Training Methods for GANs do actually Converge? Mescheder et al., 2018, https://arxiv.org/abs/1801.04406

    L_D gains gamma/2 E ||grad D(g)||^2    section 4.1

    The paper's gamma/2: code without the half needs half our gamma for the same penalty. Settings: gamma (10 in the paper).
    """

    name: ClassVar[str] = "r2"
    phase: ClassVar[Phase] = Phase.SLOPE_AT
    neutral: ClassVar[dict[str, Any]] = {"gamma": 0.0}
    title: ClassVar[str] = "R2"
    number: ClassVar[int | None] = 14

    def __init__(
        self,
        *,
        gamma: Annotated[float, Field(ge=0)] = 10.0,  # the penalty is gamma/2 times the squared slope
        every: PositiveInt = 1,  # take the term in each `every`-th D step, times `every`
    ) -> None:
        super().__init__(gamma / 2, every)

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """On clean fakes, which carry their own labels."""
        return penalties.r2(judge, fake)
