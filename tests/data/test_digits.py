from __future__ import annotations

import lzma
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

import ganzoo.data
from ganzoo.data import load
from ganzoo.data.sources.digits import Digits, embedded
from tools import embed_digits

HERE = Path(ganzoo.data.__file__).parent


@pytest.mark.parametrize(
    ("split", "digest", "per_class"),
    [
        (
            "train",
            "ad1f5975111779d18e94f729785832ee935f39802bce9ab40ba00eb83af3652f",
            [941, 1132, 1032, 1022, 958, 925, 997, 1026, 978, 989],
        ),
        (
            "test",
            "b8a539bdaee49b197bc132d1e143bf15f1e47287d70924582a218214a2bd9651",
            [189, 222, 212, 242, 196, 186, 158, 215, 193, 187],
        ),
    ],
)
def test_the_digits_are_what_they_were(split, digest, per_class):
    digits = load("digits", split=split)
    assert digits.digest == digest
    assert np.bincount(digits.labels).tolist() == per_class
    assert (len(digits), digits.shape, digits.class_names) == (sum(per_class), (1, 32, 32), list("0123456789"))
    assert (digits.name, digits.split, digits.licence) == ("digits", split, Digits.licence)


def test_counts_and_bytes():
    assert [Digits("").pictures(split).count for split in ("train", "test")] == [10_000, 2_000]
    assert sum(file.stat().st_size for file in HERE.glob("digits*")) < 2_000_000


def test_the_licence_goes_with_them():
    notice = (HERE / "digits-LICENSE.txt").read_text()
    for word in ("Yann LeCun", "Corinna Cortes", "Attribution-Share Alike 3.0", "by-sa/3.0", "What was changed"):
        assert word in notice
    assert "CC BY-SA 3.0" in Digits.licence


def test_they_are_padded_and_not_interpolated():
    digits = load("digits", split="test")
    stored = np.stack([picture for picture, _ in Digits("").pictures("test").each])
    assert np.array_equal(digits.images[:, 0, 2:30, 2:30], stored)
    assert digits.images.sum(dtype=int) == stored.sum(dtype=int)


@pytest.fixture
def mnist(tmp_path: Path) -> Path:
    """MNIST's files with pictures of noise: 30 and 20."""
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for prefix, count in (("train", 30), ("t10k", 20)):
        pictures = np.random.default_rng(count).integers(0, 256, count * 784, np.uint8)
        (raw / f"{prefix}-images-idx3-ubyte").write_bytes(bytes(16) + pictures.tobytes())
        (raw / f"{prefix}-labels-idx1-ubyte").write_bytes(bytes(8) + bytes(i % 10 for i in range(count)))
    return tmp_path


def test_the_script_takes_every_sixth_and_every_fifth(mnist, tmp_path, monkeypatch):
    made = {split: tmp_path / split for split in ("train", "test")}
    monkeypatch.setattr(embed_digits, "embedded", made.get)
    for split, prefix, step, labels in (("train", "train", 6, [0, 6, 2, 8, 4]), ("test", "t10k", 5, [0, 5, 0, 5])):
        embed_digits.embed(mnist, split)
        content = lzma.decompress(made[split].read_bytes())
        every = (mnist / "MNIST/raw" / f"{prefix}-images-idx3-ubyte").read_bytes()[16:]
        pictures = b"".join(every[784 * i : 784 * (i + 1)] for i in range(0, len(every) // 784, step))
        assert content == bytes(labels) + pictures


def test_the_script_says_what_it_lacks(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["embed_digits", str(tmp_path)])
    monkeypatch.delitem(sys.modules, embed_digits.__name__)
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        runpy.run_module(embed_digits.__name__, run_name="__main__")


def test_they_are_known_by_content_and_not_by_date(tmp_path, monkeypatch):
    copy = tmp_path / "copy.xz"
    copy.write_bytes(embedded("test").read_bytes())
    before = Digits("").fingerprint("test")
    monkeypatch.setattr("ganzoo.data.sources.digits.embedded", lambda split: copy)
    assert Digits("").fingerprint("test") == before
