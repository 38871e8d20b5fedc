"""Consistency regularization: D gives an image and its augmented copy the same score."""

from typing import Annotated, Any, ClassVar

from pydantic import Field
from torch import Tensor

from ganzoo.batch import DiscriminatorFn, DiscriminatorOutput, Terms
from ganzoo.tricks.augmentation import Transformation, augmented
from ganzoo.tricks.base import Phase, Trick


class Consistency(Trick):
    """Improved Consistency Regularization for GANs. Zhao et al., 2021, https://arxiv.org/abs/2002.04724, algorithm 1

    Adds weight E (D(x) - D(T(x)))^2 + fake_weight E (D(g) - D(T(g)))^2 to L_D, with D's raw scores.
    The default is CR (Zhang et al., 2020, https://arxiv.org/abs/1910.12027), with reals alone; fake_weight 10 makes it bCR.
    Each weight costs another pass of D. Settings: weights 10 and T as in the papers, by `ganzoo.tricks.augmentation`.
    """

    name: ClassVar[str] = "consistency"
    phase: ClassVar[Phase] = Phase.TERMS
    neutral: ClassVar[dict[str, Any]] = {"weight": 0.0, "fake_weight": 0.0}
    title: ClassVar[str] = "consistency regularization"
    number: ClassVar[int | None] = 28
    heads: ClassVar[tuple[str, ...]] = ("score",)
    images_only: ClassVar[bool] = True

    def __init__(
        self,
        *,
        weight: Annotated[float, Field(ge=0)] = 10.0,  # weight of the reals
        fake_weight: Annotated[float, Field(ge=0)] = 0.0,  # weight of the fakes
        kinds: tuple[Transformation, ...] = ("flip", "shift"),  # transformations of the copy, all applied
    ) -> None:
        super().__init__()
        self.weights, self.kinds = {"real": weight, "fake": fake_weight}, kinds

    def judged_terms(self, judge: DiscriminatorFn, real: DiscriminatorOutput, fake: DiscriminatorOutput) -> Terms:
        """The weighted squared differences of the scores."""
        parts = {"real": real, "fake": fake}
        return {
            f"consistency_{name}": weight * self.difference(judge, name, parts[name])
            for name, weight in self.weights.items()
            if weight
        }

    def difference(self, judge: DiscriminatorFn, name: str, judged: DiscriminatorOutput) -> Tensor:
        """The mean squared difference of the scores of the samples, as D saw them, and of their copies."""
        copies = judged.with_images(augmented(judged.images, self.kinds, 1.0, f"consistency.{name}"))
        return (judged.score - judge(copies).score).square().mean()
