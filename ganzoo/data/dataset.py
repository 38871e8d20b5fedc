"""`Dataset`: indexable pixels and labels with a digest of their content; selection of classes, subsets and labels."""

import json
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from ganzoo.batch import Batch, is_point_shape
from ganzoo.data.decode import DecodingFacts
from ganzoo.errors import InputError, first_line, unknown_name

MEMORY = "memory"
"""Name, instead of a spec, of data that were passed from Python; no file holds them."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """N images or points of one shape; samples are read by indexing, so the time does not grow with N.

    The dtype of `pixels` decides the conversion: uint8 images are scaled to [-1, 1]; float32 is used unchanged (points
    in their own units as (N, 2, 1, 1), or images already in [-1, 1]).
    """

    pixels: np.ndarray = field(repr=False)
    """(M, C, H, W) uint8 or float32, usually a read-only memory map; the set consists of its `rows`."""
    rows: np.ndarray = field(repr=False)
    """(N,) int64: sample i is `pixels[rows[i]]`."""
    labels: np.ndarray | None = field(repr=False)
    """(N,) int64 in 0..classes-1, or -1 = unlabeled."""
    class_names: list[str]
    """Empty without labels."""
    digest: str
    """SHA-256 of the samples, their shape, order, labels and class names."""
    name: str = MEMORY
    """Short, usable in a file name."""
    split: str = "train"
    licence: str = ""
    """Authors and license of the data, if known."""
    facts: DecodingFacts | None = field(default=None, repr=False)
    """Facts of the decoded files; None for points, data from Python, and an entry of the cache without them."""

    @classmethod
    def from_tensor(
        cls,
        images: Tensor | ArrayLike,
        labels: Tensor | ArrayLike | None = None,
        class_names: ArrayLike | None = None,
        *,
        name: str = MEMORY,
    ) -> "Dataset":
        """A data set in memory: `images` (N, C, H, W) uint8, or float in [-1, 1] (points (N, 2, 1, 1) in any unit).

        `class_names` default to the label numbers. Warns about images that may be in [0, 1]. Raises `InputError` for
        another shape, type or range.
        """
        pixels = _check_pixels(_array(images))
        table, names = None, check_names(class_names)
        if labels is not None:
            table, names = check_labels(_array(labels), len(pixels), names)
        elif names:
            raise InputError("class_names need labels; give both or neither")
        digest = dataset_digest(sha256(np.ascontiguousarray(pixels).data), pixels.shape[1:], table, names)
        return cls(pixels, np.arange(len(pixels), dtype=np.int64), table, names, digest, name)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        channels, height, width = self.pixels.shape[1:]
        return channels, height, width

    @property
    def is_points(self) -> bool:
        """True if the samples are points in the plane, (2, 1, 1)."""
        return is_point_shape(self.shape)

    @property
    def classes(self) -> int:
        """The number of classes; 0 without labels."""
        return len(self.class_names)

    @property
    def empty_classes(self) -> list[str]:
        """The names of the classes without samples."""
        there = set() if self.labels is None else set(np.unique(self.labels).tolist())
        return [name for index, name in enumerate(self.class_names) if index not in there]

    @property
    def images(self) -> np.ndarray:
        """Pixels (N, C, H, W) as stored: the memory map itself, or a copy in memory for a subset."""
        whole = np.array_equal(self.rows, np.arange(len(self.pixels)))
        return self.pixels if whole else self.pixels[self.rows]

    def samples(self, index: ArrayLike, device: torch.device | str = "cpu", with_labels: bool = True) -> Batch:
        """The samples of `index` (n,) on `device`; uint8 pixels are copied there and then converted to float32."""
        index = np.asarray(index)
        images = as_images(to_device(torch.from_numpy(self.pixels[self.rows[index]]), device))
        given = self.labels if with_labels else None
        labels = None if given is None else to_device(torch.from_numpy(given[index]), device)
        return Batch(images, labels)

    def of_classes(self, wanted: Sequence[str | int]) -> "Dataset":
        """The samples of the classes `wanted` (see `class_index`), numbered 0.. in that order; raises `InputError`."""
        if self.labels is None:
            raise InputError(f"{self.name} has no labels, so no class can be chosen")
        chosen = [class_index(each, self.class_names) for each in wanted]
        if len(set(chosen)) < len(chosen):
            raise InputError(f"a class is named twice in {list(wanted)}")
        kept = np.flatnonzero(np.isin(self.labels, chosen))
        renumbered = np.full(self.classes, -1, np.int64)
        renumbered[chosen] = np.arange(len(chosen))
        return self._subset(kept, renumbered[self.labels[kept]], [self.class_names[i] for i in chosen])

    def subset(self, count: int) -> "Dataset":
        """At most `count` samples, evenly spaced over the set; raises `InputError` if `count` < 1."""
        if count < 1:
            raise InputError(f"the limit on the number of images must be at least 1, not {count}")
        if count >= len(self):
            return self
        kept = np.arange(count, dtype=np.int64) * len(self) // count
        return self.take(kept)

    def take(self, index: np.ndarray) -> "Dataset":
        """The samples of `index` (n,) int64, in this order; raises `InputError` if it is empty."""
        return self._subset(index, None if self.labels is None else self.labels[index], self.class_names)

    def split_in_half(self) -> "tuple[Dataset, Dataset]":
        """The samples with even index, and those with odd index; raises `InputError` for a set of one sample."""
        if len(self) < 2:
            raise InputError(f"{self.name} has one image; a score needs two, because its floor compares real images")
        one, two = (self.take(np.arange(start, len(self), 2, dtype=np.int64)) for start in (0, 1))
        return one, two

    def partly_labelled(self, count: int) -> "Dataset":
        """All samples, of which `count` keep their label; the others become -1. The choice is deterministic.

        Each class keeps `count` / classes labels, evenly spaced over its samples; the remainder goes to the first classes,
        one each. Raises `InputError` without labels, or if a class has too few samples.
        """
        if self.labels is None:
            raise InputError(f"{self.name} has no labels, so {count} cannot be kept; leave data.labelled out")
        if count < 1:
            raise InputError(f"the number of labeled images must be at least 1, not {count}")
        labels = np.full(len(self), -1, np.int64)
        for index, name in enumerate(self.class_names):
            members, kept = np.flatnonzero(self.labels == index), (count + self.classes - 1 - index) // self.classes
            if kept > len(members):
                raise InputError(
                    f"{count} labeled images need {kept} of class {name!r}, but {self.name} has {len(members)}; "
                    "lower data.labelled"
                )
            labels[members[np.arange(kept) * len(members) // max(kept, 1)]] = index
        return self._subset(np.arange(len(self), dtype=np.int64), labels, self.class_names)

    def with_labelled_share(self, share: float) -> "Dataset":
        """The set with its labeled samples repeated equally often until they are at least `share` of it.

        An epoch then has every unlabeled sample once. Raises `InputError` for a share outside (0, 1) or without labels.
        """
        if not 0 < share < 1:
            raise InputError(f"the share of the labeled images must be above 0 and below 1, not {share}")
        others, labelled = self.unlabelled, len(self) - self.unlabelled
        if self.labels is None or not labelled:
            raise InputError(f"{self.name} has no labeled image to repeat; leave data.labelled_share out")
        times = ceil(share * others / ((1 - share) * labelled))
        kept = np.repeat(np.arange(len(self), dtype=np.int64), np.where(self.labels < 0, 1, max(times, 1)))
        return self._subset(kept, self.labels[kept], self.class_names)

    @property
    def unlabelled(self) -> int:
        """The number of samples without a class."""
        return len(self) if self.labels is None else int((self.labels < 0).sum())

    @property
    def class_counts(self) -> np.ndarray:
        """Number of samples of each class, (classes,) int64; samples without a class are not counted."""
        labels = np.empty(0, np.int64) if self.labels is None else self.labels
        return np.bincount(labels[labels >= 0], minlength=self.classes)

    def _subset(self, kept: np.ndarray, labels: np.ndarray | None, class_names: list[str]) -> "Dataset":
        if not len(kept):
            raise InputError(f"{self.name} has no image of the classes {class_names}")
        rows = self.rows[kept]
        digest = dataset_digest(sha256(self.digest.encode() + kept.tobytes()), self.shape, labels, class_names)
        return replace(self, rows=rows, labels=labels, class_names=class_names, digest=digest)


def dataset_digest(pixels: Any, shape: Sequence[int], labels: np.ndarray | None, class_names: Sequence[str]) -> str:
    """The digest of a data set; `pixels` is a running SHA-256 of its pixels in order."""
    if labels is not None:
        pixels.update(np.ascontiguousarray(labels, np.int64).data)
    pixels.update(json.dumps([list(shape), list(class_names)]).encode())
    digest: str = pixels.hexdigest()
    return digest


def check_labels(labels: np.ndarray, count: int, class_names: list[str]) -> tuple[np.ndarray, list[str]]:
    """`labels` as (N,) int64, and the names of their classes; raises `InputError` if they do not fit."""
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise InputError(f"labels must be {count} integers, one per image, not {labels.dtype} of shape {labels.shape}")
    if (twice := next((name for name in class_names if class_names.count(name) > 1), None)) is not None:
        raise InputError(f"two classes are called {twice!r}; give each class a different name")
    # Without names, more classes than images can only be a mistake.
    lowest, highest = int(labels.min()), int(labels.max())
    if lowest < -1 or highest >= (len(class_names) or count):
        allowed = f"0..{(len(class_names) or count) - 1}, or -1 for unlabeled"
        raise InputError(f"labels must be in {allowed}, not {lowest if lowest < -1 else highest}")
    return labels.astype(np.int64), class_names or [str(i) for i in range(highest + 1)]


def check_names(names: ArrayLike | None) -> list[str]:
    """Class names as strings; raises `InputError` if `names` is not a list of strings or numbers."""
    table = _array([] if names is None else names)
    if table.ndim != 1 or not all(isinstance(name, str | int) for name in table.tolist()):
        raise InputError(f"class_names must be a list of strings, not {table.dtype} of shape {table.shape}")
    return [str(name) for name in table.tolist()]


def _check_pixels(images: np.ndarray) -> np.ndarray:
    points = is_point_shape(images.shape)
    if images.ndim != 4 or not images.size or images.shape[1] not in ((2,) if points else (1, 3)):
        raise InputError(
            f"images must be (N, C, H, W) with 1 or 3 channels, or points (N, 2, 1, 1), not {images.shape}"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise InputError(f"images must be uint8 or floating point, not {images.dtype}")
    with np.errstate(over="ignore"):
        values = images.astype(np.float32)
    if points and not np.isfinite(values).all():
        raise InputError("points must be finite in float32")
    # Negated, so that NaN does not pass.
    if not (points or np.abs(images).max() <= 1):
        raise InputError("floating-point images must be in [-1, 1]")
    if not points and images.min() >= 0:
        warnings.warn(
            "these images have no value below 0, but must be in [-1, 1]: if they are in [0, 1], as ToTensor "
            "makes them, pass 2 * images - 1",
            stacklevel=3,
        )
    return values


def class_index(wanted: str | int, names: Sequence[str]) -> int:
    """The index of the class `wanted` among `names`; raises `InputError`.

    A number (int or digits) means the class with that name, or else the index of a class from 0, unless the class at that
    index is named by another number: of the folders 1, 2 and 3, the first is class 1, never class 0.
    """
    name = str(wanted)
    if name in names:
        return names.index(name)
    if not is_number(name) or int(name) >= len(names):
        raise unknown_name("class", name, names)
    counted = names[int(name)]
    if is_number(counted) and int(counted) != int(name):
        raise InputError(
            f"no class is called {name!r}, and the class with index {name} (from 0) is called {counted!r}; give a name"
        )
    return int(name)


def is_number(name: str) -> bool:
    """True if a class name is a number that can be an index of classes."""
    return name.isdecimal() and len(name) < 10


def _array(values: Tensor | ArrayLike) -> np.ndarray:
    try:
        if not isinstance(values, Tensor):
            return np.asarray(values)
        # NumPy has no bfloat16.
        return (values.float() if values.is_floating_point() else values).detach().cpu().numpy()
    # Rows of different lengths; tensors that are sparse, quantized or without data.
    except (ValueError, TypeError, RuntimeError) as error:
        raise InputError(f"cannot convert this {type(values).__name__} to an array: {first_line(error)}") from None


def as_images(pixels: Tensor) -> Tensor:
    """Stored pixels as float32: uint8 scaled to [-1, 1], other values unchanged."""
    return pixels.float().div_(127.5).sub_(1) if pixels.dtype == torch.uint8 else pixels


def to_device(tensor: Tensor, device: torch.device | str) -> Tensor:
    """`tensor` on `device`, without waiting for the device."""
    if torch.device(device).type != "cuda":
        return tensor.to(device)
    # Copying from pageable memory would wait for all work queued on the device.
    return tensor.pin_memory().to(device, non_blocking=True)
