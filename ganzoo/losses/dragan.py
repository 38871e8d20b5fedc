"""The classic game with a smooth D around the data."""

from typing import ClassVar, get_args

from ganzoo.batch import Batch, DiscriminatorFn, Terms
from ganzoo.errors import InputError, unknown_name
from ganzoo.losses.minimax import FAKE, REAL, Label, Target
from ganzoo.losses.nsgan import NSGAN
from ganzoo.losses.penalties import Noise, dragan_penalty


class DRAGAN(NSGAN):
    """On Convergence and Stability of GANs. Kodali et al., 2017, https://arxiv.org/abs/1705.07215

    L_D = nsgan's + weight E (||grad D(x + d)||_2 - k)^2    algorithm 1; d is noise around reals only
    L_G = nsgan's

    The slope is that of the logit, as in the authors' code: a sigmoid's would vanish by itself. About d the sources differ:
      uniform    std(x) (u - 1/2), then clipped to [-1, 1]: compare_gan's form, zero mean, for any range of pixels (default)
      gaussian   0.08 N(0, I): the revised paper's c = 10 on 0..255, read as a standard deviation, in our units
      one-sided  a std(x) u / 2, one a ~ U[0, 1] a sample: the authors' notebook, which brightens the images
    with u ~ U[0, 1] a value and std(x) one number, over all values of the batch. Points in the plane are not clipped.
    Settings: weight and k as in the authors' code, and the noise; minimax's targets and real_label.
    """

    name: ClassVar[str] = "dragan"
    per_sample_gradients: ClassVar[bool] = True
    penalties: ClassVar[tuple[str, ...]] = ("dragan_gp",)
    couples_samples: ClassVar[bool] = True  # through std(x)

    def __init__(
        self,
        *,
        weight: float = 10.0,  # weight of the penalty (lambda)
        k: float = 1.0,  # slope that D should have, in logits per unit of x
        noise: Noise = "uniform",  # noise that is added to the reals
        real_target: Target = REAL,  # D's target for reals, drawn per sample from this range
        fake_target: Target = FAKE,  # D's target for fakes, drawn per sample from this range
        real_label: Label = 1,  # 0 swaps the two labels, for D and G alike
    ) -> None:
        super().__init__(real_target=real_target, fake_target=fake_target, real_label=real_label)
        if not (weight >= 0 and k >= 0):
            raise InputError(f"dragan: weight and k must be at least 0, not {weight} and {k}")
        if noise not in get_args(Noise):
            raise unknown_name("noise of dragan", noise, get_args(Noise))
        self.weight, self.k, self.noise = weight, k, noise

    def penalty(self, judge: DiscriminatorFn, real: Batch, fake: Batch) -> Terms:
        """The slope at noisy copies of the clean reals."""
        return {"dragan_gp": self.weight * dragan_penalty(judge, real, self.k, self.noise)}
