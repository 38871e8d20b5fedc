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
import safetensors.torch
import torch
from PIL import Image, ImageFont
from stand_ins import here

import ganzoo
from ganzoo import cli
from ganzoo.batch import Batch, DiscriminatorOutput
from ganzoo.builder import resolve_config
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config, variants
from ganzoo.config.tables import merge
from ganzoo.data import load as load_data
from ganzoo.errors import InputError
from ganzoo.experiments.local_pool import LocalPool
from ganzoo.losses import LOSSES
from ganzoo.networks import initialize, make_discriminator
from ganzoo.parts import KINDS, load_plugins
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
STEPS = ["--steps", "2"]
CASES = {
    "01_train_and_sample": (STEPS, r"run: \S+first\nimages: \(8, 1, 32, 32\), from -.+\npicture: \S+drawn.png\n"),
    "02_custom_loss": (STEPS, r"nsgan, step 1: d/real .+ g/adv .+\nsoftplus-margin, step 1: d/real .+ g/adv .+\n"),
    "03_own_loop": (STEPS, r"step 2: d/real .+, d/fake .+, d/gp .+, g/adv -?[\d.]+\n"),
    "04_simultaneous_updates": (STEPS, r"alternating, step 1: d/real .+\nsimultaneous, step 1: d/real .+\n"),
    "07_unrolled": (STEPS, r"alternating: modes@2500 .+, reverse_kl.+\nunrolled: modes@2500 .+, reverse_kl.+\n"),
    "08_three_players": (STEPS, r"nsgan: modes@2500 .+, reverse_kl.+\nd2gan: modes@2500 .+, reverse_kl.+\n"),
    "05_compare": (
        [*STEPS, "--seeds", "1", "--samples", "8"],
        r"(?s)digits \(train.+\| nsgan .+\| hinge .+report: \S+report.html\n",
    ),
    "06_letters": (["letters", "--fonts", ".", "--size", "16"], "1 faces from 2 font files in letters\n"),
    "09_emoji": ([".", "emoji", "--size", "16"], "1 pictures in emoji\n"),
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
    for emoji in ("1f44b.webp", "1f44b-1f3fb.webp"):
        Image.new("RGBA", (32, 32)).save(tmp_path / emoji)
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


@pytest.fixture(scope="module")
def third():
    """The example of a third player, as a plugin."""
    LOSSES.pop("d2gan", None)  # of a test that ran the file as a script
    load_plugins([EXAMPLES / "08_three_players.py"])
    yield ["d2gan", "--plugin", str(EXAMPLES / "08_three_players.py"), "--data", "ring", "--set", "networks.name=mlp"]
    LOSSES.pop("d2gan", None)


TINY = [f"networks.{player}.{key}" for player in ("generator", "discriminator") for key in ("width=8", "norm=none")]
TINY += [
    "train.batch_size=8",
    "train.threads=1",
    "train.precision=float32",
    "train.lr_decay_steps=8",
    "train.save_every=100",
]


def game_of_three(**tables: object) -> Trainer:
    settings = ["data.spec=ring", "networks.name=mlp", *TINY]
    data = load_data("ring", max_images=100)
    return make_trainer(resolve_config(make_config("d2gan", merge(overrides(settings), tables)), data), data)


@pytest.mark.filterwarnings("ignore:.*has no recipe:UserWarning")
def test_a_plugins_third_player_has_its_terms_its_optimizer_and_the_schedule(third):
    """The objectives of D2GAN, eq. 1: D = softplus(score); each update moves the weights of one player."""
    t = game_of_three()
    t.step = 2
    t.set_clock()
    assert t.opt_second.param_groups[0]["lr"] == t.opt_d.param_groups[0]["lr"] == pytest.approx(5e-4 * 6 / 8)
    x, g = torch.tensor([0.5, -1.0]), torch.tensor([2.0, -0.5])
    real, fake = DiscriminatorOutput(x[:, None], score=x), DiscriminatorOutput(g[:, None], score=g)
    d = [torch.log(1 + score.exp()) for score in (x, g)]
    torch.testing.assert_close(t.loss.d_loss(real, fake), {"real": -0.2 * d[0].log().mean(), "fake": d[1].mean()})
    expected = {"second_real": d[0].mean(), "second_fake": -0.2 * d[1].log().mean()}
    torch.testing.assert_close(t.loss.second_loss(real, fake), expected)
    t.d_step()
    before = [p.detach().clone() for p in t.second.parameters()]
    t.g_step()
    assert t.g_terms.keys() == {"adv", "second"} and all(p.grad is None for p in t.second.parameters())
    with torch.no_grad():
        fakes = Batch(t.G(torch.randn(5, t.game.latent.size)))
    torch.testing.assert_close(t.terms_of_g(t.D, None, t.D(fakes))["second"], 0.2 * log_softplus(t.second(fakes).score))
    rest = [p.detach().clone() for player in (t.G, t.D) for p in player.parameters()]
    t.second_update(t.reals(t.rows))
    assert not any(torch.equal(p, old) for p, old in zip(t.second.parameters(), before, strict=True) if p.ndim > 1)
    assert all(torch.equal(p, old) for p, old in zip([*t.G.parameters(), *t.D.parameters()], rest, strict=True))


@pytest.mark.filterwarnings("ignore:.*has no recipe:UserWarning")
def test_a_loss_with_its_own_trainer_is_no_part_of_another_game(third):
    with pytest.raises(InputError, match="adversarial must be a loss on a score alone, not 'd2gan'"):
        LOSSES["vaegan"](adversarial="d2gan")
    level = {"discriminator": {"name": "dcgan"}}
    config, data = (
        make_config("lapgan", {"networks": {"pyramid": [level]}, "loss": {"name": "d2gan"}}),
        load_data("digits"),
    )
    with pytest.raises(
        InputError, match="loss d2gan has its own trainer, but the levels of a pyramid are trained by one"
    ):
        resolve_config(config, data)


def log_softplus(score: torch.Tensor) -> torch.Tensor:
    return torch.log(torch.log(1 + score.exp())).mean()


@pytest.mark.filterwarnings("ignore:.*has no recipe:UserWarning")
def test_a_plugins_third_player_is_resumed_bit_for_bit_and_by_no_other_trainer(third, tmp_path, capsys):
    words = ["train", *third, *(word for setting in TINY for word in ("--set", setting))]
    for name, steps in (("whole", "6"), ("parts", "3")):
        assert cli.run([*words, "--steps", steps, "--out", str(tmp_path / name), "--quiet"]) == 0
    assert cli.run(["train", "--resume", str(tmp_path / "parts"), "--steps", "6", "--quiet", *third[1:3]]) == 0
    whole, parts = ((tmp_path / name / "state/00000006/state.safetensors").read_bytes() for name in ("whole", "parts"))
    names = safetensors.torch.load(whole).keys()
    assert whole == parts and {"second.heads.score.weight", "optimiser.second.0.exp_avg"} <= names
    capsys.readouterr()

    class Other(Trainer):
        pass

    with pytest.raises(InputError, match=r"tensor '(optimiser\.)?second\..+ is not expected"):
        ganzoo.resume(tmp_path / "whole", steps=8, trainer=Other)


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
