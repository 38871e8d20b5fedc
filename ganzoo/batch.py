"""The records of a training step: a batch, the same batch with the outputs of D, and reconstructions of reals."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from einops import rearrange
from torch import Tensor

Terms = dict[str, Tensor]
"""Named scalar terms of a loss; the trainer sums them and logs each."""


@dataclass(frozen=True)
class Batch:
    """A batch of images with the labels and code they were drawn with.

    Points in the plane are (N, 2, 1, 1), in the units of the data.
    """

    images: Tensor
    """(N, C, H, W) in [-1, 1]."""
    labels: Tensor | None = None
    """(N,) class index, int64; -1 = unlabeled."""
    code: Tensor | None = None
    """(N, K + C) float: InfoGAN's categorical code one-hot, then its continuous codes."""

    def __len__(self) -> int:
        return len(self.images)

    def apply(self, f: Callable[[Tensor], Tensor]) -> Self:
        """The same record with `f` applied to every tensor in it."""
        values = {name: f(value) for name, value in vars(self).items() if value is not None}
        return replace(self, **values)

    def with_images(self, images: Tensor) -> "Batch":
        """A plain `Batch` with other images and the same labels and code."""
        return Batch(images, self.labels, self.code)

    def pack(self, m: int) -> "Batch":
        """Pack `m` consecutive images into the channels of one sample, (N / m, m C, H, W); drops labels and code if m > 1."""
        return self if m == 1 else Batch(rearrange(self.images, "(n m) c h w -> n (m c) h w", m=m))

    def unpack(self, m: int) -> "Batch":
        """Undo `pack`: (N, C, H, W)."""
        return self if m == 1 else Batch(rearrange(self.images, "n (m c) h w -> (n m) c h w", m=m))


@dataclass(frozen=True)
class DiscriminatorOutput(Batch):
    """A batch with the outputs of D; an output that D was not built with is None.

    `images` are the inputs of D, after noise or augmentation. The fields are typed as present: a loss reads only the
    outputs in its `heads`, and `ganzoo.builder` builds D with these.
    """

    features: Tensor = None  # type: ignore[assignment]
    """(N, F), the output of the encoder."""
    score: Tensor = None  # type: ignore[assignment]
    """(N,) raw, without activation; higher = more real."""
    class_logits: Tensor = None  # type: ignore[assignment]
    """(N, classes)."""
    code_logits: Tensor = None  # type: ignore[assignment]
    """(N, K + C) or (N, K + 2 C): K logits, C means, C log-variances."""
    reconstruction: Tensor = None  # type: ignore[assignment]
    """(N, C, H, W), the reconstruction of `images` by an autoencoding D."""

    def detach(self) -> "DiscriminatorOutput":
        """The same record, detached from the graph."""
        return self.apply(Tensor.detach)


@dataclass(frozen=True)
class Reconstruction(Batch):
    """Images that a G with an encoder makes of reals, with the posterior of their latents."""

    reals: Tensor = None  # type: ignore[assignment]
    """(N, C, H, W), the encoded images."""
    mean: Tensor = None  # type: ignore[assignment]
    """(N, dim), the mean of z given the real."""
    log_variance: Tensor = None  # type: ignore[assignment]
    """(N, dim), the logarithm of its variance."""


def is_point_shape(shape: Sequence[int]) -> bool:
    """Does `shape` (..., H, W) hold points of the plane, not images?"""
    return tuple(shape[-2:]) == (1, 1)


class CodeSpec(NamedTuple):
    """Sizes of a latent code: `categorical` values, one-hot, then `continuous` ones in [-1, 1]."""

    categorical: int
    continuous: int


DiscriminatorFn = Callable[[Batch], DiscriminatorOutput]
"""D as a penalty calls it: a function from a batch to its output."""
