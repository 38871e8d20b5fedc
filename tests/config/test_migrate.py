"""Names of format 1 are still understood."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ganzoo.config.migrate import FOLDERS, RENAMED, current_name, migrate_flat
from ganzoo.config.overrides import overrides
from ganzoo.config.recipes import make_config, variants
from ganzoo.config.resolve import load_config, resolve_defaults
from ganzoo.config.tables import flatten
from ganzoo.errors import InputError
from ganzoo.experiments.results import read_results
from ganzoo.experiments.tuning import tuning_ranges
from ganzoo.json_io import read_json
from ganzoo.networks import BACKBONES, dcgan
from ganzoo.sampling import shipped_releases

LAPTOP = Path(__file__).parents[2] / "docs/reports/laptop/results.json"
OLD = """extends = "began"
[train]
batch = 7
accumulate = 1
ema = 0.5
warmup = { d_steps = 3 }
[networks.discriminator]
hidden = 5
growth = 2
spectral = true
[data]
limit = 90
on_corrupt = "refuse"
[tune]
"train.batch" = [8, 16]
"""
NEW = {
    "train.batch_size": 7,
    "train.gradient_accumulation": 1,
    "train.ema_decay": 0.5,
    "train.critic_warmup.d_steps": 3,
    "networks.discriminator.bottleneck": 5,
    "networks.discriminator.max_width_multiple": 2,
    "networks.discriminator.spectral_norm": True,
    "data.max_images": 90,
    "data.on_corrupt": "error",
}


@pytest.mark.parametrize("name", shipped_releases())
def test_every_bundled_config_keeps_its_values(name):
    path = shipped_releases()[name] / "config.json"
    old, new = flatten(read_json(path, 2)), flatten(load_config(path, trains=True).model_dump(mode="json"))
    moved = migrate_flat(old) | {"format": 2, "variant": current_name(old["variant"])}
    assert {key: new[key] for key in moved if key != "data.on_corrupt"} == {
        key: value for key, value in moved.items() if key != "data.on_corrupt"
    }


def test_a_toml_file_of_format_1_is_read_in_silence(tmp_path, recwarn):
    (tmp_path / "mine.toml").write_text("format = 1\n" + OLD)
    found = flatten(make_config(str(tmp_path / "mine.toml")).model_dump(mode="json"))
    assert {key: found[key] for key in NEW} == NEW and not recwarn.list


def test_a_toml_file_without_a_format_is_read_with_a_line_that_names_the_new_keys(tmp_path):
    (tmp_path / "mine.toml").write_text(OLD)
    with pytest.warns(UserWarning, match="mine.toml: train.batch is now called train.batch_size, train.accumulate is"):
        found = flatten(make_config(str(tmp_path / "mine.toml")).model_dump(mode="json"))
    assert {key: found[key] for key in NEW} == NEW
    with pytest.warns(UserWarning):
        assert tuning_ranges(str(tmp_path / "mine.toml"))["train.batch_size"] == [8, 16]


@pytest.mark.parametrize("key", RENAMED)
def test_an_old_key_names_its_successor(key, tmp_path):
    says = f"{key} is now called {RENAMED[key]}"
    with pytest.raises(InputError, match=says):
        resolve_defaults(make_config("nsgan", overrides([f"{key}=1"])))
    (tmp_path / "mine.toml").write_text(f'format = 2\nextends = "nsgan"\n{key} = 1\n')
    with pytest.raises(InputError, match=says):
        resolve_defaults(make_config(str(tmp_path / "mine.toml")))


@pytest.fixture
def backbone_with_growth(monkeypatch):
    """A plugin's backbone `mine` with an option that is called like an old key."""

    class Encoder(dcgan.Encoder):
        def __init__(self, *args, growth: int = 3, **options):
            super().__init__(*args, **options)

    monkeypatch.setitem(BACKBONES, "mine", replace(BACKBONES["dcgan"], encoder=Encoder))


def test_a_backbone_of_a_plugin_keeps_an_option_that_is_called_as_an_old_key(tmp_path, backbone_with_growth):
    (tmp_path / "mine.toml").write_text(
        'format = 1\n[networks]\nname = "mine"\ndiscriminator = { growth = 5, hidden = 4 }\n'
    )
    networks = make_config(str(tmp_path / "mine.toml")).networks
    assert networks.discriminator == {"growth": 5, "bottleneck": 4}


def test_results_keep_an_option_of_a_plugins_backbone_and_rename_the_old_keys(tmp_path, backbone_with_growth):
    table = read_json(LAPTOP)
    table["protocol"]["set"] = {
        "networks.discriminator.growth": 5,
        "networks.discriminator.hidden": 4,
        "data.on_corrupt": "refuse",
    }
    (tmp_path / "results.json").write_text(json.dumps(table))
    assert read_results(tmp_path).protocol.set == {
        "networks.discriminator.growth": 5,
        "networks.discriminator.bottleneck": 4,
        "data.on_corrupt": "error",
    }


@pytest.mark.parametrize(("old", "new"), [("toy/nsgan", "mixtures/nsgan"), ("cifar10/hinge", "papers/cifar10/hinge")])
def test_a_recipe_is_found_under_the_name_of_its_old_folder_with_a_warning(old, new):
    with pytest.warns(UserWarning, match=f"the variant {old} is now called {new}"):
        assert make_config(old) == make_config(new)


def test_every_folder_that_was_renamed_is_there_under_its_new_name_only():
    for old, new in FOLDERS.items():
        assert any(name.startswith(new) for name in variants())
        assert not any(name.startswith(old) for name in variants())


@pytest.mark.parametrize("name", ["wgan-gp", "mnist/cgan", "mixtures/nsgan", "cifar10-small/acgan", "custom"])
def test_a_present_name_stays(name):
    assert current_name(name) == name
