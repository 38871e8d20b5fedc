from __future__ import annotations

import hashlib
import os
import socket
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import datasets

from ganzoo.data import SOURCES, load
from ganzoo.errors import InputError

COUNTS = {"train": 7, "t10k": 4}


@pytest.fixture
def root(home: Path) -> Path:
    (home / "data").mkdir(parents=True)
    return home / "data"


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No network, whatever the machine."""

    def refused(*_: object, **__: object) -> None:
        raise OSError("no way out")

    monkeypatch.setattr("urllib.request.urlopen", refused)


def digits(prefix: str) -> np.ndarray:
    return np.random.default_rng(COUNTS[prefix]).integers(0, 256, (COUNTS[prefix], 28, 28), np.uint8)


def write_idx(raw: Path) -> None:
    """Files in MNIST's format: magic number and sizes, big-endian, then the bytes."""
    raw.mkdir(parents=True)
    for prefix, count in COUNTS.items():
        sizes = b"".join(size.to_bytes(4, "big") for size in (0x803, count, 28, 28))
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(sizes + digits(prefix).tobytes())
        sizes = b"".join(size.to_bytes(4, "big") for size in (0x801, count))
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(sizes + bytes(9 - i for i in range(count)))


@pytest.mark.parametrize(("spec", "folder"), [("mnist", "MNIST"), ("fashion-mnist", "FashionMNIST")])
def test_mnist_and_fashion_mnist_from_their_files(root, spec, folder, nowhere):
    write_idx(root / folder / "raw")
    for split, prefix in (("train", "train"), ("test", "t10k")):
        dataset = load(spec, split=split)
        assert np.array_equal(dataset.images[:, 0, 2:30, 2:30], digits(prefix))
        assert dataset.images.sum(dtype=int) == digits(prefix).sum(dtype=int)
        assert dataset.labels.tolist() == [9 - i for i in range(COUNTS[prefix])]
        assert (dataset.name, dataset.split) == (spec, split)
    assert dataset.class_names[9] == {"mnist": "9", "fashion-mnist": "Ankle boot"}[spec]


def test_class_names_are_torchvisions():
    assert SOURCES["fashion-mnist"].class_names == datasets.FashionMNIST.classes
    assert [name[0] for name in datasets.MNIST.classes] == SOURCES["mnist"].class_names


def test_a_replaced_file_is_another_entry(root, nowhere):
    write_idx(root / "MNIST" / "raw")
    first = load("mnist")
    labels = root / "MNIST" / "raw" / "train-labels-idx1-ubyte"
    labels.write_bytes(labels.read_bytes()[:8] + bytes(7))
    os.utime(labels, ns=(0, 0))
    assert load("mnist").labels.tolist() == [0] * 7
    assert first.labels.tolist() != [0] * 7


@pytest.mark.parametrize(
    ("spec", "files"),
    [
        ("mnist", ["MNIST/raw/train-images-idx3-ubyte", "MNIST/raw/t10k-labels-idx1-ubyte"]),
        ("fashion-mnist", ["FashionMNIST/raw/train-images-idx3-ubyte"]),
        ("cifar10", ["cifar-10-python.tar.gz"]),
        ("svhn", ["train_32x32.mat"]),
        ("stl10", ["stl10_binary.tar.gz"]),
        ("celeba", ["celeba/img_align_celeba/ (unzipped)", "celeba/list_*.txt"]),
    ],
)
def test_without_a_network_one_line_says_what_to_put_where(root, spec, files, nowhere, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    with pytest.raises(InputError) as error:
        load(spec)
    line = str(error.value)
    assert f"cannot get {spec} (" in line
    assert line.endswith(f"into {root}")
    assert all(file in line for file in files)
    assert "\n" not in line


def test_a_download_waits_seconds_and_leaves_the_timeout_as_it_was(root, monkeypatch):
    waits = []

    def refused(*_: object, **__: object) -> None:
        waits.append(socket.getdefaulttimeout())
        raise OSError("no way out")

    monkeypatch.setattr("urllib.request.urlopen", refused)
    with pytest.raises(InputError):
        load("mnist")
    assert waits and all(wait <= 10 for wait in waits)
    assert socket.getdefaulttimeout() is None


@pytest.mark.parametrize(("spec", "package"), [("svhn", "scipy"), ("celeba", "gdown"), ("lsun", "lmdb")])
def test_a_missing_package_is_named_with_its_extra(root, spec, package, monkeypatch):
    (root / "bedroom_train_lmdb").mkdir()
    (root / "bedroom_train_lmdb" / "data.mdb").touch()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"needs the package '{package}': pip install 'ganzoo-torch\[formats\]'"):
        load(spec)


