from __future__ import annotations

import hashlib
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from ganzoo.data import download, load
from ganzoo.errors import InputError


class Bomb:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return Path.touch, (self.path,)


def test_the_list_of_trusted_files():
    """A new line here is a decision: whoever made the file may run code on the user's machine."""
    assert download.PINNED == {
        "cifar-10-python.tar.gz": "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        "weights-inception-2015-12-05-6726825d.pth": "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
        "dinov2_vitl14_pretrain.pth": "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",
        "efficientnet-lite0-57934424.pth": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    }


def test_only_the_pinned_content_is_read(tmp_path, monkeypatch):
    file = tmp_path / "a.bin"
    file.write_bytes(b"good")
    monkeypatch.setitem(download.PINNED, "a.bin", hashlib.sha256(b"good").hexdigest())
    assert download.read_pinned(file) == b"good"
    file.write_bytes(b"evil")
    with pytest.raises(InputError, match="SHA-256 differs"):
        download.read_pinned(file)
    with pytest.raises(InputError, match="SHA-256 differs"):
        download.read_pinned(file.rename(tmp_path / "unknown.bin"))


def test_weights_are_opened_under_any_name_but_only_the_pinned_ones(tmp_path, monkeypatch):
    file = tmp_path / "mine.pth"
    torch.save({"w": torch.ones(2)}, file)
    monkeypatch.setitem(download.PINNED, "published.pth", hashlib.sha256(file.read_bytes()).hexdigest())
    assert download.load_pinned_tensors(file, "published.pth")["w"].tolist() == [1, 1]
    file.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with pytest.raises(InputError, match="not the published file"):
        download.load_pinned_tensors(file, "published.pth")
    assert not (tmp_path / "exploded").exists()


def write_batches(folder: Path, red: int) -> None:
    """The files of CIFAR-10's archive: two images a batch, of the batch's number plus `red`."""
    folder.mkdir(parents=True)
    for i, (name, _) in enumerate(CIFAR10.train_list + CIFAR10.test_list):
        data = np.full((2, 3072), red + i, np.uint8)
        (folder / name).write_bytes(pickle.dumps({"data": data, "labels": [i, 9]}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": ["?"] * 10}))


@pytest.fixture
def archive(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive like CIFAR-10's, pinned, and torchvision's own checksums set to it."""
    folder = tmp_path / "made" / "cifar-10-batches-py"
    write_batches(folder, red=100)

    def md5(name: str) -> str:
        return hashlib.md5((folder / name).read_bytes(), usedforsecurity=False).hexdigest()

    for table in ("train_list", "test_list"):
        monkeypatch.setattr(CIFAR10, table, [[name, md5(name)] for name, _ in getattr(CIFAR10, table)])
    monkeypatch.setattr(CIFAR10, "meta", CIFAR10.meta | {"md5": md5("batches.meta")})
    (home / "data").mkdir(parents=True)
    path = home / "data" / "cifar-10-python.tar.gz"
    with tarfile.open(path, "w:gz") as tar:
        tar.add(folder, folder.name)
    monkeypatch.setitem(download.PINNED, path.name, hashlib.sha256(path.read_bytes()).hexdigest())
    return path


def test_cifar10_from_the_verified_archive(archive):
    train, test = load("cifar10"), load("cifar10", split="test")
    assert train.images[:, 0, 0, 0].tolist() == [100, 100, 101, 101, 102, 102, 103, 103, 104, 104]
    assert train.labels.tolist() == [0, 9, 1, 9, 2, 9, 3, 9, 4, 9]
    assert (test.images[0, 0, 0, 0], test.shape, len(test)) == (105, (3, 32, 32), 2)
    assert test.class_names[9] == "truck"
    assert [file.name for file in archive.parent.iterdir()] == [archive.name]


def test_another_archive_is_never_opened(archive, tmp_path):
    bomb = tmp_path / "data_batch_1"
    bomb.write_bytes(pickle.dumps(Bomb(tmp_path / "exploded")))
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(bomb, "cifar-10-batches-py/data_batch_1")
    with pytest.raises(InputError, match="not the published file"):
        load("cifar10")
    assert not (tmp_path / "exploded").exists()


def test_an_unpacked_folder_is_never_opened(archive, tmp_path, monkeypatch):
    """Not even one that satisfies torchvision's MD5s, which can be forged."""
    write_batches(archive.parent / "cifar-10-batches-py", red=0)
    assert load("cifar10").images[0, 0, 0, 0] == 100
    archive.unlink()
    monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: (_ for _ in ()).throw(OSError("no way out")))
    with pytest.raises(InputError, match=r"put cifar-10-python\.tar\.gz into"):
        load("cifar10", split="test")
