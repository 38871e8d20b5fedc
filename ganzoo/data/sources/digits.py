"""The digits inside the package: 10,000 of MNIST's training and 2,000 of its test images."""

import lzma
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch

from ganzoo import rng
from ganzoo.data.cache import OnCorrupt
from ganzoo.data.dataset import Dataset
from ganzoo.data.source import SOURCES, Source, Split
from ganzoo.data.transform import Picture, Pictures
from ganzoo.errors import InputError

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


COUNTS: dict[Split, int] = {"train": 128_000, "test": 26_000}
NAMES = [f"{number:03}" for number in range(1000)]


class StackedDigits(Source):
    """Stacks of the embedded digits; the label reads red, green and blue as one number of three digits."""

    name = usage = "stacked-digits"
    licence = "part of MNIST, Yann LeCun and Corinna Cortes, CC BY-SA 3.0"
    base = "digits"
    size, channels = 32, 3

    def fingerprint(self, split: Split) -> str:
        """That of the digits, of which the stacks are a function."""
        return f"{self.digits.fingerprint(split)} {COUNTS[split]}"

    def pictures(self, split: Split) -> Pictures:
        """Every digit is drawn at random, so a triple is as frequent as its digits are."""
        digits = self.digits.dataset(split, 32, 1, "error", True)
        generator = rng.generator("data", "stacked", split)
        triples = torch.randint(len(digits), (COUNTS[split], 3), generator=generator).numpy()
        return Pictures(len(triples), each(digits, triples), NAMES)

    def dataset(self, split: Split, size: int, channels: int, on_corrupt: OnCorrupt, quiet: bool) -> Dataset:
        """Raises `InputError` where the three digits would be mixed into one channel."""
        if channels != 3:
            raise InputError(f"data {self.name!r} have a digit in each of three channels; leave data.channels out")
        return super().dataset(split, size, channels, on_corrupt, quiet)

    @property
    def digits(self) -> Source:
        """What is stacked."""
        return SOURCES[self.base]("")


class StackedMnist(StackedDigits):
    """Stacks of all of MNIST."""

    name = usage = "stacked-mnist"
    licence = "MNIST, Yann LeCun and Corinna Cortes, CC BY-SA 3.0"
    base = "mnist"


def each(digits: Dataset, triples: np.ndarray) -> Iterator[tuple[Picture, int]]:
    """A picture (H, W, 3) and its label for every row of `triples` (N, 3)."""
    assert digits.labels is not None, "digits are labelled"
    for triple in triples:
        a, b, c = digits.labels[triple].tolist()
        yield digits.images[triple, 0].transpose(1, 2, 0), 100 * a + 10 * b + c
