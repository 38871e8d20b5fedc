"""The two records that travel: a batch on its way into D, and the same batch with what D says of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from einops import rearrange
from torch import Tensor

Terms = dict[str, Tensor]
"""Named scalar terms of a loss: the trainer sums them, the log shows each, the tests pin each."""


@dataclass(frozen=True)
class Batch:
    """A batch of images and what they were drawn with, which travels with them.

    Two-dimensional data travel as (N, 2, 1, 1) in their own units.
    """

    images: Tensor
    """(N, C, H, W) in [-1, 1]."""
    labels: Tensor | None = None
    """(N,) class index, int64; -1 = unlabelled."""
    code: Tensor | None = None
    """(N, K + C) float: InfoGAN's categorical code one-hot, then its continuous codes."""

    def __len__(self) -> int:
        return len(self.images)

    def apply(self, f: Callable[[Tensor], Tensor]) -> Self:
        """The same record with `f` applied to every tensor in it."""
        values = {name: f(value) for name, value in vars(self).items() if value is not None}
        return replace(self, **values)

    def with_images(self, images: Tensor) -> "Batch":
        """The same batch with other images: plain `Batch`, without anything D said."""
        return Batch(images, self.labels, self.code)

    def pack(self, m: int) -> "Batch":
        """Neighbours as the channels of one sample, (N / m, m C, H, W), without labels and code; itself for m = 1."""
        return self if m == 1 else Batch(rearrange(self.images, "(n m) c h w -> n (m c) h w", m=m))

    def unpack(self, m: int) -> "Batch":
        """What was `packed`, (N, C, H, W) again."""
        return self if m == 1 else Batch(rearrange(self.images, "n (m c) h w -> (n m) c h w", m=m))


@dataclass(frozen=True)
class DiscriminatorOutput(Batch):
    """`Batch` and what D says of them; a head that D was not built with stays None.

    `images` is what D really saw, after noise or augmentation. The fields are typed as if they were there: a loss reads
    only what its `heads` name, and `ganzoo.builder` gives D those.
    """

    features: Tensor = None  # type: ignore[assignment]
    """(N, F), the encoder's output."""
    score: Tensor = None  # type: ignore[assignment]
    """(N,) raw, without activation; higher = more real."""
    class_logits: Tensor = None  # type: ignore[assignment]
    """(N, classes)."""
    code_logits: Tensor = None  # type: ignore[assignment]
    """(N, K + C) or (N, K + 2 C): K logits, C means, C log-variances."""
    reconstruction: Tensor = None  # type: ignore[assignment]
    """(N, C, H, W), an autoencoding D's copy of `images`."""

    def detach(self) -> "DiscriminatorOutput":
        """The same record cut out of the graph."""
        return self.apply(Tensor.detach)


def is_point_shape(shape: Sequence[int]) -> bool:
    """Does `shape` (..., H, W) hold points of the plane, not images?"""
    return tuple(shape[-2:]) == (1, 1)


class CodeSpec(NamedTuple):
    """A latent code that D must read back: `categorical` values one-hot, then `continuous` ones in [-1, 1]."""

    categorical: int
    continuous: int


DiscriminatorFn = Callable[[Batch], DiscriminatorOutput]
"""What a penalty needs of D: a function from a batch to the judged batch."""
