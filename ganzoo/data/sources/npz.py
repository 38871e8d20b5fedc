"""Arrays in a NumPy archive."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from ganzoo.data.dataset import checked_labels, checked_names
from ganzoo.data.source import Pictures, Source, Split, refuse_name, stamp
from ganzoo.errors import InputError


class Npz(Source):
    """`npz:PATH` with `images` uint8 (N, H, W) or (N, H, W, C) and, if there, `labels` (N,) and `class_names`."""

    name = "npz"
    usage = "npz:PATH"
    splits = ("train",)

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        self.path = Path(argument).expanduser()
        if not self.path.is_file():
            raise InputError(f"there is no file {self.path}")
        shape, dtype = self._header()
        if dtype != np.uint8 or len(shape) not in (3, 4) or 0 in shape or (*shape, 1)[3] not in (1, 3):
            wanted = "uint8 (N, H, W) or (N, H, W, C) with C = 1 or 3"
            raise InputError(f"the images in {self.path} are {dtype} {shape}, not {wanted}")
        self.size = shape[1] if shape[1] == shape[2] else Source.size
        self.channels = (*shape, 1)[3]

    @property
    def title(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    def fingerprint(self, split: Split) -> str:
        """The file's path, size and time."""
        return stamp([self.path])

    def pictures(self, split: Split) -> Pictures:
        """Every image; raises `InputError` for labels that do not fit."""
        arrays = self._arrays()
        images = arrays["images"]
        if images.shape[3:] == (1,):
            images = images[..., 0]
        if "labels" not in arrays:
            return Pictures(len(images), ((image, -1) for image in images), [])
        try:
            names = checked_names(arrays.get("class_names"))
            for name in names:
                refuse_name(name)
            labels, names = checked_labels(arrays["labels"], len(images), names)
        except InputError as error:
            raise InputError(f"{self.path}: {error}") from None
        return Pictures(len(images), zip(images, labels.tolist(), strict=True), names)

    def _header(self) -> tuple[tuple[int, ...], np.dtype]:
        # The header alone, so that the arrays are not read again at each start.
        try:
            with ZipFile(self.path) as archive, archive.open("images.npy") as file:
                old = np.lib.format.read_magic(file) == (1, 0)  # later ones have a longer header of the same form
                header = np.lib.format.read_array_header_1_0 if old else np.lib.format.read_array_header_2_0
                shape, _, dtype = header(file)
        except KeyError:
            raise InputError(f"{self.path} has no array 'images'") from None
        except Exception as error:
            raise InputError(f"{self.path} is not a NumPy archive (.npz): {error}") from None
        return shape, dtype

    def _arrays(self) -> dict[str, Any]:
        try:
            with np.load(self.path, allow_pickle=False) as archive:
                return {key: archive[key] for key in ("images", "labels", "class_names") if key in archive}
        except Exception as error:
            raise InputError(f"cannot read {self.path}: {error}") from None
