"""Gradient penalties on D as tricks: GP, DRAGAN's, R1 and R2, with lazy regularization."""

from typing import Annotated, Any, ClassVar

from pydantic import Field, PositiveInt
from torch import Tensor

from ganzoo import rng
from ganzoo.batch import Batch, DiscriminatorFn, Terms
from ganzoo.errors import InputError
from ganzoo.losses import penalties
from ganzoo.schedules import Value, Weight, current, number, setting
from ganzoo.tricks.base import Phase, Trick


class Penalty(Trick):
    """A penalty on the gradient of D's score, on the clean batch as D sees it; for any loss with a score.

    `every` above 1 is lazy regularization (Karras et al., 2020, https://arxiv.org/abs/1912.04958, appendix B): the term is
    computed in every `every`-th D step and multiplied by `every`. The paper also corrects Adam, with lr c, beta1^c and
    beta2^c for c = every / (every + 1); here learning rate and betas stay as configured.
    """

    number: ClassVar[int | None] = 14
    heads: ClassVar[tuple[str, ...]] = ("score",)
    per_sample_gradients: ClassVar[bool] = True

    def __init__(self, weight: Value, every: int, factor: float = 1.0) -> None:
        super().__init__()
        if number(weight) < 0 or every < 1:
            raise InputError(
                f"{self.name}: the weight must be at least 0 and every at least 1, not {weight} and {every}"
            )
        self.weight, self.every = setting(weight, factor * every), every
        self.capturable = every == 1

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """The mean penalty over samples, without the weight."""
        raise NotImplementedError

    def d_terms(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """The weighted penalty under the trick's name, in every `every`-th step."""
        # In the last step of each period: a log written after even numbers of steps would never show the first.
        if not self.weight or (rng.step() + 1) % self.every:
            return {}
        return {self.name: current(self.weight) * self.value(judge, real, fake)}


class GP(Penalty):
    """Improved Training of Wasserstein GANs. Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028, eq. 3

    Adds weight E (||grad D(a x + (1 - a) g)||_2 - 1)^2 to L_D, one a per sample.
    Settings: the weight (lambda, 10 in the paper).
    """

    name: ClassVar[str] = "gp"
    phase: ClassVar[Phase] = Phase.SLOPE_BETWEEN
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    title: ClassVar[str] = "WGAN-GP's penalty"

    def __init__(
        self,
        *,
        weight: Weight = 10.0,  # weight of the penalty (lambda)
        every: PositiveInt = 1,  # take the term in each `every`-th D step, times `every`
    ) -> None:
        super().__init__(weight, every)

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """The penalty between clean reals and fakes, with the labels of the reals."""
        return penalties.gradient_penalty(judge, real, fake)


class DraganGP(Penalty):
    """On Convergence and Stability of GANs. Kodali et al., 2017, https://arxiv.org/abs/1705.07215, algorithm 1

    Adds weight E (||grad D(x + d)||_2 - k)^2 to L_D, with noise d around reals; `ganzoo.losses.DRAGAN` lists the kinds.
    Settings: weight and k as in the authors' code, and the noise.
    """

    name: ClassVar[str] = "dragan_gp"
    phase: ClassVar[Phase] = Phase.SLOPE_AROUND
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0}
    title: ClassVar[str] = "DRAGAN's penalty"

    def __init__(
        self,
        *,
        weight: Weight = 10.0,  # weight of the penalty (lambda)
        k: Annotated[float, Field(ge=0)] = 1.0,  # slope that D should have, in logits per unit of x
        noise: penalties.Noise = "uniform",  # noise that is added to the reals
        every: PositiveInt = 1,  # take the term in each `every`-th D step, times `every`
    ) -> None:
        super().__init__(weight, every)
        self.k, self.noise = k, noise
        self.couples_samples = self.weight != 0 and noise != "gaussian"  # through std(x)

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """The penalty around clean reals, with their labels."""
        return penalties.dragan_penalty(judge, real, self.k, self.noise)


class SquaredSlope(Penalty):
    """A penalty gamma/2 on the squared gradient of D's score. Code without the half needs half our gamma for the same."""

    phase: ClassVar[Phase] = Phase.SLOPE_AT
    neutral: ClassVar[dict[str, Any]] = {"gamma": 0.0}

    def __init__(
        self,
        *,
        gamma: Weight = 10.0,  # the penalty is gamma/2 times the squared slope
        every: PositiveInt = 1,  # take the term in each `every`-th D step, times `every`
    ) -> None:
        super().__init__(gamma, every, 1 / 2)


class R1(SquaredSlope):
    """R1. Which Training Methods for GANs do actually Converge? Mescheder et al., 2018, https://arxiv.org/abs/1801.04406

    Adds gamma/2 E ||grad D(x)||^2 to L_D    eq. 9

    Settings: gamma (10 in the paper).
    """

    name: ClassVar[str] = "r1"
    title: ClassVar[str] = "R1"

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """The penalty on clean reals, with their labels."""
        return penalties.r1(judge, real)


class R2(SquaredSlope):
    """R2. Which Training Methods for GANs do actually Converge? Mescheder et al., 2018, https://arxiv.org/abs/1801.04406

    Adds gamma/2 E ||grad D(g)||^2 to L_D    section 4.1

    Settings: gamma (10 in the paper).
    """

    name: ClassVar[str] = "r2"
    title: ClassVar[str] = "R2"

    def value(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Tensor:
        """The penalty on clean fakes, with their labels."""
        return penalties.r2(judge, fake)
