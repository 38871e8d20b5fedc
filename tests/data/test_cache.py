from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time
import weakref
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from ganzoo.data import Pictures
from ganzoo.data.cache import load_or_prepare
from ganzoo.data.dataset import Dataset
from ganzoo.data.transform import Transform
from ganzoo.errors import InputError

Reader = Callable[[], Pictures]
forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="starts its processes by fork")


@pytest.fixture
def read(images: np.ndarray) -> Reader:
    return lambda: Pictures(12, [(image, i % 3) for i, image in enumerate(images)], ["a", "b", "c"])


def prepare(read: Reader, fingerprint: str = "v1", size: int = 8, **options: bool | str) -> Dataset:
    return load_or_prepare("set-train", fingerprint, read, Transform(size, 3), **options)


def never() -> Pictures:
    raise AssertionError("the entry should have been used")


def gone() -> Pictures:
    raise InputError("the disk with the pictures is gone")


def entries(home: Path) -> list[Path]:
    return sorted((home / "cache").iterdir())


def test_an_entry_is_a_read_only_memory_map(read, images):
    dataset = prepare(read)
    assert isinstance(dataset.pixels, np.memmap)
    assert not dataset.pixels.flags.writeable
    assert dataset.images is dataset.pixels
    assert np.array_equal(dataset.images, images.transpose(0, 3, 1, 2))
    assert dataset.labels.tolist() == [0, 1, 2] * 4
    assert dataset.class_names == ["a", "b", "c"]


def test_the_json_beside_the_pixels_says_what_they_are(read, home):
    dataset = prepare(read)
    (entry,) = entries(home)
    assert sorted(file.name for file in entry.iterdir()) == ["entry.json", "facts.npy", "labels.npy", "pixels"]
    assert json.loads((entry / "entry.json").read_text()) == {
        "format": 1,
        "source": "set-train",
        "transform": {"size": 8, "channels": 3, "pad": False},
        "count": 12,
        "shape": [3, 8, 8],
        "class_names": ["a", "b", "c"],
        "skipped": [],
        "digest": dataset.digest,
        "facts": sha256((entry / "facts.npy").read_bytes()).hexdigest(),
    }
    assert dataset.digest == Dataset.from_tensor(dataset.images, dataset.labels, dataset.class_names).digest


def test_an_entry_is_made_once(read):
    made = prepare(read)
    assert prepare(never).digest == made.digest


def test_another_source_or_transform_is_another_entry(read, home):
    digests = {prepare(read).digest, prepare(read, size=4).digest, prepare(read, fingerprint="v2").digest}
    assert len(digests) == 2
    assert len(entries(home)) == 3
    load_or_prepare("other-train", "v1", read, Transform(8, 3))
    load_or_prepare("set-train", "v1", read, Transform(8, 1))
    load_or_prepare("set-train", "v1", read, Transform(8, 3, pad=True))
    assert len(entries(home)) == 6


def test_the_key_of_a_center_crop_is_that_of_earlier_versions_and_pad_has_another(read, home):
    prepare(read)
    old = {"size": 8, "channels": 3, "pad": False}
    key = sha256(json.dumps(["set-train", "v1", old]).encode()).hexdigest()[:16]
    assert [entry.name for entry in entries(home)] == [f"set-train-8x3-{key}"]
    load_or_prepare("set-train", "v1", read, Transform(8, 3, crop="pad"))
    assert len(entries(home)) == 2
    (padded,) = (entry for entry in entries(home) if not entry.name.endswith(key))
    assert json.loads((padded / "entry.json").read_text())["transform"] == old | {"crop": "pad"}


def test_without_class_names_there_are_no_labels(images, home):
    dataset = prepare(lambda: Pictures(12, ((image, -1) for image in images), []))
    assert dataset.labels is None
    assert not (entries(home)[0] / "labels.npy").exists()


def test_pictures_are_read_one_at_a_time(images):
    """The next picture is asked for when the last is in the file, so memory does not grow with the set."""
    given: list[weakref.ref] = []

    def each() -> Iterator[tuple[np.ndarray, int]]:
        for image in images:
            assert sum(picture() is not None for picture in given) <= 1
            picture = image.copy()
            given.append(weakref.ref(picture))
            yield picture, -1

    prepare(lambda: Pictures(12, each(), []))
    assert len(given) == 12


