from __future__ import annotations

import tracemalloc
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest

from ganzoo.data import load
from ganzoo.errors import InputError

GREY = np.arange(5 * 6 * 6, dtype=np.uint8).reshape(5, 6, 6)


@pytest.fixture
def saved(tmp_path: Path):
    def save(**arrays: object) -> str:
        np.savez(tmp_path / "x.npz", **arrays)
        return f"npz:{tmp_path / 'x.npz'}"

    return save


def test_size_and_channels_are_its_own(saved, npz, images):
    colour = load(npz)
    assert np.array_equal(colour.images, images.transpose(0, 3, 1, 2))
    assert (colour.name, colour.labels.tolist()) == ("set", [0, 1, 2] * 4)
    for shape in ((5, 6, 6), (5, 6, 6, 1)):
        grey = load(saved(images=GREY.reshape(shape)))
        assert np.array_equal(grey.images, GREY[:, None])
        assert grey.labels is None


def test_what_is_not_square_becomes_64_pixels(saved):
    assert load(saved(images=np.zeros((2, 6, 9), np.uint8))).shape == (1, 64, 64)


@pytest.mark.parametrize("version", [(2, 0), (3, 0)])
def test_later_versions_of_the_format_are_read(tmp_path, version):
    with ZipFile(tmp_path / "x.npz", "w") as archive, archive.open("images.npy", "w") as file:
        np.lib.format.write_array(file, GREY, version)
    assert np.array_equal(load(f"npz:{tmp_path / 'x.npz'}").images, GREY[:, None])


def test_names_may_come_along(saved):
    dataset = load(saved(images=GREY, labels=[1, 0, -1, 1, 1], class_names=["ant", "bee"]))
    assert (dataset.class_names, dataset.labels.tolist()) == (["ant", "bee"], [1, 0, -1, 1, 1])
    assert len(load(saved(images=GREY, labels=[1, 0, -1, 1, 1], class_names=["ant", "bee"]), classes=["bee"])) == 3


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"pictures": GREY}, "has no array 'images'"),
        ({"images": GREY.astype(np.float32)}, "are float32 (5, 6, 6), not uint8 (N, H, W)"),
        ({"images": GREY[0]}, "are uint8 (6, 6)"),
        ({"images": GREY[:0]}, "are uint8 (0, 6, 6)"),
        ({"images": GREY.reshape(5, 9, 2, 2)}, "with C = 1 or 3"),
        ({"images": np.array([object()])}, "are object"),
        ({"images": GREY, "labels": [0, 1]}, "labels must be 5 integers"),
        ({"images": GREY, "labels": [0.5] * 5}, "float64"),
        ({"images": GREY, "labels": [0, 1, 2, 3, 5]}, "must be in 0..4, or -1 for unlabeled, not 5"),
        ({"images": GREY, "labels": [0, 1, -2, 3, 4]}, "or -1 for unlabeled, not -2"),
        ({"images": GREY, "labels": [0, 1, 2, 1, 0], "class_names": ["a", "b"]}, "or -1 for unlabeled, not 2"),
        ({"images": GREY, "labels": [0] * 5, "class_names": "cat"}, "must be a list of strings, not <U3 of shape ()"),
        ({"images": GREY, "labels": [0] * 5, "class_names": [b"cat"]}, "must be a list of strings, not |S3"),
        ({"images": GREY, "labels": [0] * 5, "class_names": [["cat", "x"]]}, "of shape (1, 2)"),
        ({"images": GREY, "labels": [0] * 5, "class_names": ["\udcff"]}, r"the name '\udcff' is not UTF-8"),
        ({"images": GREY, "labels": [0] * 5, "class_names": ["", ""]}, "two classes are called ''"),
        ({"images": GREY, "labels": np.array([object()] * 5)}, "it holds Python objects"),
    ],
)
def test_what_does_not_fit_is_refused(saved, arrays, words):
    spec = saved(**arrays)
    with pytest.raises(InputError) as error:
        load(spec)
    assert words in str(error.value)
    assert spec.removeprefix("npz:") in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_archive_is_refused(tmp_path, content):
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"as a NumPy archive|no array 'images'"):
        load(f"npz:{tmp_path / 'x.npz'}")


