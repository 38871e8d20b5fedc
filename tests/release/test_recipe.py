"""The command that a page shows makes the same config."""

from __future__ import annotations

import json
import shlex

import pytest

from ganzoo import cli
from ganzoo.api import load_dataset
from ganzoo.builder import resolve_config
from ganzoo.config.recipes import make_config, unflatten
from ganzoo.config.schema import Config, Table
from ganzoo.release.reproduce import reproduce_command
from small_runs import toy_data

SETTINGS: dict[str, tuple[str, Table]] = {
    "plain": ("nsgan", {}),
    "release": ("mnist/wgan-gp", {"data.spec": "digits", "train.steps": 7}),
    "network": ("hinge", {"networks.name": "resnet", "networks.generator.width": 8, "seed": 3}),
    "loss": ("nsgan", {"loss.name": "wgan-gp", "loss.weight": 5.0, "networks.discriminator.norm": "none"}),
    "tricks": ("nsgan", {"tricks.instance_noise.std": 0.2, "tricks.replay": True}),
    "optimiser": ("wgan-gp", {"train.generator.betas": [0.1, 0.8], "train.generator.lr": 1e-5}),
    "data": ("nsgan", {"data.size": 16, "data.classes": ["3", 5], "data.max_images": 40}),
    "warmup": ("wgan", {"train.critic_warmup": {"d_steps": 3}}),
}


def resolved(variant: str, settings: Table) -> Config:
    config = make_config(variant, unflatten({"train.device": "cpu", "train.threads": 1} | settings))
    return resolve_config(config, load_dataset(config))


@pytest.mark.parametrize("name", SETTINGS)
def test_the_command_line_reads_back_the_same_config(name, capsys):
    config = resolved(*SETTINGS[name])
    words = shlex.split(reproduce_command(config))
    assert words[:3] == ["ganzoo", "train", SETTINGS[name][0]]
    there = ["--device", "cpu", "--set", "train.threads=1"]
    assert cli.run([*words[1:], *there, "--dry-run"]) == 0
    shown = json.JSONDecoder().raw_decode(capsys.readouterr().out)[0]
    assert shown == config.model_dump(mode="json")


def test_a_plain_recipe_needs_no_settings():
    assert (
        reproduce_command(resolved("nsgan", {}))
        == f"ganzoo train nsgan --data digits --steps {make_config('nsgan').train.steps} --seed 0"
    )


def test_no_command_is_better_than_a_wrong_one():
    assert reproduce_command(resolved("nsgan", {}).model_copy(update={"variant": "my-own"})) is None
    table = resolved("rpgan", {}).model_dump(mode="json")
    assert table["tricks"], "its recipe has some, and no setting takes all away"
    assert reproduce_command(Config.model_validate_json(json.dumps(table | {"tricks": {}}))) is None


def test_there_is_none_where_the_data_came_from_python():
    config = make_config("nsgan", {"train": {"device": "cpu", "threads": 1}})
    assert reproduce_command(resolve_config(config, toy_data(size=32))) is None
    memory = config.model_copy(update={"data": config.data.model_copy(update={"spec": "memory"})})
    assert reproduce_command(resolve_config(memory, toy_data(size=32))) is None
