"""Feature extractor: a fixed network that maps images to features; scores computed from them carry its name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganzoo.batch import is_point_shape
from ganzoo.data import Dataset
from ganzoo.errors import InputError
from ganzoo.registry import Registry
from ganzoo.torch_state import default_torch_state


class ExtractorOutput(NamedTuple):
    """Features and class logits of a batch."""

    features: Tensor
    """(N, F)."""
    logits: Tensor
    """(N, K) for the classes that the extractor was trained on; K = 0 without classes."""


@dataclass(frozen=True, eq=False)
class Extractor:
    """A network, the digest of its weights, and its input format."""

    name: str
    network: Callable[[Tensor], ExtractorOutput]
    """A module that takes images (N, channels, size, size) in [-1, 1]."""
    sha256: str
    """SHA-256 of the weights."""
    channels: int
    size: int | None = None
    """Pixels that images are resized to (bilinear, antialiased); None: the network resizes."""
    native: int | None = None
    """Pixels of the training images."""
    border: int = 0
    """Images smaller than `size` by twice this get a black border instead of being resized."""
    class_names: Sequence[str] = ()
    slow: bool = False
    """True if its time on a CPU is estimated and printed beforehand."""

    @property
    def tag(self) -> str:
        """The name, with the size if it differs from the native size."""
        return self.name if self.size == self.native else f"{self.name}@{self.size}px"

    def to(self, device: torch.device | str) -> "Extractor":
        """Move the network to `device`; returns self."""
        if isinstance(self.network, nn.Module):
            self.network.to(device)
        return self

    @default_torch_state()  # without TF32, whose 10-bit mantissa is too coarse for comparing means of sets
    @torch.no_grad()
    def __call__(self, images: Tensor) -> ExtractorOutput:
        """Features and logits, float32, of images (N, C, H, W) in [-1, 1] on the network's device."""
        read = self.network(self.preprocess(images))
        return ExtractorOutput(read.features.float(), read.logits.float())

    def preprocess(self, images: Tensor) -> Tensor:
        """`images` with the channels and size that the network takes."""
        if images.shape[1] < self.channels:
            images = images.expand(-1, self.channels, -1, -1)
        if self.size is None or images.shape[2:] == (self.size, self.size):
            return images
        if self.border and images.shape[2:] == (self.size - 2 * self.border,) * 2:
            return F.pad(images, (self.border,) * 4, value=-1.0)
        return F.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)

    def check_shape(self, shape: tuple[int, int, int]) -> None:
        """Raise `InputError` if the extractor does not take images of `shape` (C, H, W)."""
        if is_point_shape(shape):
            raise InputError(f"the extractor {self.name!r} takes images, not points; leave --extractor out")
        if shape[0] > self.channels:
            raise InputError(f"the extractor {self.name!r} takes grayscale images, not color; use cifar or lite0")


OpenExtractorFn = Callable[..., Extractor]

EXTRACTORS: Registry[OpenExtractorFn] = Registry("extractor")
"""Name -> function that opens the extractor; a function that takes a file has one parameter."""


@default_torch_state()
def find_extractor(spec: str) -> Extractor:
    """Open the extractor `spec` (NAME, or NAME:FILE if it takes a file); raises `InputError`."""
    name, colon, path = spec.partition(":")
    opener = EXTRACTORS[name]
    if not colon:
        return opener()
    if not path or not signature(opener).parameters:
        raise InputError(f"--extractor {spec}: {name!r} takes no file after a colon; write {name}")
    return opener(path)


def default_extractor(dataset: Dataset) -> str:
    """`digits` for grayscale MNIST and its subset, `cifar` for color images of 32 pixels, otherwise `lite0`."""
    channels, height, width = dataset.shape
    if channels == 1 and dataset.name in ("digits", "mnist"):
        return "digits"
    return "cifar" if (channels, height, width) == (3, 32, 32) else "lite0"
