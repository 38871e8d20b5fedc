from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import find_source, load
from ganzoo.errors import InputError


def test_sub_folders_are_classes_in_the_order_of_names(pets):
    dataset = load(f"folder:{pets}")
    assert dataset.class_names == ["cat", "dog"]
    assert dataset.labels.tolist() == [0, 0, 1, 1, 1]
    assert (dataset.shape, dataset.name, dataset.licence) == ((3, 64, 64), "pets", "")


def test_every_mode_is_read(pets):
    images = load(f"folder:{pets}").images
    assert images[0, :, 9, 9].tolist() == [7, 7, 7]
    assert np.abs(images[1, :, 9, 9].astype(int) - [254, 0, 0]).max() <= 1
    assert images[2, :, 9, 9].tolist() == [127, 127, 255]
    assert images[4, :, 9, 9].tolist() == [255, 0, 0]


def test_loose_pictures_have_no_labels(pets):
    dataset = load(f"folder:{pets / 'dog'}", size=16, channels=1)
    assert (len(dataset), dataset.labels, dataset.class_names) == (3, None, [])


def test_a_home_folder_may_be_written_short(pets, monkeypatch):
    monkeypatch.setenv("HOME", str(pets.parent))
    monkeypatch.setenv("USERPROFILE", str(pets.parent))
    assert len(load("folder:~/pets")) == 5


def test_a_folder_without_pictures_is_refused(pets, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", pets / "notes"):
        with pytest.raises(InputError) as error:
            load(f"folder:{folder}")
        assert f"{folder} holds no image (.png" in str(error.value)


def test_pictures_beside_classes_are_refused(pets):
    Image.new("L", (9, 9)).save(pets / "loose.png")
    with pytest.raises(InputError, match=r"both images and folders of images: move loose\.png into a folder"):
        load(f"folder:{pets}")


def test_a_folder_that_may_not_be_read_is_named_at_whatever_depth(pets, monkeypatch):
    listed = Path.iterdir
    for locked in (pets / "cat", pets / "cat/old"):

        def iterdir(path, locked=locked):
            if path == locked:
                raise PermissionError(13, "Permission denied", str(path))
            return listed(path)

        monkeypatch.setattr(Path, "iterdir", iterdir)
        with pytest.raises(
            InputError, match=rf"^cannot read the folder {re.escape(str(locked))} \(Permission denied\);"
        ):
            load(f"folder:{pets}")


def test_folders_train_and_test_are_splits(pets, tmp_path):
    shutil.copytree(pets, tmp_path / "set" / "train")
    shutil.copytree(pets / "dog", tmp_path / "set" / "test" / "dog")
    train, test = (load(f"folder:{tmp_path / 'set'}", split=split) for split in ("train", "test"))
    assert (len(train), train.class_names, train.split) == (5, ["cat", "dog"], "train")
    assert (len(test), test.class_names, test.split) == (3, ["dog"], "test")


def test_pictures_beside_train_and_test_are_refused(pets, tmp_path):
    for split in ("train", "test"):
        shutil.copytree(pets / "dog", tmp_path / "set" / split)
    shutil.copy(pets / "cat/a.png", tmp_path / "set/z.png")
    for split in ("train", "test"):
        with pytest.raises(InputError, match=r"set holds both images and folders of images: move z\.png into a folder"):
            load(f"folder:{tmp_path / 'set'}", split=split)


def test_a_split_without_pictures_is_none(pets, tmp_path):
    shutil.copytree(pets, tmp_path / "set" / "train")
    (tmp_path / "set" / "test" / "dog").mkdir(parents=True)
    spec = f"folder:{tmp_path / 'set'}"
    assert find_source(spec).splits == ("train",) and load(spec).class_names == ["cat", "dog"]
    shutil.rmtree(tmp_path / "set" / "train")
    (tmp_path / "set" / "train").mkdir()
    with pytest.raises(InputError, match=r"train holds no image"):
        load(spec)


@pytest.mark.parametrize("names", [("train", "val"), ("Test", "Train"), ("test", "train", "val")])
def test_classes_that_are_called_as_splits_are_warned_about(pets, names):
    for name, new in zip(("cat", "dog", "notes"), names, strict=False):
        (pets / name).rename(pets / new)
    if len(names) == 3:
        shutil.copy(pets / "train/c.png", pets / "val")
    with pytest.warns(UserWarning, match=rf"the folders {', '.join(names)} of .* are used as classes: if they are"):
        assert load(f"folder:{pets}").class_names == list(names)


def test_a_folder_of_classes_has_no_test_split(pets):
    with pytest.raises(InputError, match="has no split 'test'"):
        load(f"folder:{pets}", split="test")


def test_a_changed_folder_is_another_entry(pets, home):
    spec = f"folder:{pets}"
    first = load(spec)
    assert load(spec).digest == first.digest
    assert len(list((home / "cache").iterdir())) == 1

    Image.new("L", (20, 30), 8).save(pets / "cat" / "a.png")
    os.utime(pets / "cat" / "a.png", ns=(0, 0))
    changed = load(spec)
    assert changed.images[0, 0, 9, 9] == 8
    assert changed.digest != first.digest

    (pets / "cat" / "a.png").unlink()
    assert len(load(spec)) == 4
    assert len(list((home / "cache").iterdir())) == 3


def test_folders_of_like_files_are_not_confused(pets, tmp_path):
    """Same names, sizes and dates, as an archive with its dates set to one would give."""
    for name, value in (("one", 10), ("two", 20)):
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), value).save(tmp_path / name / "a.bmp")
        os.utime(tmp_path / name / "a.bmp", ns=(0, 0))
    values = [load(f"folder:{tmp_path / name}").images[0, 0, 0, 0] for name in ("one", "two")]
    assert values == [10, 20]


