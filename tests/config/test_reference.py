"""The reference of the config: every key is in it, with its default and a meaning."""

from __future__ import annotations

import json

import pytest

from ganzoo import TRICKS, cli
from ganzoo.config.recipes import make_config
from ganzoo.config.reference import config_keys, keys_below
from ganzoo.config.resolve import resolve_defaults
from ganzoo.config.tables import flatten
from ganzoo.losses import LOSSES

RESOLVED = {"train.device", "train.threads", "networks.init"}
"""Keys whose default is worked out when a run is created."""


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[dict]:
    assert cli.run(["config", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_key_of_a_resolved_config_is_there_with_its_default(loss):
    tables = {"loss": {"name": loss}, "tricks": {name: True for name in TRICKS}, "train": {"critic_warmup": {}}}
    values = flatten(resolve_defaults(make_config(None, tables)).model_dump(mode="json"))
    del values["about"], values["loss.name"]
    listed: dict[str, list[object]] = {}
    for key in config_keys():
        if key.path.split(".")[0] != "loss" or loss in key.parts:
            listed.setdefault(key.path, []).append(key.default)
    assert [path for path in values if path not in listed] == []
    assert [path for path in values if path not in RESOLVED and values[path] not in listed[path]] == []


def test_every_key_has_a_type_and_a_meaning():
    assert [key.path for key in config_keys() if not key.meaning.endswith(".") or not key.type] == []


def test_a_key_of_several_parts_has_one_row_for_each_default():
    rows = [(key.parts, key.default) for key in keys_below("networks.generator.norm")]
    assert rows == [(("dcgan", "resnet"), "batch"), (("mlp",), "none")]


def test_types_say_limits_and_choices():
    types = {key.path: key.type for key in config_keys()}
    assert types["train.batch_size"] == "integer > 0" and types["train.rollback_lr_factor"] == "number > 0 and <= 1"
    assert types["data.channels"] == "1 | 3 | none" and types["train.generator.name"] == "adam | sgd | rmsprop"
    assert types["networks.discriminator.downsample"] == "stride | pool"


def test_a_prefix_is_a_key_or_a_table(capsys):
    assert [row["path"] for row in printed(capsys, "tricks.r1")] == ["tricks.r1", "tricks.r1.gamma", "tricks.r1.every"]
    assert [row["default"] for row in printed(capsys, "train.steps")] == [2000]
    assert {row["path"].split(".")[0] for row in printed(capsys)} >= {"seed", "data", "train"}


def test_the_text_has_the_key_as_set_takes_it(capsys):
    assert cli.run(["config", "tricks.r1.gamma"]) == 0
    key, kind, meaning, source = capsys.readouterr().out.splitlines()
    assert (key, kind) == ("tricks.r1.gamma = 10.0", "    number >= 0 | schedule")
    assert "gamma/2" in meaning and source == "    Mescheder et al. 2018, arXiv:1801.04406"


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ("trian", "did you mean 'train'?"),
        ("train.batch_sise", "did you mean 'train.batch_size'?"),
        ("train.batch", "is now called train.batch_size"),
        ("train.step", "did you mean 'train.steps'?"),
    ],
)
def test_a_misspelt_prefix_names_the_near_one(wrong, hint, capsys):
    assert cli.run(["config", wrong]) == 2
    out, err = capsys.readouterr()
    assert not out and err.endswith(f"{hint}\n") and err.count("\n") == 1


def test_the_settings_of_a_plugin_are_listed(tmp_path, capsys):
    (tmp_path / "mine.py").write_text(
        "from ganzoo.losses import Hinge\n\n\nclass Mine(Hinge):\n    name = 'mine'\n\n"
        "    def __init__(\n        self,\n        *,\n        margin: float = 2.0,  # distance\n    ) -> None:\n"
        "        super().__init__()\n"
    )
    (row,) = printed(capsys, "loss.margin", "--plugin", str(tmp_path / "mine.py"))[1:]
    assert (row["parts"], row["default"], row["meaning"]) == (["mine"], 2.0, "Distance.")
