"""Embedded digits (10,000 training and 2,000 test images of MNIST), and stacks of three digits in color channels."""

import lzma
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from ganzoo import rng
from ganzoo.data.dataset import Dataset
from ganzoo.data.decode import OnCorrupt
from ganzoo.data.source import SOURCES, Source, Split
from ganzoo.data.transform import Picture, Pictures
from ganzoo.errors import InputError

DIGITS = list("0123456789")


class Digits(Source):
    """Subset of MNIST inside the package; needs no network."""

    name = usage = "digits"
    size, channels, pad = 32, 1, True
    licence = "part of MNIST, Yann LeCun and Corinna Cortes, CC BY-SA 3.0"

    def fingerprint(self, split: Split) -> str:
        """The SHA-256 of the content, so that reinstalling the package does not change it."""
        return sha256(embedded(split).read_bytes()).hexdigest()

    def pictures(self, split: Split) -> Pictures:
        """Images of 28 x 28 from the embedded file: N labels, then N images; see `tools.embed_digits`."""
        content = np.frombuffer(lzma.decompress(embedded(split).read_bytes()), np.uint8)
        count = len(content) // (1 + 28 * 28)
        labels, pictures = content[:count], content[count:].reshape(count, 28, 28)
        return Pictures(count, zip(pictures, labels.tolist(), strict=True), DIGITS)


def embedded(split: str) -> Path:
    """The embedded file of a split."""
    return Path(__file__).parent.parent / f"digits-{split}.xz"


COUNTS: dict[Split, int] = {"train": 128_000, "test": 26_000}
NAMES = [f"{number:03}" for number in range(1000)]


class StackedDigits(Source):
    """Stacks of three embedded digits; the label is the number that red, green and blue read as."""

    name = usage = "stacked-digits"
    licence = "part of MNIST, Yann LeCun and Corinna Cortes, CC BY-SA 3.0"
    base = "digits"
    size, channels = 32, 3

    def fingerprint(self, split: Split) -> str:
        """The fingerprint of the digits, which determine the stacks."""
        return f"{self.digits.fingerprint(split)} {COUNTS[split]}"

    def pictures(self, split: Split) -> Pictures:
        """Stacks of digits drawn independently, so the frequency of a triple is the product of its digits' frequencies."""
        digits = self.digits.dataset(split, 32, 1, "error", True)
        generator = rng.generator("data", "stacked", split)
        triples = torch.randint(len(digits), (COUNTS[split], 3), generator=generator).numpy()
        return Pictures(len(triples), each(digits, triples), NAMES)

    def dataset(self, split: Split, size: int, channels: int, on_corrupt: OnCorrupt, quiet: bool) -> Dataset:
        """The split; raises `InputError` for one channel, which would mix the three digits."""
        if channels != 3:
            raise InputError(f"data {self.name!r} have a digit in each of three channels; leave data.channels out")
        return super().dataset(split, size, channels, on_corrupt, quiet)

    @property
    def digits(self) -> Source:
        """The source of the stacked digits."""
        return SOURCES[self.base]("")


class StackedMnist(StackedDigits):
    """Stacks of three digits of MNIST."""

    name = usage = "stacked-mnist"
    licence = "MNIST, Yann LeCun and Corinna Cortes, CC BY-SA 3.0"
    base = "mnist"


def each(digits: Dataset, triples: np.ndarray) -> Iterator[tuple[Picture, int]]:
    """An image (H, W, 3) and its label for each row of `triples` (N, 3)."""
    assert digits.labels is not None, "digits are labelled"
    for triple in triples:
        a, b, c = digits.labels[triple].tolist()
        yield digits.images[triple, 0].transpose(1, 2, 0), 100 * a + 10 * b + c
