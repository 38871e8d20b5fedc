"""Whole or not there."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from ganzoo import atomic_io
from ganzoo.errors import InputError
from ganzoo.training.run_dir import RunDir


def test_a_write_that_fails_leaves_the_old_content(tmp_path, monkeypatch):
    path = tmp_path / "x"
    atomic_io.write_bytes(path, b"old")
    monkeypatch.setattr(os, "replace", lambda *_: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        atomic_io.write_bytes(path, b"new")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def read_only(path, *_, **__):
    raise OSError(errno.EROFS, "Read-only file system", str(path))


def fill(new):
    atomic_io.write_bytes(new / "a", b"new")


@pytest.mark.parametrize(
    "write", [lambda path: atomic_io.write_bytes(path, b"new"), lambda path: atomic_io.write_folder(path, fill)]
)
def test_a_disk_that_refuses_is_said_of_the_file_that_was_wanted(tmp_path, monkeypatch, write):
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as caught:
        write(tmp_path / "x")
    assert caught.value.filename == str(tmp_path / "x") and list(tmp_path.iterdir()) == []
    for name in ("open", "mkdir", "unlink"):
        monkeypatch.setattr(atomic_io.Path, name, read_only)
    with pytest.raises(OSError, match="Read-only") as caught:
        write(tmp_path / "x")
    assert caught.value.filename == str(tmp_path / "x")


def test_another_file_that_fails_is_named_itself(tmp_path):
    with pytest.raises(FileNotFoundError) as caught:
        atomic_io.write_folder(tmp_path / "f", lambda _: (tmp_path / "source").read_bytes())
    assert caught.value.filename == str(tmp_path / "source") and list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name != "posix", reason="modes are those of POSIX")
def test_files_have_the_usual_mode(tmp_path):
    before = os.umask(0o022)
    try:
        atomic_io.write_bytes(tmp_path / "x", b"")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o644


def test_a_folder_that_fails_to_fill_leaves_the_old_one(tmp_path):
    atomic_io.write_folder(tmp_path / "f", lambda new: (new / "a").touch())
    with pytest.raises(ZeroDivisionError):
        atomic_io.write_folder(tmp_path / "f", lambda new: [(new / "b").touch(), 1 / 0])
    assert [p.name for p in (tmp_path / "f").iterdir()] == ["a"]
    assert [p.name for p in tmp_path.iterdir()] == ["f"], "what was written so far holds no space"
    atomic_io.write_folder(tmp_path / "f", lambda new: (new / "c").touch())
    assert [p.name for p in (tmp_path / "f").iterdir()] == ["c"]
    assert [p.name for p in tmp_path.iterdir()] == ["f"], "nothing is left beside it"


def test_a_swap_that_was_cut_in_half_is_undone(tmp_path):
    atomic_io.write_folder(tmp_path / "f", lambda new: (new / "a").touch())
    (tmp_path / "f").rename(tmp_path / ".f.old")
    atomic_io.recover_folder(tmp_path / "f")
    assert (tmp_path / "f/a").exists()


@pytest.mark.parametrize(
    ("content", "says"),
    [("[1]", "has no format number"), ("{}", "has no format number"), ("{", "JSON"), ("[" * 10**6, "JSON")],
)
def test_a_file_that_is_not_ours(content, says, tmp_path):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=says):
        atomic_io.read_json(tmp_path / "x.json")


def test_a_reader_leaves_a_folder_alone_that_is_being_replaced(tmp_path):
    """What it puts back would be in the way of the second rename, and end the training; the old one is read in place."""
    run = RunDir(tmp_path / "run")
    old = run.folder / ".release.old"
    old.mkdir(parents=True)
    (run.folder / "config.json").touch()
    RunDir.open(run.folder)
    assert sorted(path.name for path in run.folder.iterdir()) == [".release.old", "config.json"]
    assert atomic_io.current_folder(run.release) == old
    with run.training_lock():
        run.recover()
    assert run.release.exists() and atomic_io.current_folder(run.release) == run.release


def test_read_bytes_refuses_what_is_no_regular_file_of_a_bounded_size(tmp_path):
    file, fifo = tmp_path / "file", tmp_path / "fifo"
    file.write_bytes(b"abc")
    os.mkfifo(fifo)
    assert atomic_io.read_bytes(file, limit=3) == b"abc"
    for path, limit, why in (
        (file, 2, "3 bytes"),
        (fifo, 9, "not a regular"),
        (tmp_path, 9, ""),
        (tmp_path / "no", 9, ""),
    ):
        with pytest.raises(InputError, match=f"cannot read {path}.*{why}"):
            atomic_io.read_bytes(path, limit)
