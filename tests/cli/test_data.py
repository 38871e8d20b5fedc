"""`ganzoo data`: the lines, the JSON and the sheet."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganzoo import cli
from ganzoo.data import BatchLoader, load
from ganzoo.image_io import grid, to_uint8


@pytest.fixture
def pets(tmp_path, monkeypatch) -> Path:
    """Seventy images of 8 x 6 pixels, a broken one and a text, in two classes; the working folder is theirs."""
    monkeypatch.setenv("GANZOO_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    values = np.random.default_rng(0).integers(0, 256, (70, 6, 8, 3), np.uint8)
    for number, image in enumerate(values):
        path = tmp_path / "pets" / ("cat" if number < 30 else "dog") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
    (tmp_path / "pets/cat/broken.png").write_bytes(b"x")
    (tmp_path / "pets/cat/list.txt").write_text("x")
    return tmp_path / "pets"


WORDS = ["data", "folder:pets", "--size", "8", "--set", "data.on_corrupt=skip"]


def test_the_lines(pets, capsys):
    assert cli.run(WORDS) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pets: 70 images of 8 x 8, color",
        "classes: cat 30, dog 40",
        "sizes: median 8 x 6, smallest 8 x 6, largest 8 x 6",
        "duplicates: 0",
        "left out: 1 (no image: .txt)",
        "left out: 1 (unreadable)",
        "center crop removes 25 % of the average image; data.crop=pad keeps all",
        "pets-data.png: the first 64 as the network sees them",
    ]


def test_the_json_has_the_same_facts(pets, capsys):
    assert cli.run([*WORDS, "--json", "--out", "sheets/x.png"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "name": "pets",
        "count": 70,
        "shape": [3, 8, 8],
        "classes": {"cat": 30, "dog": 40},
        "sizes": {"median": [8, 6], "smallest": [8, 6], "largest": [8, 6]},
        "duplicates": 0,
        "small": 0,
        "nearly_black": 0,
        "gray": 0,
        "removed": 0.25,
        "left_out": [{"reason": "no image: .txt", "count": 1}, {"reason": "unreadable", "count": 1}],
        "notes": ["center crop removes 25 % of the average image; data.crop=pad keeps all"],
        "sheet": "sheets/x.png",
    }
    assert Path("sheets/x.png").exists()


def test_the_sheet_has_the_images_that_a_run_draws_first_mirrored_as_there(pets):
    given = ["--set", "data.crop=pad", "--set", "data.flip=true", "--set", "seed=3"]
    assert cli.run([*WORDS, *given, "--out", "x.png", "--scale", "2"]) == 0
    data = load("folder:pets", size=8, crop="pad", on_corrupt="skip")
    images = BatchLoader(data, seed=3, flip=True).next(64).images
    expected = to_uint8(grid(images, 8)[0]).permute(1, 2, 0)
    sheet = torch.from_numpy(np.array(Image.open("x.png")))
    assert sheet[::2, ::2].equal(expected) and sheet.shape == (164, 164, 3)


def test_fewer_than_64_are_each_shown_once(pets, capsys):
    assert cli.run([*WORDS, "--set", 'data.classes=["cat"]', "--out", "x.png"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "x.png: the first 30 as the network sees them"
    assert Image.open("x.png").size == (82, 42)


def test_one_channel_points_and_many_classes(pets, capsys):
    for label in range(35):
        Path(f"many/{label:02}").mkdir(parents=True)
        Image.new("RGB", (8, 8), (label, 0, 0)).save(f"many/{label:02}/x.png")
    lines = {}
    for spec in ("ring", "digits", "folder:many"):
        assert cli.run(["data", spec, "--out", "x.png", "--set", "data.max_images=2000"]) == 0
        lines[spec] = capsys.readouterr().out.splitlines()
    assert lines["ring"][0] == "ring: 2,000 points" and len(lines["ring"]) == 3
    assert lines["digits"][0] == "digits: 2,000 images of 32 x 32, gray"
    assert lines["folder:many"][1].endswith(" 29 1, and 5 more (--json lists all)")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ["--set", "train.steps=3"],
            "--set train.steps changes nothing in the data; this command takes data.KEY and seed",
        ),
        (["--out", "x.jpg"], "--out x.jpg: expected a name that ends in .png"),
        (["--set", "data.crop=none"], "data.crop: input should be 'center' or 'pad', not \"none\""),
        (["--set", "data.on_corrupt=error"], "broken.png (cannot identify image file"),
    ],
)
def test_wrong_input_is_one_line(words, said, pets, capsys):
    assert cli.run([*WORDS, *words]) == 2
    printed = capsys.readouterr()
    assert said in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert not list(Path().glob("*.png"))


def test_a_training_starts_with_the_same_lines(pets, capsys):
    tiny = ["networks.generator.width=2", "networks.discriminator.width=2", "data.on_corrupt=skip", "train.threads=1"]
    sets = [word for setting in tiny for word in ("--set", setting)]
    assert cli.run(["train", "nsgan", "--data", "folder:pets", "--size", "16", "--steps", "1", *sets]) == 0
    started = capsys.readouterr().err.splitlines()
    assert cli.run(["data", "folder:pets", "--size", "16", "--set", "data.on_corrupt=skip"]) == 0
    shown = capsys.readouterr().out.splitlines()
    notes = [line for line in shown if "blurred" in line or "center crop" in line]
    assert len(notes) == 2 and "70 of 70 images: half of data.size=16 or less" in notes[0]
    assert [line for line in started if line in notes] == notes


def test_of_a_set_that_an_earlier_version_prepared_the_sizes_are_unknown(pets, tmp_path, capsys):
    load("folder:pets", size=8, on_corrupt="skip")
    (entry,) = (tmp_path / "home/cache").iterdir()
    table = json.loads((entry / "entry.json").read_text())
    (entry / "entry.json").write_text(json.dumps({key: value for key, value in table.items() if key != "facts"}))
    assert cli.run(WORDS) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 and lines[2].startswith("sizes, duplicates: unknown")
    assert cli.run([*WORDS, "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["sizes"], facts["duplicates"], facts["notes"]) == (None, None, [])
