"""Reals and fakes are mirrored at random before D sees them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.tricks import Phase, Trick


class Mirror(Trick):
    """Training GANs with Limited Data. Karras et al., 2020, https://arxiv.org/abs/2006.06676, appendix B

    Each sample is mirrored left to right with probability p, in both players' steps.
    Settings: the paper raises p as D overfits; here it stays.
    """

    name: ClassVar[str] = "mirror"
    phase: ClassVar[Phase] = Phase.VIEW
    neutral: ClassVar[dict[str, Any]] = {"p": 0.0}
    images_only: ClassVar[bool] = True

    def __init__(self, *, p: Annotated[float, Field(ge=0, le=1)] = 0.5) -> None:
        super().__init__()
        self.p = p

    def view(self, samples: Batch) -> Batch:
        """The batch with some images mirrored."""
        chosen = rng.uniform("mirror", len(samples), 1, 1, 1, device=samples.images.device) < self.p
        return samples.with_images(torch.where(chosen, samples.images.flip(3), samples.images))
