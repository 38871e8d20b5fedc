"""The two mixtures: where the points are, and which networks a recipe gets on them."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

import ganzoo
from ganzoo import api, cli, image_io
from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config
from ganzoo.data import load, makes_points
from ganzoo.data.sources.mixtures import mixture_of, mode_circles
from ganzoo.errors import InputError
from ganzoo.training.run_dir import RunDir

RING = [(1, 0), (0.5**0.5, 0.5**0.5), (0, 1), (-(0.5**0.5), 0.5**0.5)]
TRUTH = {
    "ring": (0.01, [*RING, *((-x, -y) for x, y in RING)]),
    "grid": (0.05, [(x, y) for y, x in product((-4, -2, 0, 2, 4), repeat=2)]),
}
BOTH = pytest.mark.parametrize("spec", list(TRUTH))


@BOTH
def test_points_lie_around_their_own_mode_as_the_protocol_says(spec):
    sigma, centres = TRUTH[spec]
    data = load(spec)
    assert (len(data), data.shape, data.images.dtype) == (100_000, (2, 1, 1), np.float32)
    assert data.class_names == [str(i) for i in range(len(centres))]
    away = data.images.reshape(-1, 2) - np.array(centres)[data.labels]
    assert np.allclose(away.std(0), sigma, rtol=0.01) and np.abs(away).max() < 6 * sigma
    assert abs(np.corrcoef(away.T)[0, 1]) < 0.01
    even = len(data) / len(centres)
    assert np.abs(np.bincount(data.labels) - even).max() < 4 * even**0.5


@BOTH
def test_they_are_the_same_each_time_and_the_test_split_is_drawn_anew(spec, home):
    train, test = load(spec), load(spec, split="test")
    assert load(spec).digest == train.digest
    assert (len(test), test.split, test.name) == (10_000, "test", spec)
    assert not np.array_equal(test.labels, train.labels[: len(test)])
    assert set(map(tuple, test.images.reshape(-1, 2).tolist())).isdisjoint(
        map(tuple, train.images.reshape(-1, 2).tolist())
    )
    assert not (home / "cache").exists()


@pytest.mark.parametrize("option", [{"size": 32}, {"channels": 3}])
def test_sizes_of_pictures_are_refused_and_neutral_ones_are_not(option):
    with pytest.raises(InputError, match="points in the plane") as error:
        load("ring", **option)
    assert "\n" not in str(error.value)
    assert len(load("ring", size=1, channels=1)) == 100_000


def test_the_truth_of_a_choice_of_modes_is_that_choice():
    part = load("grid", classes=["24", "0"])
    assert mixture_of(part.name, part.class_names).centres.tolist() == [[4, 4], [-4, -4]]
    assert mode_circles(part.name, part.class_names).radius == pytest.approx(0.15)
    assert mixture_of("grid", ["cat"]) is None and mixture_of("mnist", ["0"]) is None


def test_which_specs_are_points():
    assert makes_points("ring") and makes_points("grid")
    assert not any(makes_points(spec) for spec in ("digits", "stacked-digits", "folder:ring", "none"))


def on_ring(variant):
    return make_config(variant, {"data": {"spec": "ring"}}).networks


def test_conditions_norms_and_spectral_norm_stay():
    assert on_ring("cgan").discriminator["condition"] == "channels"
    assert on_ring("acgan").generator == {"condition": "batch-norm", "norm": "batch"}
    assert on_ring("hinge").discriminator == {"norm": "layer", "spectral_norm": True}


def test_what_the_user_says_of_the_networks_is_obeyed(tmp_path):
    over = {"data": {"spec": "ring"}, "networks": {"generator": {"width": 7}}}
    assert make_config("nsgan", over).networks.generator == {"width": 7}
    with pytest.raises(InputError, match="the backbone dcgan is for images"):
        resolve_config(make_config("nsgan", {"data": {"spec": "ring"}, "networks": {"name": "dcgan"}}), load("ring"))
    file = tmp_path / "mine.toml"
    file.write_text('extends = "wgan-gp"\n[data]\nspec = "grid"\n[networks]\ndiscriminator = { width = 9 }\n')
    mine = make_config(str(file)).networks
    assert (mine.name, mine.discriminator, mine.generator) == ("mlp", {"norm": "layer", "width": 9}, {})
    file.write_text('extends = "wgan-gp"\n[data]\nspec = "grid"\n[networks]\nname = "resnet"\n')
    assert make_config(str(file)).networks.name == "resnet"


def test_a_file_may_be_given_as_a_path(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('extends = "nsgan"\n[data]\nspec = "ring"\n[train]\nsteps = 1\n')
    assert RunDir.open(ganzoo.train(file, out=tmp_path / "run")).config().variant == "mine"


def test_pictures_keep_their_recipe():
    assert make_config("hinge", {"data": {"spec": "stacked-digits"}}).networks == make_config("hinge").networks


def test_points_from_memory_choose_the_networks_too(tmp_path):
    short = {"train": {"steps": 1, "batch_size": 8, "device": "cpu", "threads": 1}}
    run = api.train(short, torch.randn(60, 2, 1, 1), tmp_path / "run")
    assert ganzoo.load(run).config.networks.name == "mlp"


def test_the_command_line_trains_and_draws_the_true_modes(tmp_path, capsys):
    run = tmp_path / "run"
    words = [
        "train",
        "mixtures/nsgan",
        "--data",
        "grid",
        "--steps",
        "1",
        "--out",
        str(run),
        "--set",
        "train.batch_size=8",
        "--quiet",
    ]
    assert cli.run(words) == 0, capsys.readouterr().err
    config = json.loads((run / "config.json").read_text())
    assert (config["networks"]["name"], config["latent"]["dim"], config["train"]["batch_size"]) == ("mlp", 256, 8)
    pixels = np.asarray(Image.open(run / "samples/00000001.png"))
    circles = image_io.draw_scatter(torch.empty(0, 2), mode_circles("grid", load("grid").class_names))[0] < 1
    grey = pixels[circles.numpy()]
    assert circles.sum() > 25 * 8 and grey.max() < 255, "each circle's pixel is grey, or dark where a sample lies"
    assert (pixels == 0).sum() > 0, "samples are dark"
