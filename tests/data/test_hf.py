from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from ganzoo.data import load
from ganzoo.errors import InputError


def png(red: int) -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 64), (red, 0, 0)).save(file, "PNG")
    return file.getvalue()


class Feature:
    def __init__(self, decode: bool = True) -> None:
        self.decode = decode


class Label:
    names = ("cat", "dog")


class Rows(list):
    """What is used of `datasets.Dataset`."""

    _fingerprint = "1"

    def __init__(self, features: dict[str, object], rows: list[dict], cache: Path) -> None:
        super().__init__(rows)
        self.features, self.cache_files = features, [{"filename": str(cache)}]

    def __iter__(self) -> Iterator[dict]:
        assert not any(isinstance(feature, Feature) and feature.decode for feature in self.features.values())
        return super().__iter__()

    def cast_column(self, name: str, feature: Feature) -> Rows:
        assert not feature.decode
        return Rows(self.features | {name: feature}, self[:], Path(self.cache_files[0]["filename"]))


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Rows]:
    """Name/split -> rows of a stub of `datasets`."""
    sets: dict[str, Rows] = {}

    def load_dataset(name: str, split: str) -> Rows:
        if f"{name}/{split}" not in sets:
            raise FileNotFoundError("reading\nno such set on the hub")
        return sets[f"{name}/{split}"]

    stub = ModuleType("datasets")
    stub.Image, stub.ClassLabel, stub.load_dataset = Feature, Label, load_dataset
    monkeypatch.setitem(sys.modules, "datasets", stub)

    (tmp_path / "cache.arrow").touch()
    (tmp_path / "file.png").write_bytes(png(20))
    features = {"id": object(), "picture": Feature(), "kind": Label()}
    rows = [
        {"id": 1, "picture": {"bytes": png(10), "path": None}, "kind": 1},
        {"id": 2, "picture": {"bytes": None, "path": str(tmp_path / "file.png")}, "kind": 0},
        {"id": 3, "picture": {"bytes": png(30), "path": "x.png"}, "kind": None},
    ]
    sets["me/pets/train"] = Rows(features, rows, tmp_path / "cache.arrow")
    unlabelled = [{"picture": row["picture"]} for row in rows]
    sets["me/pictures/train"] = Rows({"picture": Feature()}, unlabelled, tmp_path / "cache.arrow")
    sets["me/words/train"] = Rows({"text": object()}, [{"text": "a"}], tmp_path / "cache.arrow")
    return sets


def test_the_first_columns_of_images_and_labels(hub):
    dataset = load("hf:me/pets")
    assert dataset.images[:, 0, 0, 0].tolist() == [10, 20, 30]
    assert (dataset.labels.tolist(), dataset.class_names) == ([1, 0, -1], ["cat", "dog"])
    assert (dataset.name, dataset.shape) == ("pets", (3, 64, 64))


def test_without_labels(hub):
    dataset = load("hf:me/pictures", size=8)
    assert (len(dataset), dataset.labels, dataset.class_names) == (3, None, [])


def test_another_version_is_another_entry(hub, home, tmp_path):
    load("hf:me/pictures")
    load("hf:me/pictures")
    assert len(list((home / "cache").iterdir())) == 1
    (tmp_path / "cache.arrow").write_text("longer")
    load("hf:me/pictures")
    assert len(list((home / "cache").iterdir())) == 2


def test_sets_in_memory_are_not_confused(hub, home):
    for rows in hub.values():
        rows.cache_files = []
    rows = hub["me/pictures/train"]
    rows.cast_column = lambda name, feature: Rows({name: feature}, rows[:1], Path("none"))
    assert len(load("hf:me/pictures")) == 1
    hub["me/others/train"] = hub["me/pictures/train"]
    load("hf:me/others")
    hub["me/pictures/train"]._fingerprint = "2"
    load("hf:me/pictures")
    assert len(list((home / "cache").iterdir())) == 3


@pytest.mark.parametrize("nothing", [None, {"bytes": None, "path": None}])
def test_a_row_without_a_picture_is_named_and_may_be_skipped(hub, nothing):
    hub["me/pictures/train"][1]["picture"] = nothing
    with pytest.raises(InputError, match=r"^cannot read picture 1 \("):
        load("hf:me/pictures")
    assert load("hf:me/pictures", on_corrupt="skip").images[:, 0, 0, 0].tolist() == [10, 30]


def test_what_cannot_be_had_is_said_in_one_line(hub):
    with pytest.raises(InputError) as error:
        load("hf:me/none")
    assert str(error.value) == "cannot get hf:me/none, split train (no such set on the hub)"
    with pytest.raises(InputError, match="split test"):
        load("hf:me/pets", split="test")
    with pytest.raises(InputError, match="no column of images, only text"):
        load("hf:me/words")


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'ganzoo-torch\[hf\]'"):
        load("hf:me/pets")
