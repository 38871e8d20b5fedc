"""The table of techniques says what is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from ganzoo import TRICKS, cli
from ganzoo.builder import resolve_config
from ganzoo.cli.list import technique_defaults as defaults
from ganzoo.config.recipes import make_config
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.tables import flatten, merge, unflatten
from ganzoo.config.techniques import technique_settings, techniques
from ganzoo.training.loop import make_trainer
from small_runs import QUICK, SMALL, toy_data

TECHNIQUES = techniques()
PAGE = (Path(__file__).parents[1] / "docs/guide/techniques.md").read_text(encoding="utf-8")
ROWS = pytest.mark.parametrize("technique", TECHNIQUES, ids=lambda t: t.name)


@ROWS
def test_every_key_exists(technique):
    known = defaults()
    for key in (*technique.keys, *technique.neutral):
        assert key in known or any(k.startswith(f"{key}.") for k in known), key


@ROWS
def test_the_neutral_setting_is_a_setting(technique):
    config = flatten(resolve_defaults(make_config("nsgan", unflatten(technique.neutral))).model_dump(mode="json"))
    assert {key: config[key] for key in technique.neutral} == technique.neutral


def test_every_trick_has_a_row_with_a_neutral_setting():
    named = {key.split(".")[1] for t in TECHNIQUES for key in t.neutral if key.startswith("tricks.")}
    assert named == TRICKS.keys()


@ROWS
def test_the_page_has_the_row(technique):
    start = f"| {technique.name} | {technique.number or ''} |".replace("|  |", "| |")
    (line,) = [line for line in PAGE.splitlines() if line.startswith(start)]
    assert all(key.removeprefix("networks.").split(".")[-1] in line for key in technique.keys), line
    assert [name for name in (*technique.on, *technique.without) if f"`{name}`" not in line] == []
    assert all((Path(__file__).parents[1] / p).exists() for p in line.split("`") if p.startswith("tests/"))


def test_list_techniques(capsys):
    assert cli.run(["list", "--techniques", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["experience replay"]["keys"] == {
        "tricks.replay.capacity": 10_000,
        "tricks.replay.share": 0.5,
        "tricks.replay.replacement": "random",
    }
    assert rows["experience replay"]["number"] == 10 and "1612.07828" in rows["experience replay"]["source"]
    assert cli.run(["list", "--techniques"]) == 0
    assert "tricks.instance_noise.std = 0.1" in capsys.readouterr().out


def test_a_switch_has_one_name_and_keys_of_its_row():
    names = [name for technique in TECHNIQUES for name in (*technique.on, *technique.without)]
    assert list(technique_settings()) == names and len(set(names)) == len(names)
    for technique in TECHNIQUES:
        for settings in (*technique.on.values(), *technique.without.values()):
            assert all(any(key == k or key.startswith(f"{k}.") for k in technique.keys) for key in settings), settings


@pytest.mark.parametrize("name", list(technique_settings()))
def test_a_switch_changes_the_config(name):
    on = resolve_defaults(make_config("nsgan", unflatten(technique_settings()[name])))
    assert (on != resolve_defaults(make_config("nsgan"))) == (name not in ("batch-norm", "decay")), "which nsgan has"


def weights(settings):
    data, over = toy_data(), merge(SMALL, {"networks": {"discriminator": {"norm": "none"}}})
    trainer = make_trainer(resolve_config(make_config("nsgan", merge(over, unflatten(settings))), data), data)
    for _ in range(3):
        trainer.train_step()
    return torch.cat([p.detach().flatten() for net in (trainer.G, trainer.D) for p in net.parameters()])


@ROWS
def test_the_neutral_setting_is_bit_identical_to_none(technique):
    assert torch.equal(weights(technique.neutral), weights({}))


def test_the_forms_for_short_runs_are_of_switches_that_exist():
    """One under another name would be ignored, and the tests that use it would take ten times as long."""
    assert QUICK.keys() <= technique_settings().keys()
