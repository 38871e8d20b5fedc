"""Features of a set of images, one row per image: extraction from samples and real data, cache of the latter."""

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from glob import escape
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from ganzoo.atomic_io import sha256_hex, write_bytes
from ganzoo.data import Dataset, ganzoo_home
from ganzoo.errors import InputError
from ganzoo.evaluation.checkerboard import energies
from ganzoo.evaluation.extractor import Extractor
from ganzoo.image_io import to_uint8
from ganzoo.tensor_io import TensorSpec, read_tensors
from ganzoo.terminal import track


@dataclass(frozen=True, eq=False)
class Features:
    """Features, logits, spectral energies and labels of N images, on the CPU."""

    features: Tensor
    """(N, F) float32."""
    logits: Tensor
    """(N, K) float32, the extractor's class logits."""
    bands: Tensor
    """(N, 1 + periods) float32: spectral energy, and its part at each stride frequency (`checkerboard`)."""
    labels: Tensor
    """(N,) int64: class of the image, numbered as the extractor's; -1 = no class, or one unknown to the extractor."""
    held: "Features | None" = None
    """Held-out images, next to training images for a metric that reads both."""
    images: Dataset | None = None
    """The images themselves, with labels; those of samples only if a metric reads them."""

    def __len__(self) -> int:
        return len(self.features)

    def first(self, n: int) -> "Features":
        """The first `n` images."""
        return self.rows(slice(n))

    def rows(self, rows: slice) -> "Features":
        """The images of a slice, with all held-out images."""
        kept = np.arange(len(self))[rows]
        images = self.images.take(kept) if self.images is not None and len(kept) else None
        features, logits, bands, labels = (each[rows] for each in (self.features, self.logits, self.bands, self.labels))
        return Features(features, logits, bands, labels, self.held, images)


logger = logging.getLogger(__name__)

DrawFn = Callable[[Sequence[int]], Tensor]
"""Seeds -> images (N, C, H, W) in [-1, 1]; one seed is one image."""

PARTS = ("features", "logits", "bands")
"""Fields of `Features` that are cached."""

VERSION = 1  # of the computation; part of the key of an entry


