"""The README's commands and its Python, as they stand there, on small data."""

from __future__ import annotations

import re
import shlex
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ganzoo
from ganzoo import cli
from ganzoo.config.recipes import make_config, variants
from ganzoo.experiments.results import read_results
from ganzoo.losses import LOSSES

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w*)\n(.*?)```", README, flags=re.DOTALL)
COMMANDS = [line for kind, block in BLOCKS if not kind for line in block.splitlines() if line.startswith("ganzoo ")]
CODE = {block.split("\n")[0]: block for kind, block in BLOCKS if kind == "python"}


def write_idx(path: Path, array: np.ndarray) -> None:
    header = struct.pack(">BBBB", 0, 0, 8, array.ndim) + b"".join(struct.pack(">I", n) for n in array.shape)
    path.write_bytes(header + array.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def somewhere(tmp_path_factory):
    """A folder with everything that the README's reader is supposed to have."""
    here = tmp_path_factory.mktemp("readme")
    raw = here / "home/data/FashionMNIST/raw"
    raw.mkdir(parents=True)
    for prefix in ("train", "t10k"):
        write_idx(raw / f"{prefix}-images-idx3-ubyte", np.zeros((20, 28, 28)))
        write_idx(raw / f"{prefix}-labels-idx1-ubyte", np.arange(20) % 10)
    (here / "photos").mkdir()
    for i in range(3):
        Image.new("RGB", (80, 64), (i, 90, 200)).save(here / f"photos/{i}.png")
    (here / "softplus_margin.py").write_text(CODE["# softplus_margin.py"])
    ganzoo.train(
        {"extends": "wgan-gp", "train": {"batch_size": 4}}, steps=2, threads=1, out=here / "runs/wgan-gp-digits-s0"
    )
    return here


def shortened(command: str) -> list[str]:
    """The words of a command; a training is cut to two small steps, four where it resumes, a score to a few samples."""
    words = shlex.split(command)[1:]
    if words[0] in ("compare", "ablate"):
        words += ["--seeds", "1", "--budget", "steps=1", "-n", "8", "--metrics", "fid", "--set", "train.batch_size=4"]
    if words[0] == "evaluate":
        words += ["-n", "8"]
    if words[0] != "train" or "--dry-run" in words:
        return words
    if "--resume" in words:
        return [*words[: words.index("--steps")], "--steps", "4"]
    out = [] if "--out" in words else ["--out", f"runs/{COMMANDS.index(command)}"]
    return [*words, *out, "--steps", "2", "--set", "train.batch_size=4", "--set", "train.threads=1"]


def test_there_are_commands():
    assert len(COMMANDS) >= 9 and any("--plugin" in c for c in COMMANDS)


@pytest.mark.filterwarnings("ignore:wgan-gp is the bundled release")  # and the reader has trained one
@pytest.mark.parametrize("command", COMMANDS)
def test_command(command, somewhere, monkeypatch, capsys):
    monkeypatch.chdir(somewhere)
    monkeypatch.setenv("GANZOO_HOME", str(somewhere / "home"))
    assert cli.run(shortened(command)) == 0, capsys.readouterr().err


def test_the_first_command_is_the_one_that_is_promised():
    install, tests = re.search(r"```\n(.*?)```", README, flags=re.DOTALL).group(1).splitlines()
    assert install == "pip install -e . && ganzoo train wgan-gp"
    script = (ROOT / ".ci/run").read_text()
    assert tests in script.splitlines()


def test_the_python_of_the_readme(somewhere, monkeypatch):
    monkeypatch.chdir(somewhere)
    monkeypatch.setenv("GANZOO_HOME", str(somewhere / "home"))

    def train(config, **options):
        return real({"extends": config, "train": {"steps": 1, "batch_size": 4, "threads": 1}}, **options)

    real = ganzoo.train
    monkeypatch.setattr(ganzoo, "train", train, raising=False)
    names: dict[str, object] = {}
    exec(CODE["import ganzoo"], names)
    assert names["images"].shape == (16, 1, 32, 32)


def test_every_variant_of_the_table_is_there():
    rows = re.findall(r"^\| `([a-z-]+)` \|", README, flags=re.MULTILINE)
    assert len(rows) == 14 and set(rows) <= variants().keys()
    assert {*LOSSES} >= {"wgan-gp", "rpgan"}


def test_the_table_quotes_the_steps_the_medians_and_the_floor_of_the_recipes():
    """Its numbers are written by benchmarks/laptop.py (tests/test_pages.py); here they must be those of the recipes."""
    rows = re.findall(r"^\| `([a-z-]+)` \|.*\| ([\d,]+) \| \d+ \| ([\d.]+) \| <img", README, flags=re.MULTILINE)
    assert len(rows) == 14
    assert {name: steps for name, steps, _ in rows} == {name: f"{make_config(name).train.steps:,}" for name, *_ in rows}
    results = read_results(ROOT / "docs/reports/laptop")
    assert f"real images score {results.floors['fid-digits@10k/test']:.2f}" in " ".join(README.split())


def test_the_readme_is_a_page_and_not_a_manual():
    assert 100 <= len(README.splitlines()) <= 130


@pytest.mark.parametrize("page", ["README.md", *(str(p.relative_to(ROOT)) for p in (ROOT / "docs").rglob("*.md"))])
def test_every_local_link_and_picture_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#:]+)\)", text) + re.findall(r'src="([^":]+)"', text)
    missing = [link for link in links if not (ROOT / page).parent.joinpath(link).exists()]
    assert not missing
