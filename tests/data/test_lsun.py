from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from ganzoo.data import load
from ganzoo.errors import InputError


def webp(red: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (80, 64), (red, 0, 0)).save(file, "WEBP", lossless=True)
    return file.getvalue()


class Database:
    """What is used of `lmdb.Environment` and its transaction: the values in the order of keys."""

    def __init__(self, path: str, readonly: bool, lock: bool) -> None:
        assert readonly and not lock
        self.values = [webp(10), webp(20), b"broken"] if "train" in Path(path).name else [webp(30)]

    def __enter__(self) -> Database:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def stat(self) -> dict[str, int]:
        return {"entries": len(self.values)}

    def begin(self) -> Database:
        return self

    cursor = begin

    def iternext(self, keys: bool):
        assert not keys
        return iter(self.values)


@pytest.fixture
def lmdb(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = ModuleType("lmdb")
    stub.open = Database
    monkeypatch.setitem(sys.modules, "lmdb", stub)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    for folder in ("bedroom_train_lmdb", "bedroom_val_lmdb", "tower_train_lmdb"):
        (home / "data" / folder).mkdir(parents=True)
        (home / "data" / folder / "data.mdb").write_text(folder)


def test_bedrooms_unless_another_category_is_named(lmdb):
    train, test = load("lsun", on_corrupt="skip"), load("lsun:bedroom", split="test")
    assert train.images[:, 0, 0, 0].tolist() == [10, 20]
    assert test.images[:, 0, 0, 0].tolist() == [30]
    assert (train.shape, train.labels, train.name) == ((3, 64, 64), None, "lsun-bedroom")
    assert load("lsun:tower", on_corrupt="skip").name == "lsun-tower"


def test_broken_pictures_have_a_number(lmdb):
    with pytest.raises(InputError, match="cannot read picture 2"):
        load("lsun")


def test_no_key_cache_is_written_where_one_stands(lmdb, tmp_path, monkeypatch):
    """As torchvision's class would, as a pickle."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    load("lsun", on_corrupt="skip")
    assert list((tmp_path / "here").iterdir()) == []


def test_what_is_missing_is_said(home):
    with pytest.raises(InputError) as error:
        load("lsun:tower", split="test")
    assert "unzip http://dl.yf.io/lsun/scenes/tower_val_lmdb.zip" in str(error.value)
    assert str(home / "data" / "tower_val_lmdb" / "data.mdb") in str(error.value)
    with pytest.raises(InputError, match="did you mean 'bedroom'"):
        load("lsun:bedrom")
