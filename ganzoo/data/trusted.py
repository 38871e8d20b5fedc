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

from ganzoo.errors import InputError

PINNED = {
    # As Keras pins it: keras/src/datasets/cifar10.py.
    "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
}
"""File name -> SHA-256."""


def read(path: Path) -> bytes:
    """The content of `path`: what was checked is what is used. Raises `InputError` unless it is the pinned one."""
    content = path.read_bytes()
    if sha256(content).hexdigest() != PINNED.get(path.name):
        raise InputError(f"{path} is not the published file (its SHA-256 differs), so it is not opened; delete it")
    return content


@contextmanager
def unpacked(archive: Path) -> Iterator[Path]:
    """A private folder with what the pinned `archive` (.tar.gz) holds, gone afterwards."""
    with TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(read(archive))) as tar:
        tar.extractall(folder, filter="data")
        yield Path(folder)
