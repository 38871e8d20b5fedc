"""Pictures that are drawn, not read."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ganzoo.data import Pictures, Source, Split

COUNTS: dict[Split, int] = {"train": 200, "test": 40}


class Stripes(Source):
    """Stripes of one width a picture; the label is their direction."""

    name = usage = "stripes"
    licence = "drawn from a formula; nobody's"
    size, channels = 16, 1

    def fingerprint(self, split: Split) -> str:
        """The formula never changes."""
        return f"stripes {COUNTS[split]}"

    def pictures(self, split: Split) -> Pictures:
        """Grey pictures of 16 x 16."""
        return Pictures(COUNTS[split], drawn(COUNTS[split]), ["horizontal", "vertical"])


def drawn(count: int) -> Iterator[tuple[np.ndarray, int]]:
    """(16, 16) uint8 and the label."""
    for i in range(count):
        rows = (np.arange(16) // (1 + i // 2 % 4) % 2 * 255).astype(np.uint8)
        picture = np.broadcast_to(rows[:, None], (16, 16))
        yield (picture.T if i % 2 else picture).copy(), i % 2
