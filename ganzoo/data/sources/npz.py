"""Images, labels and class names in a NumPy archive (.npz)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeVar
from zipfile import ZipFile

import numpy as np

from ganzoo.data.arrays import read_after, read_array, read_exactly, read_header
from ganzoo.data.dataset import check_labels, check_names
from ganzoo.data.source import Source, Split, check_class_name, files_fingerprint
from ganzoo.data.transform import MAX_PIXELS, Pictures
from ganzoo.errors import InputError, first_line

T = TypeVar("T")

MAX_TABLE = 2**27
"""Maximum bytes of labels or class names: 16 million labels of 8 bytes."""
MAX_WHOLE = 2**32
"""Maximum bytes of images in Fortran order, in which an image cannot be read without the others."""


class Npz(Source):
    """Arrays `images` uint8 (N, H, W) or (N, H, W, C) and, optionally, `labels` (N,) and `class_names`."""

    name = "npz"
    usage = "npz:PATH"
    size = channels = 0  # set from the file
    splits = ("train",)

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.path = Path(argument).expanduser()
        if not self.path.is_file():
            raise InputError(f"file {self.path} does not exist")
        header = self._read("images", read_header)
        if header is None:
            raise InputError(f"{self.path} has no array 'images'")
        shape, dtype = header.shape, header.dtype
        if dtype != np.uint8 or len(shape) not in (3, 4) or 0 in shape or (*shape, 1)[3] not in (1, 3):
            wanted = "uint8 (N, H, W) or (N, H, W, C) with C = 1 or 3"
            raise InputError(f"the images in {self.path} are {dtype} {shape}, not {wanted}")
        if shape[1] * shape[2] > MAX_PIXELS:
            size = f"{shape[1]} x {shape[2]} pixels"
            raise InputError(f"the images in {self.path} have {size}, more than the limit of {MAX_PIXELS:,}")
        self.count, self.size = shape[0], shape[1] if shape[1] == shape[2] else Source.size
        self.channels = (*shape, 1)[3]

    @property
    def title(self) -> str:
        """The file's name without its suffix."""
        return self.path.stem

    def fingerprint(self, split: Split) -> str:
        """Digest of the file's path, size and modification time."""
        return files_fingerprint([self.path])

    def pictures(self, split: Split) -> Pictures:
        """The images, read one at a time; raises `InputError` for labels that do not fit."""
        labels = self._read("labels", read_table)
        if labels is None:
            return Pictures(self.count, ((image, -1) for image in self._images()), [])
        try:
            names = check_names(self._read("class_names", read_table))
            for name in names:
                check_class_name(name)
            labels, names = check_labels(labels, self.count, names)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None
        return Pictures(self.count, zip(self._images(), labels.tolist(), strict=True), names)

    def _images(self) -> Iterator[np.ndarray]:
        """Images (H, W) or (H, W, 3) uint8, one at a time, because the decompressed file may exceed the memory."""
        with self._reading("images"), ZipFile(self.path) as archive, archive.open("images.npy") as file:
            header = read_header(file)
            shape = header.shape[1:3] if self.channels == 1 else header.shape[1:]
            if header.fortran_order:
                yield from read_after(header, file, MAX_WHOLE).reshape(self.count, *shape)
                return
            size = header.size // self.count
            for _ in range(self.count):
                yield np.frombuffer(read_exactly(file, size), np.uint8).reshape(shape)

    def _read(self, name: str, read: Callable[[IO[bytes]], T]) -> T | None:
        """The result of `read` for the array `name`; None if the archive lacks it."""
        with self._reading(name), ZipFile(self.path) as archive:
            if f"{name}.npy" not in archive.namelist():
                return None
            with archive.open(f"{name}.npy") as file:
                return read(file)

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:  # zlib, zipfile and NumPy raise different errors
            words = f"cannot read {name} from {self.path} as a NumPy archive (.npz)"
            raise InputError(f"{words}: {first_line(error)}") from None


def read_table(file: IO[bytes]) -> np.ndarray:
    """Read labels or class names; raises `ValueError` above `MAX_TABLE` bytes."""
    return read_array(file, MAX_TABLE)
