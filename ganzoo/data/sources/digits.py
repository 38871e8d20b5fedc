"""The digits inside the package: 10,000 of MNIST's training and 2,000 of its test images."""

from __future__ import annotations

import lzma
from hashlib import sha256
from pathlib import Path

import numpy as np

from ganzoo.data.source import Source, Split
from ganzoo.data.transform import Pictures

DIGITS = list("0123456789")


class Digits(Source):
    """A part of MNIST that needs no network."""

    name = usage = "digits"
    size, channels, pad = 32, 1, True
    licence = "part of MNIST, Yann LeCun and Corinna Cortes, CC BY-SA 3.0"

    def fingerprint(self, split: Split) -> str:
        """By content, so that installing the package again changes nothing."""
        return sha256(embedded(split).read_bytes()).hexdigest()

    def pictures(self, split: Split) -> Pictures:
        """N labels, then N pictures of 28 x 28; see `tools.embed_digits`."""
        content = np.frombuffer(lzma.decompress(embedded(split).read_bytes()), np.uint8)
        count = len(content) // (1 + 28 * 28)
        labels, pictures = content[:count], content[count:].reshape(count, 28, 28)
        return Pictures(count, zip(pictures, labels.tolist(), strict=True), DIGITS)


def embedded(split: str) -> Path:
    """The file of a split."""
    return Path(__file__).parent.parent / f"digits-{split}.xz"
