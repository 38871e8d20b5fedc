"""File types that only some Pillows decode: read with a plugin, counted as left out without it."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import find_source, load
from ganzoo.data.transform import decoders
from ganzoo.errors import InputError

INSTALL = re.escape("pip install 'ganzoo-torch[formats]'")


@pytest.fixture(autouse=True)
def decoders_are_looked_up_anew():
    decoders.cache_clear()
    yield
    decoders.cache_clear()


@pytest.fixture
def phone(tmp_path: Path) -> Path:
    """Pictures as a phone and a browser store them, in two classes, with two files of other types."""
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    for number, name in enumerate(("one/a.heic", "one/b.HEIF", "one/c.jfif", "two/d.avif", "two/e.png")):
        path = tmp_path / "phone" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {".jfif": "JPEG", ".heic": "HEIF", ".heif": "HEIF"}.get(path.suffix.lower())
        Image.new("RGB", (40, 30), (50 * number, 0, 0)).save(path, kind)
    (tmp_path / "phone/one/note.txt").write_text("x")
    (tmp_path / "phone/list").write_text("x")
    return tmp_path / "phone"


@pytest.fixture
def without_heif(phone, monkeypatch) -> Path:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    return phone


def test_every_type_is_read(phone):
    data = load(f"folder:{phone}", size=8)
    assert data.labels.tolist() == [0, 0, 0, 1, 1] and data.class_names == ["one", "two"]
    assert np.abs(data.images[:, 0, 4, 4].astype(int) - [0, 50, 100, 150, 200]).max() <= 3
    assert find_source(f"folder:{phone}").left_out("train") == {"no image: .txt, list": 2}


def test_without_the_plugin_they_are_left_out_with_a_count_and_the_command(without_heif):
    spec = f"folder:{without_heif}"
    with pytest.warns(
        UserWarning, match=rf"^2 of 5 images in .*phone left out, no plugin for \.heic and \.heif: {INSTALL}$"
    ):
        data = load(spec, size=8)
    assert data.labels.tolist() == [0, 1, 1]
    assert find_source(spec).left_out("train") == {
        "no image: .txt, list": 2,
        "no plugin for .heic and .heif: pip install 'ganzoo-torch[formats]'": 2,
    }


def test_the_plugin_makes_another_entry(without_heif, monkeypatch):
    with pytest.warns(UserWarning, match="left out"):
        assert len(load(f"folder:{without_heif}", size=8)) == 3
    monkeypatch.undo()
    monkeypatch.setenv("GANZOO_HOME", str(without_heif.parent / "home"))
    decoders.cache_clear()
    assert len(load(f"folder:{without_heif}", size=8)) == 5


def test_a_folder_of_nothing_else_is_refused_with_the_command(without_heif):
    for name in ("c.jfif", "note.txt"):
        (without_heif / "one" / name).unlink()
    with pytest.raises(InputError, match=rf"^2 of 2 images in .*one left out, .*{INSTALL}$"):
        load(f"folder:{without_heif / 'one'}")


def test_avif_without_a_decoder_is_left_out(phone, monkeypatch):
    monkeypatch.setattr(Image, "registered_extensions", dict)
    monkeypatch.setitem(sys.modules, "pillow_avif", None)
    with pytest.warns(UserWarning, match=rf"^1 of 5 images in .*, no plugin for \.avif: {INSTALL}$"):
        assert len(load(f"folder:{phone}", size=8)) == 4


def test_a_file_of_another_name_is_not_opened_by_a_plugin_that_is_missing(without_heif):
    shutil.copy(without_heif / "one/a.heic", without_heif / "two/f.png")
    with pytest.warns(UserWarning, match="left out"), pytest.raises(InputError, match=r"cannot read .*f\.png"):
        load(f"folder:{without_heif}")


@pytest.mark.parametrize("name", ["x.gif", "x.webp", "x.png", "x.tiff", "x.avif"])
def test_of_an_animation_the_first_frame_is_taken(name, tmp_path):
    frames = [Image.new("RGB", (16, 16), (0, 0, value)) for value in (200, 100, 0)]
    (tmp_path / "set").mkdir()
    frames[0].save(tmp_path / "set" / name, save_all=True, append_images=frames[1:])
    assert Image.open(tmp_path / "set" / name).n_frames == 3
    assert abs(int(load(f"folder:{tmp_path / 'set'}", size=8).images[0, 2, 4, 4]) - 200) <= 3