def test_a_newer_format_is_refused(read, home):
    prepare(read)
    about = entries(home)[0] / "entry.json"
    about.write_text(about.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(InputError, match="format 2, but this ganzoo reads"):
        prepare(never)


def test_an_unreadable_picture_is_refused_and_leaves_nothing(images, home):
    with pytest.raises(InputError) as error:
        prepare(lambda: Pictures(2, [(images[0], -1), (b"no picture", -1)], []))
    assert "cannot read picture 1" in str(error.value)
    assert "\n" not in str(error.value)
    assert entries(home) == []


def test_an_unreadable_picture_can_be_skipped_and_is_named_each_time(images, caplog):
    pictures = [(images[0], 0), (b"no picture", 1), (images[2], 1)]
    for reader in (lambda: Pictures(3, pictures, ["a", "b"]), never):
        caplog.clear()
        dataset = prepare(reader, on_corrupt="skip")
        assert dataset.labels.tolist() == [0, 1]
        assert np.array_equal(dataset.images[1], images[2].transpose(2, 0, 1))
        assert [record.message.split(" (")[0] for record in caplog.records] == ["skipped: cannot read picture 1"]


def test_an_error_without_words_is_named_by_its_kind(images, monkeypatch):
    def stumble(picture: object) -> None:
        raise EOFError

    monkeypatch.setattr("ganzoo.data.transform.open_image", stumble)
    with pytest.raises(InputError, match=r"cannot read picture 0 \(EOFError\)"):
        prepare(lambda: Pictures(1, [(images[0], -1)], []))


def test_what_was_skipped_is_refused_where_skipping_was_not_asked_for(images):
    prepare(lambda: Pictures(2, [(images[0], -1), (b"no picture", -1)], []), on_corrupt="skip")
    with pytest.raises(InputError, match="cannot read picture 1"):
        prepare(never)


def test_a_set_of_nothing_is_refused():
    with pytest.raises(InputError, match="no readable image"):
        prepare(lambda: Pictures(1, [(b"no picture", -1)], []), on_corrupt="skip")


def test_a_home_that_cannot_be_written_is_named(read, home):
    home.write_text("a file, not a folder")
    with pytest.raises(InputError, match="GANZOO_HOME"):
        prepare(read)


def test_an_interrupt_leaves_nothing(images, home):
    def each() -> Iterator[tuple[np.ndarray, int]]:
        yield images[0], -1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        prepare(lambda: Pictures(2, each(), []))
    assert entries(home) == []


def test_who_comes_second_takes_what_is_there(read, home):
    def slower() -> Pictures:
        prepare(read)
        return read()

    assert prepare(slower).digest == prepare(never).digest
    assert len(entries(home)) == 1


@forking
def test_two_processes_race_to_one_entry(read, home):
    context = multiprocessing.get_context("fork")
    barrier, digests = context.Barrier(2), context.Queue()

    def together() -> Pictures:
        def each() -> Iterator[tuple[np.ndarray, int]]:
            for picture in read().each:
                barrier.wait(20)
                yield picture

        return Pictures(12, each(), ["a", "b", "c"])

    def work() -> None:
        digests.put(prepare(together).digest)

    processes = [context.Process(target=work) for _ in range(2)]
    for process in processes:
        process.start()
    assert len({digests.get(timeout=30) for _ in processes}) == 1
    for process in processes:
        process.join(20)
        assert process.exitcode == 0
    assert len(entries(home)) == 1
    prepare(never)


@forking
def test_what_a_kill_leaves_behind_is_never_used(images, read, home):
    def stuck() -> Pictures:
        def each() -> Iterator[tuple[np.ndarray, int]]:
            yield images[0], 0
            time.sleep(60)

        return Pictures(12, each(), ["a", "b", "c"])

    process = multiprocessing.get_context("fork").Process(target=prepare, args=(stuck,))
    process.start()
    while not list(home.glob("cache/.*/pixels")):
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.join(20)
    assert all(entry.name.startswith(".") for entry in entries(home))
    assert len(prepare(read)) == 12
    assert len(prepare(never)) == 12


@pytest.mark.parametrize(("terminal", "quiet", "bar"), [("1", False, True), ("1", True, False), ("", False, False)])
def test_a_bar_is_shown_on_a_terminal_only(read, monkeypatch, capsys, terminal, quiet, bar):
    monkeypatch.setenv("TTY_COMPATIBLE", terminal or "0")
    monkeypatch.setenv("FORCE_COLOR", terminal)
    prepare(read, quiet=quiet)
    assert ("preparing set-train" in capsys.readouterr().err) == bar


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)


