"""ADA: augmentation of everything that D sees, with a probability that follows how far D overfits."""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field, PositiveInt
from torch import Tensor

from ganzoo.batch import Batch, DiscriminatorOutput, Terms
from ganzoo.errors import InputError
from ganzoo.losses import Loss
from ganzoo.schedules import Probability, Varying, as_schedule, number, setting
from ganzoo.tricks.augmentation import ALL, Transformation, augmented
from ganzoo.tricks.base import Phase, Trick


class ADA(Trick):
    """Training GANs with Limited Data. Karras et al., 2020, https://arxiv.org/abs/2006.06676, sections 2 and 3

    D sees every image with each transformation applied with probability p, reals and fakes, in both players' steps. After
    every `every`-th D step p moves by sign(r_t - target) x reals since / images, and stays in [0, 1]. r_t is the mean sign of
    D's scores on these reals; for a critic, whose scores have no zero, their middle is the zero. The log has p and r_t.
    Settings: kinds (`ganzoo.tricks.augmentation`), target, images and every as in the paper, p at the start (there 0). The
    paper's 500,000 images from 0 to 1 are many for a short run. With `adapt` false p stays.
    """

    name: ClassVar[str] = "ada"
    phase: ClassVar[Phase] = Phase.VIEW
    neutral: ClassVar[dict[str, Any]] = {"kinds": []}
    title: ClassVar[str] = "adaptive augmentation"
    number: ClassVar[int | None] = 28
    heads: ClassVar[tuple[str, ...]] = ("score",)
    images_only: ClassVar[bool] = True

    p: Tensor
    r_t: Tensor
    signs: Tensor
    steps: Tensor

    def __init__(
        self,
        *,
        kinds: tuple[Transformation, ...] = ALL,  # transformations, each with probability p
        p: Probability = 0.0,  # probability at the start, or in each step if it is a schedule
        adapt: bool = True,  # false: p stays
        target: Annotated[float, Field(ge=-1, le=1)] = 0.6,  # r_t to hold
        images: PositiveInt = 500_000,  # reals in which p can rise from 0 to 1
        every: PositiveInt = 4,  # D steps from one change of p to the next
    ) -> None:
        super().__init__()
        self.kinds, self.adapt = kinds, adapt
        self.target, self.images, self.every = target, images, every
        if adapt and as_schedule(p):
            raise InputError(
                "tricks.ada: p follows its schedule or adapts to r_t, not both; set tricks.ada.adapt=false"
            )
        self.course = setting(p)
        self.register_buffer("p", torch.tensor(number(p)))
        for name in ("r_t", "signs", "steps"):
            self.register_buffer(name, torch.zeros(()))

    @property
    def probability(self) -> Tensor:
        """The probability of each transformation in this step."""
        return self.course.now if isinstance(self.course, Varying) else self.p

    def view(self, samples: Batch) -> Batch:
        """The batch with each image transformed independently."""
        if not self.kinds:
            return samples
        return samples.with_images(augmented(samples.images, self.kinds, self.probability, "ada"))

    @torch.no_grad()
    def after_d_step(self, loss: Loss, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> None:
        """Add the signs of D's scores on the reals; in every `every`-th step, update r_t and p."""
        self.signs += loss.real_signs(real, fake).mean()
        self.steps += 1
        # Tensors decide, so that nothing waits for the device.
        due = self.steps == self.every
        self.r_t.copy_(torch.where(due, self.signs / self.every, self.r_t))
        if self.adapt:
            change = (self.r_t - self.target).sign() * (len(real) * self.every / self.images)
            self.p.copy_(torch.where(due, self.p + change, self.p).clamp(0, 1))
        for total in (self.signs, self.steps):
            total.masked_fill_(due, 0)

    def readings(self) -> Terms:
        """Probability p and r_t."""
        return {"p": self.probability, "r_t": self.r_t}
