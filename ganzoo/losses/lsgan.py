"""The least-squares GAN loss."""

from typing import ClassVar

from ganzoo.batch import DiscriminatorOutput, Terms
from ganzoo.losses.base import CLASSIFIES, Loss


class LSGAN(Loss):
    """Least Squares Generative Adversarial Networks. Mao et al., 2017, https://arxiv.org/abs/1611.04076

    L_D = 1/2 E (D(x) - b)^2 + 1/2 E (D(g) - a)^2    eq. 2
    L_G = 1/2 E (D(g) - c)^2                         eq. 2

    D's output is linear, because a sigmoid before the square would bring back the vanishing gradient that the paper removes.
    Settings: the targets a, b, c. The paper trains with (0, 1, 1), eq. 9, so that G's target is D's target for reals;
    (-1, 1, 0), eq. 8, minimizes the Pearson chi-squared divergence.
    """

    name: ClassVar[str] = "lsgan"
    watch: ClassVar[tuple[str, ...]] = (*Loss.watch, *CLASSIFIES)

    def __init__(
        self,
        *,
        a: float = 0.0,  # D's target for fakes
        b: float = 1.0,  # D's target for reals
        c: float = 1.0,  # G's target for its fakes
    ) -> None:
        super().__init__()
        self.a, self.b, self.c = a, b, c
        self.score_border = (a + b) / 2

    @property
    def d_loss_bounds(self) -> tuple[float, float]:
        """0 for scores at the targets; the loss of a score halfway between them."""
        return 0.0, (self.b - self.a) ** 2 / 4

    def d_loss(self, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """Half the mean squared distance to D's targets."""
        real_error, fake_error = real.score - self.b, fake.score - self.a
        return {"real": 0.5 * real_error.square().mean(), "fake": 0.5 * fake_error.square().mean()}

    def g_loss(self, real: DiscriminatorOutput | None, fake: DiscriminatorOutput) -> Terms:
        """Half the mean squared distance to G's target."""
        return {"adv": 0.5 * (fake.score - self.c).square().mean()}