class FeatureReader:
    """Extracts the features of sets of images with one extractor."""

    def __init__(self, extractor: Extractor, device: str = "cpu", batch: int = 128, quiet: bool = True) -> None:
        self.extractor, self.device, self.batch, self.quiet = extractor.to(device), device, batch, quiet

    def samples(self, draw: DrawFn, n: int, asked: Sequence[str] = (), keep: bool = False) -> Features:
        """Features of the images of seeds 0 to n - 1; `asked`: the class that each was drawn for, or empty.

        The images are first rounded to 256 gray levels, as in a file and as the real images are. `keep`: with the images.
        """
        kept: list[Tensor] = []

        def drawn(seeds: Sequence[int]) -> Tensor:
            images = round_features(draw(seeds))
            kept.extend([to_uint8(images).cpu()] * keep)
            return images

        described = attach_labels(self._read(drawn, n, "samples"), asked, self.extractor)
        return replace(described, images=labeled_images(torch.cat(kept), asked)) if keep else described

    def data(self, dataset: Dataset) -> Features:
        """Features of real images, cached in `GANZOO_HOME/cache/features`."""
        entry = self.entry(dataset)
        tensors = cached_features(entry, len(dataset))
        if tensors is None:
            read = self._read(
                lambda rows: dataset.samples(rows).images, len(dataset), f"{dataset.name}, {dataset.split}"
            )
            tensors = {name: getattr(read, name) for name in PARTS}
            write_cached_features(entry, save(tensors))
        nobody = torch.full((len(dataset),), -1)
        described = Features(tensors["features"], tensors["logits"], tensors["bands"], nobody, images=dataset)
        return attach_labels(described, extractor_labels(dataset), self.extractor)

    def entry(self, dataset: Dataset) -> Path:
        """The path of the cache entry of `dataset`, keyed by its digest and by the extractor's weights and input format.

        The file's own name also contains the SHA-256 of its content, see `write_cached_features`.
        """
        seen = [dataset.digest, self.extractor.tag, self.extractor.sha256, self.extractor.border, VERSION]
        key = sha256(json.dumps(seen).encode()).hexdigest()[:16]
        name = f"{dataset.name[:40]}-{dataset.split}-{self.extractor.name}-{key}.safetensors"
        return ganzoo_home() / "cache" / "features" / name

    def seconds(self, dataset: Dataset, images: int) -> float:
        """The estimated time in seconds for `images` images, measured on a few images of `dataset`."""
        few = dataset.samples(range(min(4, len(dataset)))).images.to(self.device)
        self.extractor(few)
        began = time.perf_counter()
        self.extractor(few)
        return (time.perf_counter() - began) / len(few) * images

    def _read(self, images: DrawFn, n: int, what: str) -> Features:
        parts = [self._batch(images(rows)) for rows in self._shown(n, what)]
        features, logits, bands = (torch.cat(each) for each in zip(*parts, strict=True))
        return Features(features, logits, bands, torch.full((n,), -1))

    def _batch(self, images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        images = images.to(self.device)
        read = self.extractor(images)
        return read.features.cpu(), read.logits.cpu(), energies(images).cpu()

    def _shown(self, n: int, what: str) -> Iterator[range]:
        """The rows of each batch, with a progress bar on a terminal."""
        batches = [range(start, min(start + self.batch, n)) for start in range(0, n, self.batch)]
        return iter(track(batches, f"reading {what}", quiet=self.quiet))


def round_features(images: Tensor) -> Tensor:
    """`images` rounded to the nearest of 256 gray levels, in [-1, 1]."""
    return to_uint8(images).float() / 127.5 - 1


def write_cached_features(entry: Path, content: bytes) -> None:
    """Write `content` as the file of `entry`; its name ends in the SHA-256 of `content`."""
    entry.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(entry.with_stem(f"{entry.stem}-{sha256_hex(content)}"), content)


def cached_files(entry: Path) -> list[Path]:
    """The cached files of `entry`."""
    return list(entry.parent.glob(f"{escape(entry.stem)}-*{entry.suffix}"))


def cached_features(entry: Path, images: int) -> dict[str, Tensor] | None:
    """The tensors in the file of `entry`; None if no file exists or a damaged one was removed."""
    for path in cached_files(entry):
        try:
            return read_tensors(path, path.stem.rpartition("-")[2], {name: feature_spec(images) for name in PARTS})
        except InputError as error:
            logger.warning("%s; the features are extracted again", error)
            path.unlink(missing_ok=True)
    return None


def feature_spec(images: int) -> TensorSpec:
    """Spec of a float32 tensor with one row per image, of any width."""
    return TensorSpec((images, None), (torch.float32,))


def extractor_labels(dataset: Dataset) -> list[str]:
    """The class name of each image, "" for an unlabeled one; an empty list without labels."""
    if dataset.labels is None:
        return []
    return [dataset.class_names[label] if label >= 0 else "" for label in dataset.labels.tolist()]


def attach_labels(described: Features, names: Sequence[str], extractor: Extractor) -> Features:
    """`described` with labels for the classes `names`, numbered as the extractor's."""
    number = {name: i for i, name in enumerate(extractor.class_names)}
    labels = torch.tensor([number.get(name, -1) for name in names]) if names else described.labels
    return replace(described, labels=labels)


def labeled_images(images: Tensor, asked: Sequence[str]) -> Dataset:
    """`images` (N, C, H, W) uint8 with the classes that they were drawn for; without labels if `asked` is empty."""
    names = sorted(set(asked))
    labels = [names.index(name) for name in asked]
    return Dataset.from_tensor(images, labels, names) if names else Dataset.from_tensor(images)
