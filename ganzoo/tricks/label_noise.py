"""Now and then a real passes for a fake, and a fake for a real."""

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.tricks.base import Phase, Trick


class LabelNoise(Trick):
    """How to Train a GAN? Chintala et al., 2016, https://github.com/soumith/ganhacks, tip 6: noisy labels for D

    In D's step the i-th real and the i-th fake (under packing: pack) change places with probability p, each with its
    label. Refused for losses with class or code heads: a real has no code, and its class is no secret.
    Settings: "occasionally" in the source; 5 % here.
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
        """Both batches with some pairs exchanged."""
        if not self.p:
            return real, fake
        swap = rng.uniform("label-noise", len(real), device=real.images.device) < self.p
        return swap_rows(swap, real, fake), swap_rows(swap, fake, real)


def swap_rows(swap: Tensor, mine: Batch, theirs: Batch) -> Batch:
    """`mine` with the rows of `theirs` where `swap`; a label that only one side has is left out."""
    images = torch.where(swap.view(-1, 1, 1, 1), theirs.images, mine.images)
    if mine.labels is None or theirs.labels is None:
        return Batch(images)
    return Batch(images, torch.where(swap, theirs.labels, mine.labels))
