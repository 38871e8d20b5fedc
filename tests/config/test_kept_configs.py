"""The config.json of a run or release, as a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import ganzoo
from ganzoo import api, cli
from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config
from ganzoo.config.schema import Config
from ganzoo.config.tables import Table, unflatten
from ganzoo.errors import InputError
from ganzoo.run_data import load_dataset
from ganzoo.sampling import shipped_releases
from small_runs import small, toy_data

SETTINGS: dict[str, tuple[str, Table]] = {
    "plain": ("nsgan", {}),
    "release": ("mnist/wgan-gp", {"data.spec": "digits", "train.steps": 7}),
    "network": ("hinge", {"networks.name": "resnet", "networks.generator.width": 8, "seed": 3}),
    "loss": ("nsgan", {"loss.name": "wgan-gp", "loss.weight": 5.0, "networks.discriminator.norm": "none"}),
    "tricks": ("nsgan", {"tricks.instance_noise.std": 0.2, "tricks.replay": True}),
    "no-tricks": ("rpgan", {"tricks.r1": False, "tricks.r2": False}),
    "optimiser": ("wgan-gp", {"train.generator.betas": [0.1, 0.8], "train.generator.lr": 1e-5}),
    "data": ("nsgan", {"data.size": 16, "data.classes": ["3", 5], "data.max_images": 40}),
    "points": ("nsgan", {"data.spec": "ring"}),
    "warmup": ("wgan", {"train.critic_warmup": {"d_steps": 3}}),
}


def resolved(variant: str, settings: Table) -> Config:
    config = make_config(variant, unflatten({"train.device": "cpu", "train.threads": 1} | settings))
    return resolve_config(config, load_dataset(config))


def written(config: Config, folder: Path) -> str:
    path = folder / "config.json"
    path.write_text(config.model_dump_json())
    return str(path)


@pytest.mark.parametrize("name", SETTINGS)
def test_it_reads_back_as_the_same_config(name, tmp_path):
    config = resolved(*SETTINGS[name])
    again = make_config(written(config, tmp_path))
    assert again.dataset is None and resolve_config(again, load_dataset(again)) == config


def test_the_same_weights_come_out_again(tmp_path):
    run = api.train(small("nsgan", train={"steps": 2}, tricks={"replay": True}), out=tmp_path / "run")
    for path, name in ((run / "release/config.json", "again"), (run / "config.json", "other")):
        words = ["--seed", "0" if name == "again" else "1", "--out", str(tmp_path / name), "--quiet"]
        assert cli.run(["train", str(path), *words]) == 0
    weights = {
        folder: (tmp_path / folder / "release/generator.safetensors").read_bytes() for folder in ("again", "other")
    }
    assert weights["again"] == (run / "release/generator.safetensors").read_bytes() != weights["other"]
    assert (tmp_path / "again/config.json").read_bytes() == (run / "config.json").read_bytes()


def test_other_data_bring_their_own_size_and_channels(tmp_path):
    over = {"data": {"spec": "cifar10"}}
    assert make_config(written(resolved("nsgan", {}), tmp_path), over).data == make_config("nsgan", over).data
    small = make_config(written(resolved("nsgan", {"data.size": 16}), tmp_path), over)
    assert (small.data.size, small.data.channels) == (16, None)


def test_settings_are_laid_upon_it_as_upon_a_recipe(tmp_path):
    path = written(resolved("nsgan", {"loss.real_target": [0.9, 0.9]}), tmp_path)
    other = make_config(path, {"loss": {"name": "hinge"}, "train": {"steps": 3}})
    assert (
        other.loss == {"name": "hinge"} and other.train.steps == 3 and other.about.endswith("On the recipe of nsgan.")
    )
    (tmp_path / "mine.toml").write_text('extends = "config.json"\n[train]\nsteps = 5\n')
    mine = make_config(str(tmp_path / "mine.toml"))
    assert (mine.variant, mine.train.steps, mine.loss["real_target"]) == ("mine", 5, [0.9, 0.9])


def test_every_release_that_ships_can_be_trained_again():
    for name, folder in shipped_releases().items():
        assert make_config(str(folder / "config.json")).variant.rpartition("/")[2] in name


@pytest.mark.parametrize(
    ("file", "reason"),
    [
        ("card.json", r"no config key is called 'data_licence'"),
        (
            "partial.json",
            r"dataset, networks.init, train.threads, train.device: missing in the config of a run or release",
        ),
        ("text.json", r"is not valid JSON"),
        ("list.json", r"is not a ganzoo file: it has no format number"),
        ("none.json", r"No such file"),
        ("plugin.json", r"loss.*\(a part of a plugin needs --plugin FILE\)"),
    ],
)
def test_json_that_is_no_config_is_refused_in_a_line(file, reason, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = resolved("nsgan", {}).model_dump(mode="json")
    Path("card.json").write_text(json.dumps({"format": 1, "data_licence": "", "steps": 3}))
    Path("partial.json").write_text('{"format": 1, "seed": 3}')
    Path("text.json").write_text("seed = 3")
    Path("list.json").write_text("[]")
    Path("plugin.json").write_text(json.dumps(config | {"loss": {"name": "my-own"}}))
    assert cli.run(["train", file]) == 2
    said = capsys.readouterr().err
    assert file in said and said.count("\n") == 1 and not Path("runs").exists()
    with pytest.raises(InputError, match=reason):
        make_config(file)


def test_data_that_came_from_python_are_asked_for(tmp_path, capsys):
    path = written(resolve_config(small("nsgan", train={"steps": 1}), toy_data()), tmp_path)
    ganzoo.train(path, toy_data(), tmp_path / "run")
    assert cli.run(["train", path.replace("config.json", "run/config.json")]) == 2
    assert "data 'memory' were passed from Python and are in no file" in capsys.readouterr().err