def test_a_changed_file_is_another_entry(saved):
    first = load(saved(images=GREY))
    assert load(saved(images=GREY[:4])).digest != first.digest


def test_the_arrays_are_read_only_to_prepare(npz, monkeypatch):
    load(npz)
    monkeypatch.setattr("ganzoo.data.sources.npz.Npz.pictures", None)
    assert len(load(npz)) == 12


def archive(path: Path, **members: bytes) -> str:
    with ZipFile(path, "w", ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(f"{name}.npy", content)
    return f"npz:{path}"


def header(shape: tuple[int, ...], kind: str, fortran: bool = False) -> bytes:
    file = BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": fortran, "shape": shape})
    return file.getvalue()


def test_images_are_read_one_at_a_time(tmp_path):
    """64 MB that a file of 64 kB unfolds to, in 1 MB each."""
    spec = archive(tmp_path / "bomb.npz", images=header((64, 1024, 1024), "|u1") + bytes(2**26))
    assert (tmp_path / "bomb.npz").stat().st_size < 10**5
    tracemalloc.start()
    try:
        assert len(load(spec, size=8)) == 64
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_fortrans_order_is_read_within_a_limit(saved, monkeypatch):
    colour = np.random.default_rng(0).integers(0, 256, (5, 6, 6, 3), np.uint8)
    for images in (GREY, colour):
        expected = load(saved(images=images)).images
        spec = saved(images=np.asfortranarray(images))
        assert np.array_equal(load(spec).images, expected)
    monkeypatch.setattr("ganzoo.data.sources.npz.MAX_WHOLE", 500)
    with pytest.raises(
        InputError, match=r"cannot read images from .*: the array has 540 bytes, more than the limit of 500"
    ):
        load(saved(images=np.asfortranarray(colour), labels=[0] * 5))


IMAGES = header((5, 6, 6), "|u1") + bytes(180)
LIARS = {
    "a header of gigabytes": ({"images": b"\x93NUMPY\x02\x00" + b"\xff" * 4}, "its header has 4,294,967,295 bytes"),
    "more images than there are": ({"images": header((10**12, 6, 6), "|u1") + bytes(180)}, "it ends after 0 of 36 bytes"),
    "one huge image": ({"images": header((1, 10**6, 10**6), "|u1")}, "more than the limit of 178,956,970"),
    "a negative size": ({"images": header((5, -6, -6), "|u1") + bytes(180)}, "its shape is (5, -6, -6)"),
    "labels of terabytes": ({"images": IMAGES, "labels": header((2**40,), "<i8")}, "more than the limit of 134,217,728"),
    "labels that are cut": ({"images": IMAGES, "labels": header((5,), "<i8") + bytes(39)}, "it ends after 39 of 40 bytes"),
    "names of gigabytes": (
        {"images": IMAGES, "labels": header((5,), "<i8") + bytes(40), "class_names": header((1,), "<U500000000")},
        "as a NumPy archive (.npz): the array has 2,000,000,000 bytes, more than the limit",
    ),
}  # fmt: skip


@pytest.mark.parametrize("lie", LIARS)
def test_no_header_is_believed(lie, tmp_path, home, monkeypatch):
    members, words = LIARS[lie]
    monkeypatch.setattr("ganzoo.data.cache.check_disk_space", lambda *_: None)
    with pytest.raises(InputError) as error:
        load(archive(tmp_path / "x.npz", **members))
    assert words in str(error.value) and str(tmp_path / "x.npz") in str(error.value) and "\n" not in str(error.value)
    assert not list(home.glob("cache/*"))


def test_other_arrays_of_the_archive_are_not_read(tmp_path):
    spec = archive(tmp_path / "x.npz", images=IMAGES, others=header((2**40,), "<f8"))
    assert len(load(spec)) == 5


def test_a_set_larger_than_the_disk_is_refused(tmp_path):
    with pytest.raises(
        InputError, match=r"the decoded npz-train needs 36,000,000,000,000,000 bytes, .* free; free some space"
    ):
        load(archive(tmp_path / "x.npz", images=header((10**15, 6, 6), "|u1")))
