"""A run's sample grids -> GIF, WebP and MP4."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from ganzoo import cli
from ganzoo.errors import InputError
from ganzoo.image_io import grid, save_png, to_pil
from ganzoo.sampling import film
from small_runs import small, toy_data

STEPS = (1, 2, 4, 1000)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run whose grids are drawn by hand, with another gray at each step and for each seed."""
    from ganzoo import api

    folder = api.train(small("nsgan", train={"steps": 1}), toy_data(size=16), tmp_path_factory.mktemp("film") / "run")
    for number, step in enumerate(STEPS):
        save_png(grid(gray(number), 8)[0], folder / f"samples/{step:08d}.png")
    return folder


@pytest.fixture
def run(trained, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Path(shutil.copytree(trained, "run"))


def gray(number: int) -> torch.Tensor:
    """64 images, each of one gray, which depends on the seed and the number of the frame."""
    return (torch.linspace(-1, 0, 64) + number / 4).view(64, 1, 1, 1).expand(64, 1, 16, 16)


def ganzoo(*words: object) -> int:
    return cli.run([str(word) for word in words])


def frames(path) -> list[tuple[Image.Image, int]]:
    """Every frame of an animation, in gray, and its milliseconds."""
    found = []
    with Image.open(path) as animation:
        for number in range(animation.n_frames):
            animation.seek(number)
            animation.load()
            found.append((animation.convert("L"), animation.info["duration"]))
        assert animation.info["loop"] == 0
    return found


def test_the_frames_are_the_grids_in_order_over_their_step_and_the_last_one_stays(run, capsys):
    assert ganzoo("film", run, "--scale", 1) == 0
    assert capsys.readouterr().out == "run-film.gif: 4 frames, steps 1 to 1,000\n"
    found = frames("run-film.gif")
    assert [ms for _, ms in found] == [500, 500, 500, 2000]
    strips = set()
    for step, (frame, _) in zip(STEPS, found, strict=True):
        assert frame.size == (146, 146 + 24)
        kept = Image.open(run / f"samples/{step:08d}.png")
        assert frame.crop((0, 0, 146, 146)).tobytes() == kept.tobytes()
        strips.add(frame.crop((0, 146, 146, 170)).tobytes())
    assert len(strips) == 4, "each step is written"


def test_a_seed_is_cut_from_every_grid(run):
    assert ganzoo("film", run, "--seed", "3,9", "--out", "x.gif", "--fps", 10, "--scale", 2) == 0
    found = frames("x.gif")
    assert [ms for _, ms in found] == [100, 100, 100, 1600]
    for number, (frame, _) in enumerate(found):
        alone = to_pil(grid(gray(number)[[3, 9]], 2)[0], 2)
        left = (frame.width - alone.width) // 2
        assert frame.crop((left, 0, left + alone.width, alone.height)).tobytes() == alone.tobytes()


def test_a_narrow_film_is_enlarged_unless_a_scale_is_given(run):
    assert ganzoo("film", run, "--seed", "0", "--out", "x.webp") == 0
    assert frames("x.webp")[0][0].size == (260, 260 + 24), "20 pixels, 13 times"


def test_too_many_grids_are_thinned_evenly_and_the_ends_stay():
    assert film.choose_evenly(range(101), 5) == [0, 25, 50, 75, 100]
    assert film.choose_evenly([1, 2, 4, 8], 3) == [1, 4, 8] and film.choose_evenly([3, 5], 9) == [3, 5]


FFMPEG = """#!{python}
import sys
from pathlib import Path
from pathlib import Path
from PIL import Image
names = sorted(Path().glob("*.png"))
sizes = {{Image.open(name).size for name in names}}
Path(sys.argv[-1]).write_text(f"{{len(names)}} {{sizes}} {{sys.argv[sys.argv.index('-framerate') + 1]}}")
"""


def program(folder, text: str) -> None:
    """A program called ffmpeg in `folder`."""
    folder.mkdir()
    (folder / "ffmpeg").write_text(text)
    (folder / "ffmpeg").chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="a script is run by its first line")
def test_ffmpeg_gets_the_frames_and_its_message_is_shown(run, tmp_path, monkeypatch, capsys):
    program(tmp_path / "good", FFMPEG.format(python=sys.executable))
    program(tmp_path / "bad", "#!/bin/sh\necho one >&2; echo no encoder >&2; exit 1\n")
    for name, code in (("good", 0), ("bad", 2)):
        monkeypatch.setenv("PATH", f"{tmp_path / name}:/usr/bin:/bin")
        assert ganzoo("film", run, "--out", f"{name}.mp4", "--fps", 4, "--scale", 1) == code
    assert (tmp_path / "good.mp4").read_text() == "10 {(146, 170)} 4.0", "1.5 seconds longer are 6 frames"
    assert capsys.readouterr().err == "ganzoo: ffmpeg failed: no encoder\n" and not (tmp_path / "bad.mp4").exists()


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs ffmpeg")
def test_the_real_ffmpeg_writes_a_film(run, tmp_path):
    assert ganzoo("film", run, "--out", "x.mp4", "--seed", "0-2", "--scale", 3) == 0
    assert (tmp_path / "x.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--out", "x.avi"], "expected a name that ends in .gif, .webp, .mp4"),
        (["--out", "x.mp4"], "MP4 needs the program ffmpeg, which is not installed; write .gif or .webp"),
        (["--seed", "64"], "--seeds 64: a run keeps the images of seeds 0 to 63, and no other"),
        (["--seed", "x"], "expected numbers and ranges"),
        (["--frames", "1"], "--frames"),
        (["--fps", "nan"], "--fps"),
        (["--scale", "0"], "--scale"),
        (["--scale", "64"], "lower it"),
    ],
)
def test_wrong_input_is_one_line_and_writes_nothing(run, words, says, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ganzoo("film", run, *words) == 2
    printed = capsys.readouterr()
    assert says in printed.err and printed.err.count("\n") == 1 and not printed.out
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_grids_that_are_damaged_of_another_size_or_too_few_are_named(run, capsys):
    (run / "samples/00000002.png").write_bytes(b"no picture")
    assert ganzoo("film", run) == 2
    assert f"cannot read {run}/samples/00000002.png" in capsys.readouterr().err
    save_png(torch.zeros(1, 9, 9), run / "samples/00000002.png")
    assert ganzoo("film", run) == 2 and "has grids of different sizes" in capsys.readouterr().err
    for step in STEPS[1:]:
        (run / f"samples/{step:08d}.png").unlink()
    assert ganzoo("film", run) == 2
    assert "has fewer than two sample grids, too few for a film; train longer" in capsys.readouterr().err
    assert ganzoo("film", run / "release") == 2 and "give the run folder" in capsys.readouterr().err


def test_frames_that_a_format_cannot_hold_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"frames of 16,384 pixels are too large for WEBP; lower --scale"):
        film.save_film([Image.new("L", (16_384, 1))], tmp_path / "x.webp", 2)