def test_pickles_of_an_old_torchvision_are_not_opened(root, nowhere):
    (root / "MNIST" / "processed").mkdir(parents=True)
    for name in ("training.pt", "test.pt"):
        (root / "MNIST" / "processed" / name).write_bytes(b"a pickle")
    with pytest.raises(InputError, match="holds pickles"):
        load("mnist")


def test_svhn_from_its_file(root, monkeypatch):
    """The parsing is torchvision's and needs scipy; here the class is a stub with torchvision's arguments."""

    class SVHN(list):
        def __init__(self, root: Path, split: str, download: bool) -> None:
            assert (root.name, download) == ("data", True)
            super().__init__(
                [(Image.new("RGB", (32, 32), (i, 0, 0)), i) for i in range({"train": 5, "test": 3}[split])]
            )

    monkeypatch.setattr(datasets, "SVHN", SVHN)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    (root / "train_32x32.mat").touch()
    (root / "test_32x32.mat").touch()
    for split, count in (("train", 5), ("test", 3)):
        dataset = load("svhn", split=split)
        assert dataset.images[:, 0, 0, 0].tolist() == dataset.labels.tolist() == list(range(count))
        assert dataset.shape == (3, 32, 32)


def md5(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()


def test_stl10_from_its_files(root, monkeypatch, nowhere):
    folder = root / "stl10_binary"
    folder.mkdir()
    for split in ("train", "test", "unlabeled"):
        pixels = np.zeros((3, 3, 96, 96), np.uint8) + np.arange(3, dtype=np.uint8)[:, None, None, None]
        pixels.tofile(folder / f"{split}_X.bin")
        np.array([10, 1, 2], np.uint8).tofile(folder / f"{split}_y.bin")
    for table in ("train_list", "test_list"):
        names = [name for name, _ in getattr(datasets.STL10, table)]
        monkeypatch.setattr(datasets.STL10, table, [[name, md5(folder / name)] for name in names])
    dataset = load("stl10", split="test")
    assert dataset.shape == (3, 64, 64)
    assert dataset.labels.tolist() == [9, 0, 1]
    assert dataset.images[:, 1, 5, 5].tolist() == [0, 1, 2]
    assert dataset.class_names[9] == "truck"


@pytest.fixture
def celeba(root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    for i in range(5):
        Image.new("RGB", (178, 218), (50 * i, 0, 0)).save(folder / "img_align_celeba" / f"{i}.png")
    lines = {"list_eval_partition.txt": (0, 0, 0, 2, 2), "identity_CelebA.txt": (1, 2, 3, 4, 5)}
    for name, values in lines.items():
        (folder / name).write_text("".join(f"{i}.png {value}\n" for i, value in enumerate(values)))
    for name in ("list_attr_celeba.txt", "list_bbox_celeba.txt", "list_landmarks_align_celeba.txt"):
        (folder / name).write_text("5\na b\n" + "".join(f"{i}.png 1 -1\n" for i in range(5)))
    files = [(None, md5(folder / name), name) for _, _, name in datasets.CelebA.file_list if name.endswith("txt")]
    monkeypatch.setattr(datasets.CelebA, "file_list", files)
    return folder


def test_celeba_from_its_files(celeba, nowhere):
    train, test = load("celeba"), load("celeba", split="test")
    assert train.images[:, 0, 9, 9].tolist() == [0, 50, 100]
    assert test.images[:, 0, 9, 9].tolist() == [150, 200]
    assert (train.labels, train.shape) == (None, (3, 64, 64))


def test_a_broken_face_has_a_name(celeba, nowhere):
    (celeba / "img_align_celeba" / "1.png").write_bytes(b"broken")
    with pytest.raises(InputError, match=r"img_align_celeba.1\.png"):
        load("celeba")
    assert len(load("celeba", on_corrupt="skip")) == 2
