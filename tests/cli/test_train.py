"""`ganzoo train`: its own options, its last lines, and what is said of few images."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from ganzoo import api, cli
from ganzoo.training import checkpoint
from ganzoo.training.run_dir import RunDir
from small_runs import small

QUICK = ["--steps", "2", "--set", "train.threads=1", "--set", "train.save_every=2"]


def ganzoo(*words: object) -> int:
    return cli.run([str(word) for word in words])


def config_of(*words: object):
    assert ganzoo("train", "nsgan", *QUICK, *words, "--quiet") == 0
    (path,) = api.Path("runs").glob("*/config.json")
    return RunDir(path.parent).config()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_the_short_options_set_the_keys(tmp_path):
    config = config_of("--batch-size", 4, "--lr", "0.001", "--size", 16, "--name", "mine")
    assert (config.train.batch_size, config.data.size) == (4, 16)
    assert config.train.generator["lr"] == config.train.discriminator["lr"] == 0.001
    assert (tmp_path / "runs/mine/config.json").is_file()


def test_the_last_lines_are_steps_time_and_five_commands(capsys):
    assert ganzoo("train", "nsgan", *QUICK, "--batch-size", 4, "--name", "a b") == 0
    done, *commands = capsys.readouterr().out.splitlines()
    assert done.startswith("done: 2 steps in ") and done.endswith("runs/a b/samples/00000002.png; next:")
    names = [words.split()[1] for words in commands]
    assert len(set(names)) == 5 and "sample" in names and all("'runs/a b'" in words for words in commands)
    resume = next(words for words in commands if "--resume" in words)
    assert resume.endswith("--resume 'runs/a b' --steps 4")


def test_the_time_of_a_resumed_run_is_that_of_both_parts(capsys):
    words = [*QUICK, "--batch-size", 4, "--name", "x"]
    assert ganzoo("train", "nsgan", *words) == 0
    assert ganzoo("train", "--resume", "runs/x", "--steps", 3) == 0
    run = RunDir(api.Path("runs/x"))
    seconds = [checkpoint.read_state_record(p, run.config())["seconds"] for p in checkpoint.saved_states(run.states)]
    assert "done: 3 steps in " in capsys.readouterr().out and seconds[-1] > seconds[0] > 0


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (["--name", "a/b"], "--name a/b: expected the name of a folder in runs/; give a path with --out"),
        (["--name", ".."], "--name ..: expected the name of a folder in runs/"),
        (["--name", ""], "--name : expected the name of a folder in runs/"),
        (["--name", "a", "--out", "b"], "--name cannot be combined with --out"),
        (["--lr", "0"], "train.generator.lr"),
        (["--lr", "x"], "--lr"),
        (["--batch-size", "0"], "train.batch_size"),
        (["--size", "7"], "7"),
    ],
)
def test_wrong_values_are_one_line(words, error, capsys, tmp_path):
    assert ganzoo("train", "nsgan", *QUICK, *words) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert error in line and not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([], "photos trains on your own pictures; name their folder, as in --data folder:PATH"),
        (["--dry-run"], "photos trains on your own pictures; name their folder, as in --data folder:PATH"),
        (["--data", "folder:none"], "folder none does not exist"),
    ],
)
def test_a_recipe_for_own_pictures_asks_for_them(words, error, capsys, tmp_path):
    assert ganzoo("train", "photos", *words) == 2
    assert capsys.readouterr().err == f"ganzoo: {error}\n" and not list(tmp_path.iterdir())


def test_a_recipe_of_your_own_may_name_pictures_in_your_home(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("HOME", str(tmp_path))
    for i in range(2):
        (tmp_path / "mine").mkdir(exist_ok=True)
        Image.new("RGB", (8, 8), (90 * i, 0, 0)).save(tmp_path / f"mine/{i}.png")
    (tmp_path / "own.toml").write_text('extends = "photos"\ndata.spec = "folder:~/mine"\n')
    assert ganzoo("train", tmp_path / "own.toml", "--dry-run") == 0, capsys.readouterr().err


@pytest.mark.parametrize(("count", "tricks", "said"), [(30, {}, True), (30, {"augment": {}}, False), (2000, {}, False)])
def test_few_images_are_said_unless_they_are_augmented(count, tricks, said, tmp_path, capsys):
    images = torch.zeros(count, 1, 16, 16, dtype=torch.uint8)
    api.train(small("nsgan", train={"steps": 1}, tricks=tricks), images, tmp_path / "run", quiet=False)
    assert (f"{count:,} images are few: D may memorize them" in capsys.readouterr().err) == said
