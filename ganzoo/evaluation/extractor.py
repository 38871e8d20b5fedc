"""A fixed network that makes features of images; every score of features carries its name."""

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
    """What an extractor makes of a batch."""

    features: Tensor
    """(N, F)."""
    logits: Tensor
    """(N, K) of the classes that it was trained on; K = 0 if there are none."""


@dataclass(frozen=True, eq=False)
class Extractor:
    """A network, its weights' digest, and the pictures that it wants."""

    name: str
    network: Callable[[Tensor], ExtractorOutput]
    """A module: of images (N, channels, size, size) in [-1, 1]."""
    sha256: str
    """Of its weights."""
    channels: int
    size: int | None = None
    """Pixels that pictures are brought to (bilinear, antialiased); None: the network does that itself."""
    native: int | None = None
    """Pixels that it was trained at."""
    border: int = 0
    """Pictures smaller than `size` by twice this get a black border instead of being resized."""
    class_names: Sequence[str] = ()
    slow: bool = False
    """Whether the time it takes on a CPU is estimated and said beforehand."""

    @property
    def tag(self) -> str:
        """The name, with the size where it is not the native one."""
        return self.name if self.size == self.native else f"{self.name}@{self.size}px"

    def to(self, device: torch.device | str) -> "Extractor":
        """The same, on `device`."""
        if isinstance(self.network, nn.Module):
            self.network.to(device)
        return self

    @default_torch_state()  # without TF32: ten bits of each factor are enough to train with, not to compare means of sets
    @torch.no_grad()
    def __call__(self, images: Tensor) -> ExtractorOutput:
        """What there is to read in images (N, C, H, W) in [-1, 1] on the network's device; float32."""
        read = self.network(self.preprocess(images))
        return ExtractorOutput(read.features.float(), read.logits.float())

    def preprocess(self, images: Tensor) -> Tensor:
        """`images` with the channels and the size that the network wants."""
        if images.shape[1] < self.channels:
            images = images.expand(-1, self.channels, -1, -1)
        if self.size is None or images.shape[2:] == (self.size, self.size):
            return images
        if self.border and images.shape[2:] == (self.size - 2 * self.border,) * 2:
            return F.pad(images, (self.border,) * 4, value=-1.0)
        return F.interpolate(images, (self.size, self.size), mode="bilinear", antialias=True)

    def check_shape(self, shape: tuple[int, int, int]) -> None:
        """Raise `InputError` where it cannot see images of `shape` (C, H, W)."""
        if is_point_shape(shape):
            raise InputError(f"the extractor {self.name!r} sees pictures, these are points; leave --extractor out")
        if shape[0] > self.channels:
            raise InputError(f"the extractor {self.name!r} sees grey pictures, these are in colour; use cifar or lite0")


OpenExtractorFn = Callable[..., Extractor]

EXTRACTORS: Registry[OpenExtractorFn] = Registry("extractor")
"""Name -> function that opens it; one that takes a file has a parameter for it."""


@default_torch_state()
def find_extractor(spec: str) -> Extractor:
    """The extractor that `spec` (NAME, or NAME:FILE where it takes one) names; raises `InputError`."""
    name, colon, path = spec.partition(":")
    opener = EXTRACTORS[name]
    if not colon:
        return opener()
    if not path or not signature(opener).parameters:
        raise InputError(f"--extractor {spec}: {name!r} takes no file behind a colon")
    return opener(path)


def default_extractor(dataset: Dataset) -> str:
    """`digits` for grey MNIST and its part, `cifar` for other colour pictures of 32 pixels, `lite0` for all else."""
    channels, height, width = dataset.shape
    if channels == 1 and dataset.name in ("digits", "mnist"):
        return "digits"
    return "cifar" if (channels, height, width) == (3, 32, 32) else "lite0"
