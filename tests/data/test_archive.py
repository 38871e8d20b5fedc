"""Zip and tar archives as folders of pictures: same images as the folder, nothing written elsewhere, damage in one line."""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pytest
from PIL import Image

from ganzoo import api
from ganzoo.data import Dataset, find_source, load
from ganzoo.errors import InputError
from ganzoo.training.run_dir import RunDir
from small_runs import small


def packed(root: Path, archive: Path, inside: str = "") -> str:
    """A spec of `archive` with the files of the folder `root`, in the folder `inside`."""
    files = sorted(path for path in root.rglob("*") if path.is_file())
    if archive.suffix == ".zip":
        with ZipFile(archive, "w", ZIP_DEFLATED) as zipped:
            for path in files:
                zipped.write(path, Path(inside, path.relative_to(root)))
    else:
        with tarfile.open(archive, "w:gz" if archive.name.endswith("gz") else "w") as tar:
            for path in files:
                tar.add(path, Path(inside, path.relative_to(root)))
    return f"folder:{archive}"


def facts(data: Dataset) -> tuple:
    return data.digest, data.class_names, data.name, data.split


@pytest.mark.parametrize("name", ["pets.zip", "pets.tar", "pets.tar.gz", "pets.TGZ"])
@pytest.mark.parametrize("inside", ["", "photos"])
def test_an_archive_is_as_the_folder(name, inside, pets, tmp_path):
    name = name.replace("TGZ", "tgz") if os.name != "posix" else name
    spec = packed(pets, tmp_path / name, inside)
    assert facts(load(spec, size=8)) == facts(load(f"folder:{pets}", size=8))
    assert find_source(spec).left_out("train") == {"no image: .me, .txt": 2}
    assert find_source(spec).left_out("train") == find_source(f"folder:{pets}").left_out("train")


def test_folders_train_and_test_are_splits(pets, tmp_path):
    shutil.copytree(pets, tmp_path / "set/train")
    shutil.copytree(pets / "dog", tmp_path / "set/test/dog")
    spec = packed(tmp_path / "set", tmp_path / "set.zip", "set")
    assert find_source(spec).splits == ("train", "test")
    assert (len(load(spec, size=8)), len(load(spec, size=8, split="test"))) == (5, 3)


def test_it_is_unpacked_once_and_again_only_if_it_changes(pets, tmp_path, home, monkeypatch):
    spec = packed(pets, tmp_path / "pets.zip")
    assert len(load(spec, size=8)) == 5
    with monkeypatch.context() as patch:
        patch.setattr("ganzoo.data.archive.members", None)
        assert len(load(spec, size=8)) == len(load(spec, size=9)) == 5
    for folder in (home / "cache").glob("archive-*"):
        shutil.rmtree(folder)
    prepared = {entry.name for entry in (home / "cache").iterdir()}
    assert len(load(spec, size=8)) == 5
    assert {entry.name.partition("-")[0] for entry in (home / "cache").iterdir() if entry.name not in prepared} == {
        "archive"
    }
    (pets / "cat/a.png").unlink()
    assert len(load(packed(pets, tmp_path / "pets.zip"), size=8)) == 4


def test_only_the_names_of_other_files_are_kept(pets, tmp_path, home):
    (pets / "cat/film.mp4").write_bytes(bytes(1000))
    load(packed(pets, tmp_path / "pets.zip"), size=8)
    (kept,) = home.glob("cache/archive-*/cat/film.mp4")
    assert kept.stat().st_size == 0


def test_what_macos_adds_is_no_class_and_does_not_hide_the_top_folder(pets, tmp_path):
    spec = packed(pets, tmp_path / "pets.zip", "photos")
    with ZipFile(tmp_path / "pets.zip", "a") as zipped:
        zipped.writestr("__MACOSX/photos/cat/a.png", b"x")
        zipped.writestr(".DS_Store", b"x")
    assert load(spec, size=8).class_names == ["cat", "dog"]


def test_a_backslash_in_a_zip_is_a_separator(pets, tmp_path):
    with ZipFile(tmp_path / "windows.zip", "w") as zipped:
        for path in ("cat/a.png", "dog/c.png"):
            info = ZipInfo()
            info.filename = path.replace("/", "\\")
            zipped.writestr(info, (pets / path).read_bytes())
    assert load(f"folder:{tmp_path / 'windows.zip'}", size=8).class_names == ["cat", "dog"]


def tar_of(archive: Path, *members: tuple[str, bytes, str, bytes]) -> str:
    """A spec of a tar with members of (name, type, link, content)."""
    with tarfile.open(archive, "w") as tar:
        for name, kind, link, content in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size = kind, link, len(content)
            tar.addfile(info, io.BytesIO(content))
    return f"folder:{archive}"


def everything(folder: Path, but: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if not path.is_relative_to(but)}


OUTSIDE = ("../x.png", "cat/../../x.png", "/tmp/ganzoo-x.png", "../../a.txt")


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k in ("zip", "tar") for n in OUTSIDE] + [("zip", "..\\x.png")])
def test_a_path_that_leads_out_is_refused_and_nothing_is_written(kind, name, pets, tmp_path, home):
    archive, content = tmp_path / f"evil.{kind}", (pets / "cat/a.png").read_bytes()
    if kind == "zip":
        with ZipFile(archive, "w") as zipped:
            zipped.writestr("cat/a.png", content)
            zipped.writestr(name, content)
    else:
        tar_of(archive, ("cat/a.png", tarfile.REGTYPE, "", content), (name, tarfile.REGTYPE, "", content))
    before = everything(tmp_path, home)
    with pytest.raises(InputError, match=rf"^{archive} holds the path '.*(x\.png|a\.txt)', which leads out of it"):
        load(f"folder:{archive}")
    assert everything(tmp_path, home) == before and not Path("/tmp/ganzoo-x.png").exists()
    assert not list((home / "cache").iterdir())