def edit(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def relabelled(path: Path) -> None:
    np.save(path, np.array([1, 0, 2] * 4))


def header(path: Path, last: bytes) -> None:
    """Put `last` at the end of the header of labels, where NumPy has a space."""
    content = path.read_bytes()
    path.write_bytes(content[:126] + last + content[127:])


def without(path: Path, key: str) -> None:
    table = json.loads(path.read_text())
    del table[key]
    path.write_text(json.dumps(table))


DAMAGE: dict[str, Callable[[Path], object]] = {
    "changed pixels": lambda entry: flip(entry / "pixels"),
    "fewer pixels": lambda entry: (entry / "pixels").write_bytes(bytes(12 * 192 - 1)),
    "more pixels": lambda entry: (entry / "pixels").write_bytes(bytes(12 * 192 + 192)),
    "no pixels": lambda entry: (entry / "pixels").unlink(),
    "a FIFO": lambda entry: fifo(entry / "pixels"),
    "a smaller count": lambda entry: edit(entry / "entry.json", count=6),
    "a count that is no number": lambda entry: edit(entry / "entry.json", count=None),
    "another shape": lambda entry: edit(entry / "entry.json", shape=[3, 4, 16], digest="0" * 64),
    "another digest": lambda entry: edit(entry / "entry.json", digest="0" * 64),
    "other names": lambda entry: edit(entry / "entry.json", class_names=["a", "b", "x"]),
    "no names": lambda entry: edit(entry / "entry.json", class_names=[]),
    "half of entry.json": lambda entry: (entry / "entry.json").write_text('{"format": 1, "so'),
    "no entry.json": lambda entry: (entry / "entry.json").unlink(),
    "changed labels": lambda entry: flip(entry / "labels.npy"),
    "other labels": lambda entry: relabelled(entry / "labels.npy"),
    "labels of another type": lambda entry: np.save(entry / "labels.npy", np.array([0, 1, 2] * 4, np.float64)),
    "empty labels": lambda entry: (entry / "labels.npy").write_bytes(b""),
    "cut labels": lambda entry: (entry / "labels.npy").write_bytes((entry / "labels.npy").read_bytes()[:100]),
    "no labels": lambda entry: (entry / "labels.npy").unlink(),
    "labels of another length": lambda entry: np.save(entry / "labels.npy", np.zeros(3, np.int64)),
    "a pickle for labels": lambda entry: np.save(entry / "labels.npy", np.array([object()]), allow_pickle=True),
    "labels whose header does not end": lambda entry: header(entry / "labels.npy", b"("),
    "labels whose header is no text": lambda entry: header(entry / "labels.npy", b"'"),
    "no digest": lambda entry: without(entry / "entry.json", "digest"),
    "a count in words": lambda entry: edit(entry / "entry.json", count="12"),
    "a huge count": lambda entry: edit(entry / "entry.json", count=2**62),
    "a shape without channels": lambda entry: edit(entry / "entry.json", shape=[8, 8]),
    "changed facts": lambda entry: flip(entry / "facts.npy"),
    "no facts": lambda entry: (entry / "facts.npy").unlink(),
    "a pickle for facts": lambda entry: np.save(entry / "facts.npy", np.array([object()]), allow_pickle=True),
    "a class that is no name": lambda entry: edit(entry / "entry.json", class_names=["a", 2, "c"]),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_is_prepared_again_and_said_once(damage, read, home, caplog):
    whole = prepare(read)
    (entry,) = entries(home)
    pixels = whole.images.copy()
    DAMAGE[damage](entry)
    again = prepare(read)
    assert again.digest == whole.digest and np.array_equal(again.images, pixels)
    assert again.labels.tolist() == [0, 1, 2] * 4
    (said,) = [record.getMessage() for record in caplog.records]
    assert said.startswith(f"{entry}") and said.endswith("; it is prepared again") and "\n" not in said
    assert prepare(never).digest == whole.digest and entries(home) == [entry]


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_damaged_and_cannot_be_prepared_again_is_refused(damage, read, home):
    prepare(read)
    (entry,) = entries(home)
    DAMAGE[damage](entry)
    before = sorted(file.name for file in entry.iterdir())
    with pytest.raises(
        InputError, match=f"{entry}.*; it cannot be prepared again \\(the disk with the pictures is gone"
    ):
        prepare(gone)
    assert sorted(file.name for file in entry.iterdir()) == before and entries(home) == [entry]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads the names of open files from /proc")
def test_all_of_an_entry_is_on_the_disk_before_it_has_its_name(read, home, monkeypatch):
    synced: list[str] = []
    at_rename: list[str] = []
    fsync, rename = os.fsync, Path.rename

    def noted(descriptor: int) -> None:
        synced.append(Path(os.readlink(f"/proc/self/fd/{descriptor}")).name)
        fsync(descriptor)

    def renamed(path: Path, target: Path) -> Path:
        at_rename.extend(synced)
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", noted)
    monkeypatch.setattr(Path, "rename", renamed)
    prepare(read)
    names = {name.split(".")[1] if name.startswith(".") else name for name in at_rename}
    assert {"pixels", "labels", "facts", "entry"} <= names and at_rename[-1].startswith(".set-train"), "the folder last"


def test_a_set_that_has_no_room_is_refused_before_it_is_decoded(images, home, monkeypatch):
    monkeypatch.setattr("ganzoo.data.cache.shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with pytest.raises(InputError, match=r"the decoded set-train needs 2,304 bytes, but .*cache has 1,000 free"):
        prepare(lambda: Pictures(12, iter([]), []))
    assert entries(home) == []
