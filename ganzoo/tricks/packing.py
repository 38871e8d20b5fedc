"""D judges several images at once."""

from typing import Any, ClassVar

from pydantic import PositiveInt

from ganzoo.batch import Batch
from ganzoo.tricks.base import Phase, Shape, Trick


class Packing(Trick):
    """PacGAN: The Power of Two Samples. Lin et al., 2018, https://arxiv.org/abs/1712.04086, section 2

    D sees m images of one kind as the channels of one sample and gives them one score, so that a lack of variety shows. Packed
    before D's input is differentiated: the slopes and mixing factors of penalties belong to a pack.
    Settings: m, 2 to 4 in the paper. For losses on a score alone, since a pack has no one class, code or copy.
    """

    name: ClassVar[str] = "packing"
    phase: ClassVar[Phase] = Phase.PACK
    neutral: ClassVar[dict[str, Any]] = {"m": 1}
    number: ClassVar[int | None] = 22
    excludes: ClassVar[tuple[str, ...]] = ("class_logits", "code_logits", "reconstruction")

    def __init__(
        self,
        *,
        m: PositiveInt = 2,  # images per pack
    ) -> None:
        super().__init__()
        self.m = self.batch_divisor = m
        self.drops_labels = m > 1

    def seen_shape(self, shape: Shape) -> Shape:
        """M times the channels."""
        return (shape[0] * self.m, *shape[1:])

    def view(self, samples: Batch) -> Batch:
        """(N, C, H, W) -> (N / m, m C, H, W), without labels; neighbours go together."""
        return samples.pack(self.m)
