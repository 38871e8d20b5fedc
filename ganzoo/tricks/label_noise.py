"""Label noise: D's batch has some reals and fakes exchanged."""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.tricks.base import Phase, Trick


class LabelNoise(Trick):
    """Noisy labels. How to Train a GAN? Chintala et al., 2016, https://github.com/soumith/ganhacks, tip 6

    In a D step the i-th real and the i-th fake (with packing: pack) are exchanged with probability p, each with its class
    label. Refused for losses with class or code heads, because a real has no code and keeps its true class.
    Settings: p, 5 % by default; the source has "occasionally".
    """

    name: ClassVar[str] = "label_noise"
    phase: ClassVar[Phase] = Phase.SIDES
    neutral: ClassVar[dict[str, Any]] = {"p": 0.0}
    title: ClassVar[str] = "noisy labels"
    number: ClassVar[int | None] = 9
    excludes: ClassVar[tuple[str, ...]] = ("class_logits", "code_logits")

    def __init__(
        self,
        *,
        p: Annotated[float, Field(ge=0, le=1)] = 0.05,  # probability that a real and a fake change places
    ) -> None:
        super().__init__()
        self.p = p

    def mix(self, real: Batch, fake: Batch) -> tuple[Batch, Batch]:
        """Both batches with random pairs exchanged."""
        if not self.p:
            return real, fake
        swap = rng.uniform("label-noise", len(real), device=real.images.device) < self.p
        return swap_rows(swap, real, fake), swap_rows(swap, fake, real)


def swap_rows(swap: Tensor, mine: Batch, theirs: Batch) -> Batch:
    """`mine` with rows from `theirs` at the positions in `swap`; no labels unless both sides have them."""
    images = torch.where(swap.view(-1, 1, 1, 1), theirs.images, mine.images)
    if mine.labels is None or theirs.labels is None:
        return Batch(images)
    return Batch(images, torch.where(swap, theirs.labels, mine.labels))
