"""Facts of the files, measured while they are decoded: counts, the lines about them, and where they are kept."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo.data import Dataset, Summary, load, summarize
from ganzoo.data.cache import load_or_prepare
from ganzoo.data.summary import image_notes
from ganzoo.data.transform import Pictures, Transform


def noise(height: int, width: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    """A spec of eight images in two classes, one of each oddity."""
    values = np.random.default_rng(0)
    images = {
        "odd/12bit.png": Image.fromarray(values.integers(0, 4096, (64, 64), np.uint16)),
        "odd/mask.png": Image.fromarray(values.integers(0, 2, (64, 64), np.uint8)),
        "odd/gray.jpg": noise(64, 64).convert("L").convert("RGB"),
        "odd/small.png": noise(16, 20),
        "plain/a.png": noise(64, 64, 1),
        "plain/again.png": noise(64, 64, 1),
        "plain/wide.png": noise(50, 100),
        "plain/tall.png": noise(80, 40),
    }
    for name, image in images.items():
        (tmp_path / "mixed" / name).parent.mkdir(parents=True, exist_ok=True)
        image.save(tmp_path / "mixed" / name)
    return f"folder:{tmp_path / 'mixed'}"


def test_the_counts(mixed):
    assert summarize(load(mixed, size=32)) == Summary(
        8,
        (3, 32, 32),
        median=(64, 64),
        smallest=(20, 16),
        largest=(100, 50),
        duplicates=1,
        small=1,
        nearly_black=2,
        gray=3,
        removed=pytest.approx((0.5 + 0.5 + 0.2) / 8),
    )


def test_the_whole_image_loses_nothing_and_is_small_by_its_longer_side(mixed):
    whole = summarize(load(mixed, size=40, crop="pad"))
    assert (whole.removed, whole.small) == (0, 1)
    assert summarize(load(mixed, size=80)).small == 2, "40 x 80 too"
    assert summarize(load(mixed, size=80, crop="pad")).small == 1


def test_a_gray_set_has_no_gray_images_to_speak_of(mixed):
    assert summarize(load(mixed, size=32, channels=1)).gray == 0


def test_the_lines_have_counts_and_remedies(mixed):
    assert image_notes(load(mixed, size=32)) == [
        "1 of 8 images: half of data.size=32 or less (the smallest: 20 x 16), so blurred when enlarged; "
        "lower data.size, or remove them",
        "2 of 8 images: nearly black, as 12 bits stored in 16 and masks of 0 and 1 are; scale them to the full range",
        "3 of 8 images: gray in a run of three channels; data.channels=1 makes all gray",
        "center crop removes 15 % of the average image; data.crop=pad keeps all",
    ]
    assert image_notes(load(mixed, size=16, channels=1, crop="pad", classes=["plain"])) == []


def test_if_all_are_gray_one_channel_saves_time(mixed):
    data = load(mixed, size=8, classes=["odd"], max_images=2)
    assert [line.partition(";")[2] for line in image_notes(data)][-1] == " data.channels=1 saves time"


def test_a_selection_counts_only_its_own_images_and_repeats_once(mixed):
    plain = load(mixed, size=32, classes=["plain"])
    found = summarize(plain)
    assert (found.count, found.duplicates, found.nearly_black, found.gray, found.removed) == (4, 1, 0, 0, 0.25)
    assert summarize(load(mixed, size=32, labelled=2, labelled_share=0.8)).count == 8


def test_the_second_start_says_the_same_without_decoding(mixed, monkeypatch):
    first = load(mixed, size=32)
    monkeypatch.setattr(Transform, "open", None)
    assert image_notes(load(mixed, size=32)) == image_notes(first) and image_notes(first)
    assert (load(mixed, size=32).facts.table == first.facts.table).all()


def test_an_image_is_decoded_once(mixed, monkeypatch):
    opened, decode = [], Transform.open
    monkeypatch.setattr(
        Transform, "open", lambda transform, picture: opened.append(picture) or decode(transform, picture)
    )
    summarize(load(mixed, size=32))
    assert len(opened) == len(set(opened)) == 8


def test_skipped_files_are_kept_with_the_facts(mixed):
    Path(mixed.removeprefix("folder:"), "odd/broken.png").write_bytes(b"x")
    data = load(mixed, size=32, on_corrupt="skip")
    assert len(data.facts.skipped) == 1 and summarize(data).count == 8


def test_an_entry_of_an_earlier_version_is_read_without_facts(home):
    images = [(np.full((8, 8, 3), value, np.uint8), -1) for value in (10, 200)]
    read = lambda: Pictures(2, images, [])  # noqa: E731
    made = load_or_prepare("set-train", "v1", read, Transform(8, 3))
    (entry,) = (home / "cache").iterdir()
    table = json.loads((entry / "entry.json").read_text())
    del table["facts"]
    (entry / "entry.json").write_text(json.dumps(table))
    (entry / "facts.npy").unlink()
    again = load_or_prepare("set-train", "v1", None, Transform(8, 3))
    assert again.digest == made.digest and again.facts is None
    assert summarize(again) is None and image_notes(again) == []


def test_data_without_files_have_no_summary():
    assert summarize(load("ring")) is None
    assert summarize(Dataset.from_tensor(np.zeros((2, 3, 8, 8), np.uint8))) is None


@pytest.mark.parametrize(("difference", "gray"), [(0, 1), (2, 1), (3, 0)])
def test_channels_that_differ_as_after_a_jpeg_are_gray(difference, gray, tmp_path):
    (tmp_path / "set").mkdir()
    pixels = np.random.default_rng(0).integers(0, 200, (16, 16, 1), np.uint8).repeat(3, 2)
    pixels[3, 4, 1] += difference
    Image.fromarray(pixels).save(tmp_path / "set/x.png")
    assert summarize(load(f"folder:{tmp_path / 'set'}", size=16)).gray == gray