def test_a_broken_picture_is_named_and_refused(pets, broken):
    with pytest.raises(InputError) as error:
        load(f"folder:{pets}")
    assert str(error.value).startswith(f"cannot read {broken} (")
    assert "skip" in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(os.name != "posix", reason="no such name on Windows")
def test_a_name_of_two_lines_is_said_in_one(pets, broken):
    broken.rename(broken.with_name("br\noken.png"))
    with pytest.raises(InputError, match=r"^cannot read .*/dog/br\\noken.png \(.*leaves such images out$") as error:
        load(f"folder:{pets}")
    assert "\n" not in str(error.value)


def test_a_broken_picture_is_named_on_stderr_in_one_line_and_skipped(pets, broken):
    """In a process of its own, because pytest takes the log away from stderr."""
    program = f"from ganzoo.data import load; print(len(load('folder:{pets}', on_corrupt='skip')))"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout == "5\n"
    (line,) = run.stderr.splitlines()
    assert line.startswith(f"skipped: cannot read {broken} (")


@pytest.mark.skipif(os.name != "posix", reason="links need a right of their own on Windows")
@pytest.mark.parametrize("target", ["gone.png", "broken.png"], ids=["to nothing", "to itself"])
def test_a_link_that_leads_nowhere_is_a_picture_that_cannot_be_read(pets, target):
    (pets / "dog/broken.png").symlink_to(target)
    with pytest.raises(InputError, match=rf"^cannot read {re.escape(str(pets / 'dog/broken.png'))} \(.*; on_corrupt"):
        load(f"folder:{pets}")
    assert len(load(f"folder:{pets}", on_corrupt="skip")) == 5


@pytest.mark.skipif(os.name != "posix", reason="links need a right of their own on Windows")
@pytest.mark.parametrize("target", [".", ".."])
def test_a_link_to_where_it_lies_is_no_class(pets, target):
    (pets / "self").symlink_to(target)
    (pets / "cats").symlink_to("cat")
    assert load(f"folder:{pets}").class_names == ["cat", "cats", "dog"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is text")
def test_names_that_are_not_text_are_read_but_for_those_that_a_config_would_hold(pets, broken):
    odd = os.fsdecode(b"caf\xe9")
    shutil.copy(pets / "cat/a.png", pets / f"cat/{odd}.png")
    broken.rename(broken.with_name(f"{odd}.png"))
    with pytest.raises(InputError, match=r"cannot read .*caf\\udce9.png \("):
        load(f"folder:{pets}")
    assert len(load(f"folder:{pets}", on_corrupt="skip")) == 6
    (pets / "dog").rename(pets / odd)
    with pytest.raises(InputError, match=r"^the name 'caf\\udce9' is not UTF-8; rename it$"):
        load(f"folder:{pets}")
    with pytest.raises(InputError, match=r"^the name 'folder:.*/caf\\udce9' is not UTF-8; rename it$"):
        load(f"folder:{pets / odd}")
