"""The command line end to end; most in this process, what concerns the process in one of its own."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings

import pytest
import torch
from PIL import Image

from ganzoo import api, cli
from ganzoo.cli import explore as demo
from ganzoo.losses import LOSSES
from ganzoo.training.run_dir import RunDir
from small_runs import toy_data

SMALL = (
    "latent.dim=8 networks.generator.width=4 networks.discriminator.width=4 train.batch_size=4 train.threads=1".split()
)
SETS = [word for setting in SMALL for word in ("--set", setting)]


def ganzoo(*words: object) -> int:
    return cli.run([str(word) for word in words])


def process(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ganzoo", *map(str, words)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "run"
    assert ganzoo("train", "cgan", "--steps", 2, "--out", folder, "--quiet", *SETS, "--set", "networks.init=he") == 0
    return folder


def test_train_resume_sample(run, tmp_path, capsys):
    assert ganzoo("train", "--resume", run, "--steps", 4) == 0
    printed = capsys.readouterr()
    assert f"ganzoo sample {run}" in printed.out and "step 4/4" in printed.err
    assert [r["step"] for r in RunDir(run).records()] == [1], "logged at the first and every twentieth step"
    assert ganzoo("sample", run, "--seeds", "0-2,9", "--out", tmp_path / "x.png") == 0
    assert Image.open(tmp_path / "x.png").size == (2 + 2 * 34, 2 + 2 * 34)


def test_a_resume_takes_the_first_commands_data_and_data_that_were_moved_but_no_others(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder, value in (("mine", 9), ("other", 10)):
        (tmp_path / folder).mkdir()
        Image.new("L", (32, 32), value).save(tmp_path / folder / "x.png")
    assert ganzoo("train", "nsgan", "--data", "folder:mine", "--out", "run", "--quiet", "--steps", 1, *SETS) == 0
    assert ganzoo("train", "--resume", "run", "--data", "folder:mine", "--quiet", "--steps", 2) == 0
    (tmp_path / "mine").rename(tmp_path / "moved")
    assert ganzoo("train", "--resume", "run", "--data", "folder:other", "--quiet", "--steps", 3) == 2
    said = f"the data 'folder:{tmp_path / 'other'}' are not the data that run was trained on; start a new run"
    assert said in capsys.readouterr().err and RunDir(tmp_path / "run").records()[-1]["step"] < 3
    assert ganzoo("train", "--resume", "run", "--data", "folder:moved", "--quiet", "--steps", 3) == 0
    assert RunDir(tmp_path / "run").config().data.spec == f"folder:{tmp_path / 'moved'}"
    assert ganzoo("train", "--resume", "run", "--quiet", "--steps", 4) == 0


def test_one_png_a_seed_in_a_folder(run, tmp_path):
    assert ganzoo("sample", run, "--seeds", "7,3", "--out", tmp_path / "many") == 0
    assert sorted(p.name for p in (tmp_path / "many").iterdir()) == ["000003.png", "000007.png"]
    assert Image.open(tmp_path / "many/000007.png").size == (32, 32)


def test_points_are_one_picture(tmp_path, capsys):
    words = ["train", "nsgan", "--data", "ring", "--steps", 1, "--out", tmp_path / "ring", "--quiet", *SETS]
    assert ganzoo(*words) == 0
    for out, more in (("many", ["-n", 3]), ("x.gif", ["--interpolate", "1,2"]), ("many", ["--interpolate", "1,2"])):
        assert ganzoo("sample", tmp_path / "ring", *more, "--out", tmp_path / out) == 2
        assert "points are drawn as one picture; expected a name that ends in .png" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["ring"]
    for more in (["-n", 3], ["--interpolate", "1,2"]):
        assert ganzoo("sample", tmp_path / "ring", *more, "--out", tmp_path / "x.png") == 0
        assert Image.open(tmp_path / "x.png").size == (256, 256)


def test_a_walk_is_a_strip_or_a_film(run, tmp_path):
    for name in ("walk.png", "walk.gif"):
        assert ganzoo("sample", run, "--interpolate", "1,5", "--frames", 6, "--out", tmp_path / name) == 0
    assert Image.open(tmp_path / "walk.png").size == (2 + 6 * 34, 2 + 34)
    assert Image.open(tmp_path / "walk.gif").n_frames == 6


def test_classes_are_columns_by_number_or_name(run, tmp_path):
    assert ganzoo("sample", run, "-n", 9, "--classes", "0,7,2", "--out", tmp_path / "c.png") == 0
    assert Image.open(tmp_path / "c.png").size == (2 + 3 * 34, 2 + 3 * 34)


def test_a_class_a_row_and_a_film_that_comes_back(run, tmp_path):
    assert ganzoo("sample", run, "--per-class", 4, "--classes", "7,2", "--out", tmp_path / "c.png") == 0
    assert Image.open(tmp_path / "c.png").size == (2 + 4 * 34, 2 + 2 * 34)
    for seeds, images in (("1,5,9", 5), ("1,5,1", 4)):
        words = ["--interpolate", seeds, "--frames", 3, "--truncation", 2, "--out", tmp_path / "walk.gif"]
        assert ganzoo("sample", run, *words) == 0
        assert Image.open(tmp_path / "walk.gif").n_frames == images


def test_names_stand_at_the_rows_and_change_nothing_else(run, tmp_path):
    words = ["--per-class", 4, "--classes", "7,2"]
    for name, more in (("c.png", []), ("names.png", ["--names"])):
        assert ganzoo("sample", run, *words, *more, "--out", tmp_path / name) == 0
    plain, named = Image.open(tmp_path / "c.png").convert("RGB"), Image.open(tmp_path / "names.png")
    assert named.height == plain.height and named.width > plain.width
    left = named.width - plain.width
    assert named.crop((left, 0, named.width, named.height)).tobytes() == plain.tobytes()
    strips = [named.crop((0, top, left, top + 36)) for top in (0, 34)]
    assert all(strip.convert("L").getextrema()[0] < 100 for strip in strips), "something is written"
    assert strips[0].tobytes() != strips[1].tobytes()


def nearest(path, scale):
    """The picture at `path` with each pixel as a square, as RGB."""
    image = Image.open(path).convert("RGB")
    return image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST).tobytes()


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("x.png", ["-n", 4]),
        ("many", ["--seeds", 5]),
        ("x.gif", ["--interpolate", "1,2", "--frames", 2]),
        ("x.png", ["--per-class", 2, "--classes", 1]),
    ],
)
def test_every_picture_can_be_enlarged(run, tmp_path, monkeypatch, out, words):
    for scale in (1, 3):
        (tmp_path / str(scale)).mkdir()
        monkeypatch.chdir(tmp_path / str(scale))
        assert ganzoo("sample", run, *words, "--scale", scale, "--out", out) == 0
    one, three = (next(p for p in (tmp_path / name).rglob("*.*") if p.is_file()) for name in "13")
    assert Image.open(three).convert("RGB").tobytes() == nearest(one, 3)


def test_several_checkpoints_give_a_row_each(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(run / "release", "mine")
    assert ganzoo("sample", "mine", run, "-n", 3, "--classes", "4,5") == 0
    assert ganzoo("sample", "mine", "-n", 3, "--classes", "4,5", "--out", "alone.png") == 0
    alone, both = Image.open("alone.png").convert("RGB"), Image.open("rows.png")
    width = 2 + 3 * 34
    assert both.height == 2 + 2 * 34 and both.width > width
    strips = [both.crop((both.width - width, top, both.width, top + 36)) for top in (0, 34)]
    assert strips[0].tobytes() == strips[1].tobytes(), "a release is its run"
    assert strips[0].crop((0, 0, 70, 34)).tobytes() == alone.crop((0, 0, 70, 34)).tobytes(), (
        "the row is what it draws alone"
    )
    names = both.crop((0, 0, both.width - width, both.height)).convert("L")
    assert names.getextrema() == (64, 255), "written beside it"
    assert ganzoo("sample", "mine", run, "--per-class", 2) == 2
    assert "several checkpoints (one row each) take only" in capsys.readouterr().err


def test_a_picture_is_projected(run, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.new("L", (28, 28)).save("x.png")
    assert ganzoo("invert", "x.png", run, "--steps", 2, "--restarts", 1, "--class", 3, "--extractor", "digits") == 0
    assert Image.open("x-inverted.png").size == (2 + 2 * 34, 2 + 34)
    printed = capsys.readouterr()
    assert re.match(r"x-inverted.png: error [\d.]+ of 255 gray levels .*, from seed 0, class 3\n$", printed.out)
    assert not printed.err, "no bar where nobody looks"
    assert ganzoo("invert", "x.png", run, "--steps", 1, "--restarts", 1, "--scale", 2, "--out", "large.png") == 0
    assert Image.open("large.png").size == (2 * (2 + 2 * 34), 2 * (2 + 34))


def test_a_picture_is_not_overwritten_by_its_projection(run, tmp_path, capsys):
    picture = tmp_path / "x.png"
    Image.new("L", (28, 28)).save(picture)
    before = picture.read_bytes()
    assert ganzoo("invert", picture, run, "--out", tmp_path / "." / "x.png", "--steps", 1, "--restarts", 1) == 2
    assert capsys.readouterr().err.endswith("would overwrite the picture itself; give another name\n")
    assert picture.read_bytes() == before


def test_the_folder_one_is_in_has_a_name(run, tmp_path, capsys, monkeypatch):
    shutil.copytree(run / "release", tmp_path / "mine")
    monkeypatch.chdir(tmp_path / "mine")
    assert ganzoo("sample", ".", "-n", 1) == 0 and ganzoo("export", ".", "--format", "pt2") == 0
    assert capsys.readouterr().out.startswith("mine-samples.png\nmine.pt2: ")


def test_raw_weights_of_a_run(run, tmp_path):
    assert ganzoo("sample", run, "-n", 4, "--out", tmp_path / "ema.png") == 0
    assert ganzoo("sample", run, "-n", 4, "--no-ema", "--out", tmp_path / "raw.png") == 0
    assert (tmp_path / "ema.png").read_bytes() != (tmp_path / "raw.png").read_bytes()


def test_list_as_json_names_every_variant(capsys):
    assert ganzoo("list", "--json") == 0
    rows = {row["variant"]: row for row in json.loads(capsys.readouterr().out)}
    assert {"wgan-gp", "cgan", "minimax"} <= rows.keys()
    assert rows["acgan"]["discriminator_gives"] == ["score", "class_logits"]
    assert rows["began"]["backbone"] == "dcgan" and "arXiv:1703.10717" in rows["began"]["paper"]


def test_dry_run_prints_everything_and_writes_nothing(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ganzoo("train", "hinge", "--dry-run", *SETS) == 0
    shown = capsys.readouterr().out
    assert '"clip"' not in shown and '"spectral_norm": true' in shown
    assert "generator: " in shown and "discriminator: " in shown and " parameters" in shown
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["train", "wgan_gp"], "did you mean 'wgan-gp'?"),
        (["train", "NSGAN"], "did you mean 'nsgan'?"),
        (["train"], "which variant?"),
        (["train", "nsgan", "--stepz", "3"], "--stepz"),
        (["train", "nsgan", "--steps", "-4"], "train.steps: input should be greater than 0, not -4"),
        (["train", "nsgan", "--set", "train.bach=3"], "did you mean 'train.batch_size'?"),
        (["train", "nsgan", "--set", "train.batch_size=3.5"], "train.batch_size: "),
        (["train", "nsgan", "--set", "train.batch_size"], "expected KEY=VALUE"),
        (["train", "nsgan", "--set", "train.generator.lr=nan"], "train.generator.lr: "),
        (["train", "nsgan", "--set", "train.generator.lr=-1"], "train.generator.lr: input should be greater than 0"),
        (["train", "nsgan", "--set", "train.generator.betas=[0.5, 1]"], "train.generator.betas"),
        (["train", "nsgan", "--set", "train.ratio=0:1"], "train.ratio: expected D:G"),
        (["train", "nsgan", "--set", "loss.name=wgann"], "did you mean 'wgan'?"),
        (["train", "nsgan", "--set", "loss.clip=1"], "no config key is called 'loss.clip'"),
        (["train", "nsgan", "--set", "networks.name=resnett"], "did you mean 'resnet'?"),
        (["train", "nsgan", "--set", "networks.generator.widht=3"], "did you mean 'networks.generator.width'?"),
        (["train", "nsgan", "--set", "tricks.r3=true"], "no trick is called 'r3'"),
        (["train", "nsgan", "--set", "train.generator.name=adamm"], "did you mean 'adam'?"),
        (["train", "nsgan", "--data", "digit"], "did you mean 'digits'?"),
        (["train", "nsgan", "--data", "folder:/nowhere"], "/nowhere"),
        (["train", "nsgan", "--device", "gpu"], "device 'gpu' is not available"),
        (["train", "nsgan", "--device", "meta"], "device 'meta' is not available"),
        (["train", "nsgan", "--threads", "1025"], "train.threads: input should be less than or equal to 1024"),
        (["train", "nsgan", "--threads", "9" * 5000], "--threads: expected auto or a number from 1 to 1024"),
        (["train", "nsgan", "--set", "seed=" + "9" * 5000], "seed: input should be a valid integer"),
        (["train", "nsgan", "--set", "loss=" + "[" * 5000 + "]" * 5000], "--set loss: expected a table, not"),
        (["train", "nsgan", "--dry-run", "--set", "seed=1\nx=2"], "seed: input should be a valid integer"),
        (["train", "nsgan", "--set", f'data.classes=["{"9" * 5000}"]'], "no class is called '999"),
        (["train", "nsgan", "--dry-run", "--set", "train.ratio=1:0"], "train.ratio: expected D:G"),
        (["train", "nsgan", "--plugin", "/no.py"], "no such Python file"),
        (["train", "/no.toml"], "cannot read the config /no.toml"),
        (["train", "--resume", "/nowhere"], "/nowhere is not a run"),
        (["train", "--resume", "/nowhere", "--out", "x"], "cannot be combined"),
        (["train", "--resume", "/nowhere", "--dry-run"], "cannot be combined"),
        (["sample", "wgan-pg"], "wgan-pg"),
        (["sample", "x", "-n", "3", "--seeds", "4"], "give one of"),
        (["sample", "x", "--seeds", "4-"], "expected numbers and ranges"),
        (["sample", "x", "--seeds", ""], "--seeds '': expected numbers and ranges"),
        (["sample", "x", "--seeds", "0-2,5-3"], "--seeds 0-2,5-3: the range 5-3 is empty"),
        (
            ["sample", "x", "--seeds", "3,0-99999999999999"],
            "cannot draw 100,000,000,000,001 images in one call",
        ),
        (["sample", "x", "-n", "99999999999999"], "at most 100,000; use several calls"),
        (["sample", "x", "--frames", "4"], "--frames needs --interpolate"),
        (["sample", "x", "y", "x"], "x is named twice; each checkpoint gives one row"),
        (["sample", "x", "y", "--frames", "4"], "--frames needs --interpolate"),
        (["sample", "x", "--along", "line"], "--along needs --interpolate"),
        (["sample", "x", "--interpolate", "4"], "expected two or more seeds"),
        (["sample", "x", "--interpolate", "4,x"], "expected two or more seeds"),
        (["sample", "x", "--per-class", "3", "-n", "4"], "give one of"),
        (["sample", "x", "--per-class", "0"], "--per-class"),
        (["sample", "x", "--per-class", "2", "--out", "many"], "rows of images are one picture"),
        (["sample", "x", "--traverse", "1", "--classes", "2"], "--traverse takes only"),
        (["sample", "x", "--levels", "--interpolate", "1,2"], "--levels takes only"),
        (["sample", "x", "y", "--levels"], "drop the other options"),
        (["sample", "x", "--levels", "--out", "many"], "rows of images are one picture"),
        (["sample", "x", "--names"], "--names needs --per-class; give both or neither"),
        (["sample", "x", "--scale", "0"], "--scale"),
        (["sample", "x", "--scale", "1.5"], "--scale"),
        (["film", "/nowhere"], "/nowhere is not a run"),
        (["invert", "x.png", "wgan-pg"], "wgan-pg"),
        (["gallery", "/nowhere"], "/nowhere"),
        (["demo", "/nowhere"], "/nowhere"),
        (["demo", "--port", "99999"], "--port"),
        (["sample", "x", "--out", "x.jpg"], "ends in .png"),
        (["frobnicate"], "No such command"),
        (["sample", "x", "--sweep", "all"], "--sweep is now called --traverse"),
        (["sample", "x", "--raw"], "--raw is now called --no-ema"),
        (["evaluate", "x", "--n", "8"], "--n is now called -n"),
        (["project", "x.png", "x"], "project is now called invert"),
    ],
)
def test_wrong_input_is_one_line_and_exit_2(words, says, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert ganzoo(*words) == 2
    printed = capsys.readouterr()
    assert says in printed.err and printed.err.count("\n") == 1 and "Traceback" not in printed.err
    assert not printed.out and not list(tmp_path.iterdir())


def test_wrong_input_about_a_run(run, capsys):
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    for words, says in [
        (["train", "nsgan", "--out", run], "contains a run"),
        (["train", "nsgan", "--resume", run], "the run trains cgan, not nsgan"),
        (["train", "--resume", run, "--set", "seed=3"], "seed: 0 -> 3"),
        (["train", "--resume", run / "release"], "is a release, without log and training states"),
        (["doctor", run / "release"], "is a release"),
        (["sample", run, "--classes", "x"], "no class is called 'x'"),
        (["sample", run, "--classes", "10"], "no class is called '10'"),
        (["sample", run, "-n", "0"], "cannot draw 0 images"),
        (["sample", run, "--interpolate", "0,1", "--frames", "1"], "at least 2 frames"),
        (["sample", run, "--interpolate", "0,1", "--frames", "99999999999"], "cannot draw 99,999,999,999 images"),
        (["sample", run, "--truncation", "-1"], "a bound above 0"),
        (["sample", run, "--traverse", "all"], "trained without a code"),
        (["sample", run, "--levels"], "has no levels: it was trained without networks.pyramid"),
        (["invert", "/no.png", run], "cannot read /no.png (No such file or directory)"),
        (["invert", run / "config.json", run], "cannot identify image file"),
        (["demo", run, "--host", "203.0.113.9"], "cannot listen at 203.0.113.9:8000"),
        (["sample", run / "release", "--no-ema"], "--no-ema needs a run"),
    ]:
        assert ganzoo(*words) == 2
        printed = capsys.readouterr().err
        assert says in printed and printed.count("\n") == 1
    assert before == {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}


@pytest.mark.parametrize("file", [None, "x.png"])
def test_what_the_disk_refuses_is_one_line_with_the_file_where_it_is_known(file, monkeypatch, capsys):
    def app(*_, **__):
        raise OSError(28, "No space left on device", file)

    monkeypatch.setattr(cli.app, "app", app)
    assert ganzoo("sample") == 2
    assert capsys.readouterr().err == f"ganzoo: {'x.png: ' if file else ''}No space left on device\n"


def test_a_plugin_adds_a_loss_to_every_command_that_takes_a_checkpoint(tmp_path, capsys, monkeypatch):
    plugin = tmp_path / "mine.py"
    plugin.write_text(
        "from ganzoo.losses import NSGAN\n\n"
        "class Mine(NSGAN):\n    '''Mine, 2026, https://arxiv.org/abs/0'''\n    name = 'mine'\n"
        "    def __init__(self, *, weight: float = 2.0):\n        super().__init__()\n        self.weight = weight\n"
    )
    (tmp_path / "mine.toml").write_text('extends = "nsgan"\n[loss]\nname = "mine"\n')
    words = ["train", tmp_path / "mine.toml", "--plugin", plugin, "--steps", 1, *SETS]
    assert ganzoo(*words, "--set", "loss.weight=3", "--out", tmp_path / "run") == 0
    assert RunDir(tmp_path / "run").config().loss == {"name": "mine", "weight": 3.0}
    assert RunDir(tmp_path / "run").config().variant == "mine"
    assert all(line.endswith(f" --plugin {plugin}") for line in capsys.readouterr().out.splitlines()[-5:])
    monkeypatch.chdir(tmp_path)
    Image.new("L", (28, 28)).save("x.png")
    monkeypatch.setattr(demo, "serve", lambda samplers, host, port, share, say: None)
    for words in [
        ["sample", "run"],
        ["invert", "x.png", "run", "--steps", 1, "--restarts", 1],
        ["gallery", "run"],
        ["demo", "run", "--port", 0],
        ["evaluate", "run", "-n", 8, "--metrics", "fid"],
        ["export", "run", "--format", "pt2"],
        ["doctor", "run"],
    ]:
        LOSSES.pop("mine")
        assert ganzoo(*words, "--plugin", plugin) == 0, capsys.readouterr().err
    LOSSES.pop("mine")
    assert ganzoo("sample", "run") == 2
    assert "(a part of a plugin needs --plugin FILE)" in capsys.readouterr().err
    assert ganzoo("push", "run", "nowhere", "--plugin", plugin) == 2
    assert "expected hf:USER/NAME" in capsys.readouterr().err and "mine" in LOSSES


def test_a_training_that_diverges_exits_1_and_keeps_the_last_finite_state(tmp_path, capsys):
    keys = "train.generator.lr=10 train.discriminator.lr=10 train.save_every=1 train.log_every=1".split()
    keys += ["networks.discriminator.norm=none", "train.precision=float32", "train.ratio=3:1", "train.lr_decay_steps=0"]
    rate = [word for key in keys for word in ("--set", key)]
    assert ganzoo("train", "wgan-gp", "--steps", 50, "--out", tmp_path / "run", *SETS, *rate) == 1
    line = capsys.readouterr().err.splitlines()[-1]
    assert "a number became NaN or infinite" in line and "last finite state:" in line
    for state in (tmp_path / "run/state").iterdir():
        assert ganzoo("sample", tmp_path / "run", "--no-ema", "-n", 1, "--out", tmp_path / "x.png") == 0, state


@pytest.mark.parametrize("shape", [(2**47,), (2**40, 2**40)])  # more than there are addresses for, or numbers
def test_too_little_memory_is_one_line(shape, monkeypatch, capsys):
    monkeypatch.setattr(api, "train", lambda *_, **__: torch.empty(shape))
    assert ganzoo("train", "nsgan") == 1
    said = capsys.readouterr().err
    assert said == "ganzoo: out of memory; lower train.batch_size or the networks' width\n"


def test_what_a_terminal_cannot_encode_is_printed_in_another_form(monkeypatch):
    monkeypatch.setattr(cli.app, "app", lambda *_, **__: print("▁ a\udcff.png"))
    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), "latin-1"))
    with pytest.raises(SystemExit) as end:
        cli.main([])
    sys.stdout.flush()
    assert end.value.code == 0 and sys.stdout.buffer.getvalue() == b"\\u2581 a\\udcff.png\n"


def test_a_warning_is_one_line(tmp_path):
    words = ["train", "nsgan", "--dry-run", "--set", "networks.generator.kernel=5", *SETS]
    out, err = process(*words).communicate(timeout=60)
    assert err.startswith("ganzoo: warning: ") and err.count("\n") == 1 and "5" in err
    assert '"kernel": 5' in out


def test_help_is_printed_without_torch():
    code = (
        "import sys\nfrom ganzoo import cli\n"
        "try:\n    cli.main(['--help'])\nexcept SystemExit as end:\n    assert end.code == 0\n"
        "assert not {'torch', 'numpy', 'pydantic'} & set(sys.modules), 'too much was imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout and "sample" in done.stdout


@pytest.mark.parametrize("command", cli.app.COMMANDS)
def test_every_command_has_help(command, capsys):
    assert ganzoo(command, "--help") == 0
    assert f"Usage: ganzoo {command}" in capsys.readouterr().out


def wait_for(path, seconds=60):
    end = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not come"
        time.sleep(0.02)


def safetensors(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*.safetensors")}


LONG = ["train", "nsgan", "--quiet", "--precision", "bf16", *SETS]
LONG += ["--set", "train.save_every=5", "--set", "train.log_every=1"]


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_one_process_trains_a_run_and_ctrl_c_saves_and_says_how_to_go_on(tmp_path, capsys):
    running = process(*LONG, "--steps", 100_000, "--out", tmp_path / "run")
    wait_for(tmp_path / "run/metrics.jsonl")
    assert ganzoo("train", "--resume", tmp_path / "run", "--quiet") == 2
    assert capsys.readouterr().err == f"ganzoo: {tmp_path / 'run'} is being trained by another process\n"
    running.send_signal(signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130
    assert f"resume with: ganzoo train --resume {tmp_path / 'run'}" in err and "Traceback" not in err
    done = RunDir(tmp_path / "run").records()[-1]["step"]
    assert (tmp_path / f"run/state/{done:08d}/state.safetensors").exists(), "the step that was under way is saved"


@pytest.mark.skipif(os.name != "posix", reason="signals are those of POSIX")
def test_after_kill_9_the_run_goes_on_to_the_same_bytes(tmp_path):
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    running = process(*LONG, "--steps", 60, "--out", killed)
    wait_for(killed / "state/00000005")
    running.kill()
    running.communicate()
    assert ganzoo("train", "--resume", killed, "--quiet") == 0
    assert ganzoo(*LONG, "--steps", 60, "--out", whole) == 0
    assert safetensors(killed) == safetensors(whole)


def test_toy_data_is_what_it_says():
    assert toy_data().shape == (1, 28, 28) and toy_data(classes=0).classes == 0
