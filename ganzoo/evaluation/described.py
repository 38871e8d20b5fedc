"""A set of images as the scores see it: everything they need, with one row an image."""

from __future__ import annotations

from dataclasses import dataclass, fields

from torch import Tensor


@dataclass(frozen=True, eq=False)
class Described:
    """What was read off N images, once; on the CPU."""

    features: Tensor
    """(N, F) float32."""
    logits: Tensor
    """(N, K) float32, the extractor's class logits."""
    bands: Tensor
    """(N, 1 + periods) float32: the energy of the spectrum, and its part at each stride frequency (`checkerboard`)."""
    labels: Tensor
    """(N,) int64: the class that was asked for, among the extractor's; -1 = none, or one that it does not know."""

    def __len__(self) -> int:
        return len(self.features)

    def first(self, n: int) -> Described:
        """The first `n` images."""
        return Described(*(getattr(self, f.name)[:n] for f in fields(self)))
