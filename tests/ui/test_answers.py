"""What the demo draws, and what it refuses to."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ganzoo import api, load
from ganzoo.errors import InputError
from ganzoo.image_io import to_uint8
from ganzoo.sampling import checkpoints
from ganzoo.ui.answers import Answers, of_pictures
from ganzoo.ui.collection import collect
from small_runs import small


@pytest.fixture(scope="module")
def answers(runs) -> Answers:
    return Answers({name: load(runs / name) for name in ("cgan", "infogan")})


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png))).astype(int)


def test_samples_are_those_of_the_seeds(answers):
    found = pixels(
        answers.png("samples", {"checkpoint": "0", "seed": "5", "n": "4", "class": "2", "truncation": "0.7"})
    )
    expected = to_uint8(answers.samplers["cgan"].sample(4, 5, classes=["2"], truncation=0.7)).numpy()[:, 0].astype(int)
    cells = [found[y : y + 16, x : x + 16] for y in (2, 20) for x in (2, 20)]
    assert found.shape == (38, 38) and all(abs(a - b).max() <= 1 for a, b in zip(cells, expected, strict=True))


def test_a_walk_is_its_frames_side_by_side(answers):
    found = pixels(answers.png("walk", {"checkpoint": "1", "seed": "3", "to": "9", "frames": "5"}))
    expected = to_uint8(answers.samplers["infogan"].walk([3, 9], 5)).numpy()[:, 0].astype(int)
    assert found.shape == (16, 80) and abs(found - np.concatenate(list(expected), 1)).max() <= 1


def test_the_page_is_told_what_can_be_asked(answers):
    conditional, coded = answers.described()
    assert conditional["classes"] == ["0", "1", "2"] and conditional["truncates"]
    assert coded["classes"] == [] and not coded["truncates"] and coded["latent"] == "8 uniform values"


@pytest.mark.parametrize(
    ("kind", "parameters", "says"),
    [
        ("samples", {}, "checkpoint must be a whole number from 0 to 1, not ''"),
        ("samples", {"checkpoint": "2"}, "from 0 to 1, not '2'"),
        ("samples", {"checkpoint": "-1"}, "not '-1'"),
        ("samples", {"checkpoint": "../../etc/passwd"}, "checkpoint must be"),
        ("samples", {"checkpoint": "٣"}, "checkpoint must be"),
        ("samples", {"checkpoint": "0", "seed": "1e3"}, "seed must be"),
        ("samples", {"checkpoint": "0", "seed": "9" * 5000}, "seed must be"),
        ("samples", {"checkpoint": "0", "n": "0"}, "n must be a whole number from 1 to 64"),
        ("samples", {"checkpoint": "0", "n": "65"}, "from 1 to 64"),
        ("samples", {"checkpoint": "0", "class": "9"}, "no class is called '9'"),
        ("samples", {"checkpoint": "1", "class": "0"}, "trained without labels"),
        ("samples", {"checkpoint": "1", "truncation": "1"}, "truncation is for Gaussian latents"),
        ("samples", {"checkpoint": "0", "truncation": "nan"}, "truncation must be a number above 0"),
        ("samples", {"checkpoint": "0", "truncation": "x"}, "not 'x'"),
        ("samples", {"checkpoint": "0", "frames": "4"}, "no parameter is called 'frames'"),
        ("walk", {"checkpoint": "0", "frames": "1"}, "frames must be a whole number from 2 to 64"),
        ("walk", {"checkpoint": "0", "to": ""}, "to must be"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(answers, kind, parameters, says):
    with pytest.raises(InputError) as caught:
        answers.png(kind, parameters)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_points_are_left_out_of_a_folder_and_refused_where_they_are_named(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(checkpoints, "RELEASE_FOLDERS", ())
    shutil.copytree(runs / "nsgan/release", tmp_path / "runs/nsgan")
    api.train(small("mixtures/nsgan", train={"steps": 1}, data={"spec": "ring"}), out=tmp_path / "runs/ring")
    pictures, points = (str(Path("runs", name)) for name in ("nsgan", "ring"))
    for names in ([], ["runs"]):
        found = collect(names, of_pictures)
        assert list(found.samplers) == [pictures]
        assert found.left_out[0].startswith(f"{points}: {points} makes points; the demo shows pictures")
    with pytest.raises(InputError, match=r"ring makes points; the demo shows pictures"):
        collect([pictures, points], of_pictures)
    shutil.rmtree(pictures)
    with pytest.raises(InputError, match=r"no checkpoint to show in runs \(.*ring makes points; .*; name a run"):
        collect(["runs"], of_pictures)