def test_a_link_is_a_copy_of_a_file_in_the_archive_and_never_followed_elsewhere(pets, tmp_path, home):
    picture = (pets / "cat/a.png").read_bytes()
    first = ("cat/a.png", tarfile.REGTYPE, "", picture)
    links = (("cat/b.png", tarfile.SYMTYPE, "a.png", b""), ("cat/c.png", tarfile.LNKTYPE, "cat/a.png", b""))
    assert len(load(tar_of(tmp_path / "links.tar", first, *links), size=8)) == 3
    assert not any(path.is_symlink() for path in home.rglob("*"))
    (tmp_path / "secret.png").write_bytes(picture)
    for link in (str(tmp_path / "secret.png"), "../../secret.png", "b.png"):
        spec = tar_of(tmp_path / "out.tar", first, ("cat/b.png", tarfile.SYMTYPE, link, b""))
        with pytest.raises(
            InputError, match=r"^cannot read cat/b\.png in .*out\.tar \(.*\); pack or download it again$"
        ):
            load(spec)


def test_a_link_to_a_folder_is_left_out_so_that_nothing_is_written_through_it(pets, tmp_path, home):
    picture = (pets / "cat/a.png").read_bytes()
    (tmp_path / "aim").mkdir()
    spec = tar_of(
        tmp_path / "through.tar",
        ("cat", tarfile.SYMTYPE, str(tmp_path / "aim"), b""),
        ("cat/a.png", tarfile.REGTYPE, "", picture),
        ("pipe.png", tarfile.FIFOTYPE, "", b""),
    )
    assert len(load(spec, size=8)) == 1 and not list((tmp_path / "aim").iterdir())


def encrypted(content: bytes) -> bytes:
    """A zip whose entries have the flag of encryption."""
    changed, at = bytearray(content), content.find(b"PK\x01\x02")
    while at >= 0:
        changed[at + 8] |= 1
        at = changed.find(b"PK\x01\x02", at + 1)
    return bytes(changed)


def flipped(content: bytes) -> bytes:
    """A zip with one other byte in its first picture that is not hidden."""
    changed = bytearray(content)
    changed[content.find(b"cat/a.png") + 40] ^= 255
    return bytes(changed)


DAMAGE: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "half a zip": ("x.zip", lambda b: b[: len(b) // 2], r"cannot read .*x\.zip as an archive \("),
    "an empty zip": ("x.zip", lambda b: b"", r"cannot read .*x\.zip as an archive \("),
    "a changed zip": ("x.zip", flipped, r"cannot read cat/a\.png in .*x\.zip \("),
    "an encrypted zip": ("x.zip", encrypted, r".*x\.zip is encrypted; unpack it and give the folder"),
    "half a tar": ("x.tar", lambda b: b[:1600], r"cannot read .*x\.tar as an archive \("),
    "half a gzip": ("x.tar.gz", lambda b: b[: len(b) // 2], r"cannot read .*x\.tar\.gz as an archive \("),
    "text": ("x.tgz", lambda b: b"text", r"cannot read .*x\.tgz as an archive \("),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_archive_is_refused_in_one_line_and_leaves_nothing(damage, pets, tmp_path, home):
    name, change, words = DAMAGE[damage]
    spec = packed(pets, tmp_path / name)
    (tmp_path / name).write_bytes(change((tmp_path / name).read_bytes()))
    with pytest.raises(InputError, match=words) as error:
        load(spec)
    assert "\n" not in str(error.value)
    assert not (home / "cache").exists() or not list((home / "cache").iterdir())


def test_an_archive_larger_than_the_disk_is_refused_before_it_is_unpacked(pets, tmp_path, home, monkeypatch):
    spec = packed(pets, tmp_path / "pets.zip")
    monkeypatch.setattr("ganzoo.data.cache.shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(InputError, match=r"^the unpacked pets\.zip needs [\d,]+ bytes, but .* has 10 free;"):
        load(spec)
    assert not list((home / "cache").iterdir())


def test_an_archive_without_pictures_and_a_file_that_is_none_are_refused(pets, tmp_path):
    with pytest.raises(InputError, match=r"notes\.zip holds no image \(\.png"):
        load(packed(pets / "notes", tmp_path / "notes.zip"))
    (tmp_path / "pets.rar").write_text("x")
    with pytest.raises(InputError, match=r"pets\.rar is neither a folder nor an archive \(\.zip \.tar"):
        load(f"folder:{tmp_path / 'pets.rar'}")
    with pytest.raises(InputError, match=r"^folder .*none\.zip does not exist$"):
        load(f"folder:{tmp_path / 'none.zip'}")
    with pytest.raises(InputError, match=r"is a path: write folder:.*notes\.zip$"):
        load(str(tmp_path / "notes.zip"))


def test_a_run_is_resumed_from_a_moved_archive_and_from_its_folder(pets, tmp_path):
    Image.new("RGB", (32, 32), "blue").save(pets / "dog/f.png")
    config = small("nsgan", data={"spec": packed(pets, tmp_path / "pets.zip")}, train={"steps": 1})
    run = api.train(config, out=tmp_path / "run")
    (tmp_path / "pets.zip").rename(tmp_path / "moved.zip")
    for step, spec in ((2, f"folder:{tmp_path / 'moved.zip'}"), (3, f"folder:{pets}")):
        api.resume(run, data=spec, steps=step)
    assert RunDir(run).config().data.spec == f"folder:{pets}"
