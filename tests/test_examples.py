"""What a newcomer copies and runs: the examples, the notebook, the page of the recipes, the page for contributors."""

from __future__ import annotations

import os
import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
from PIL import ImageFont
from stand_ins import here

from ganzoo.batch import Batch
from ganzoo.config.recipes import make_config, variants
from ganzoo.experiments.local_pool import LocalPool
from ganzoo.losses import LOSSES
from ganzoo.networks import initialize, make_discriminator
from ganzoo.parts import KINDS

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
STEPS = ["--steps", "2"]
CASES = {
    "01_train_and_sample": (STEPS, r"run: \S+first\nimages: \(8, 1, 32, 32\), from -.+\npicture: \S+drawn.png\n"),
    "02_custom_loss": (STEPS, r"nsgan, step 1: d/real .+ g/adv .+\nsoftplus-margin, step 1: d/real .+ g/adv .+\n"),
    "03_own_loop": (STEPS, r"step 2: d/real .+, d/fake .+, d/gp .+, g/adv -?[\d.]+\n"),
    "04_simultaneous_updates": (STEPS, r"alternating, step 1: d/real .+\nsimultaneous, step 1: d/real .+\n"),
    "07_unrolled": (STEPS, r"alternating: modes@2500 .+, reverse_kl.+\nunrolled: modes@2500 .+, reverse_kl.+\n"),
    "05_compare": (
        [*STEPS, "--seeds", "1", "--samples", "8"],
        r"(?s)digits \(train.+\| nsgan .+\| hinge .+report: \S+report.html\n",
    ),
    "06_letters": (["letters", "--fonts", ".", "--size", "16"], "1 faces from 2 font files in letters\n"),
}


def test_every_example_has_a_case():
    assert sorted(path.stem for path in EXAMPLES.glob("*.py")) == sorted(CASES)


@pytest.mark.filterwarnings("ignore:.*has no recipe:UserWarning")
@pytest.mark.parametrize("name", CASES)
def test_example(name, tmp_path, monkeypatch, capsys):
    words, printed = CASES[name]
    monkeypatch.chdir(tmp_path)
    for face in ("one.ttf", "the-same.ttf"):
        (tmp_path / face).write_bytes(ImageFont.load_default(16).font_bytes)
    monkeypatch.setattr(sys, "argv", [name, *words])
    monkeypatch.setattr(LocalPool, "run_jobs", lambda self, jobs, report: here(jobs, report, None))
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    out = capsys.readouterr().out
    assert re.fullmatch(printed, out)
    assert len(terms := re.findall("g/adv (.+)", out)) == len(set(terms)), "what is compared differs"


def test_the_unrolled_gradient_is_that_of_finite_differences():
    """Of D's loss after its steps, which depend on G's images, in one number that moves all of them."""
    example = runpy.run_path(str(EXAMPLES / "07_unrolled.py"), run_name="example")
    d = make_discriminator("mlp", {"width": 6, "depth": 1, "activation": "tanh"}, shape=(2, 1, 1)).double()
    initialize(d, "he", 0, "d")
    g = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(5, 2, 1, 1, generator=g).double() for _ in range(2))
    judge = example["UnrolledJudge"](d, LOSSES["minimax"](), Batch(real))

    def value(shift):
        judged = judge(Batch(fake + shift))
        return sum(LOSSES["minimax"]().d_loss(judge.seen_real, judged).values())

    shift = torch.zeros((), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(value(shift), shift)
    expected = (value(torch.tensor(1e-5).double()) - value(torch.tensor(-1e-5).double())) / 2e-5
    assert slope.item() == pytest.approx(expected.item(), rel=1e-6)
    assert all(p.grad is None for p in d.parameters())


def test_the_tour(tmp_path):
    small = {"GANZOO_TOUR_STEPS": "2", "GANZOO_TOUR_SAMPLES": "8", "GANZOO_TOUR_SEEDS": "1"}
    words = ["-m", "pytest", "--nbmake", "-q", "-p", "no:cacheprovider", str(EXAMPLES / "tour.ipynb")]
    environment = os.environ | small | {"GANZOO_TOUR_RUNS": str(tmp_path / "runs")}
    done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
    assert (tmp_path / "runs/versus/report.html").is_file()


def test_the_page_of_the_recipes_names_every_folder_and_its_example_is_a_config(tmp_path):
    page = (ROOT / "zoo_configs/README.md").read_text(encoding="utf-8")
    assert {name.rpartition("/")[0] for name in variants()} - {""} <= set(re.findall(r"`([\w/-]+)/`", page))
    assert set(re.findall(r"`ganzoo train ([\w/-]+)`", page)) <= {*variants(), "NAME"}
    (tmp_path / "mine.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    config = make_config(str(tmp_path / "mine.toml"))
    assert config.networks.generator["width"] == 64 and config.tricks["r1"] == {"gamma": 1.0}
    assert tomllib.loads((tmp_path / "mine.toml").read_text())["extends"] == "wgan-gp"


def test_the_page_for_contributors_has_every_kind_of_part():
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    assert [kind.name for kind in KINDS if f"| {kind.name} | `{kind.folder}` |" not in page] == []


@pytest.mark.parametrize("page", ["CONTRIBUTING.md", "SECURITY.md", "zoo_configs/README.md", "examples/tour.ipynb"])
def test_every_local_link_is_there(page):
    links = re.findall(r"\]\(([^)#:]+)[^):]*\)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []
