"""Order and refusals of tricks; the contracts of all tricks are in `ganzoo.contracts`."""

from __future__ import annotations

import pytest
import torch

from ganzoo import TRICKS
from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader, Dataset
from ganzoo.errors import InputError
from ganzoo.losses import LOSSES
from ganzoo.training.trainer import Trainer
from small_runs import losses_against, recipe_of, small, toy_data


def config_of(loss: str, tricks: dict):
    """The smallest config of a loss, without batch norm in D, so that every trick may be tried."""
    variant, tables = recipe_of(loss)
    config = small(variant, **tables)
    networks = config.networks.model_copy(update={"discriminator": config.networks.discriminator | {"norm": "none"}})
    return config.model_copy(update={"networks": networks, "tricks": tricks})


def trainer(loss: str, tricks: dict) -> Trainer:
    data = toy_data()
    config = resolve_config(config_of(loss, tricks), data)
    return Trainer(build_modules(config), BatchLoader(data, config.seed), config)


def refused(loss: str, trick: str) -> bool:
    try:
        resolve_config(config_of(loss, {trick: True}), toy_data())
    except InputError as reason:
        assert f"trick {trick}" in str(reason) or f"already has the penalty {trick}" in str(reason)
        return True
    return False


def test_every_trick_has_a_neutral_setting():
    assert all(trick.neutral for trick in TRICKS.values())


@pytest.mark.parametrize("name", list(TRICKS))
def test_a_loss_refuses_what_the_attributes_of_both_say(name):
    """docs/guide/techniques.md names these losses, by the same attributes."""
    assert {loss for loss in LOSSES if refused(loss, name)} == losses_against(name)


def test_tricks_apply_in_one_order_whatever_the_order_in_the_config():
    names = ["r2", "augment", "replay", "label_noise", "r1", "instance_noise"]
    forward, backward = ({n: True for n in order} for order in (names, names[::-1]))
    order = [trick.name for trick in trainer("nsgan", forward).tricks]
    assert order == [trick.name for trick in trainer("nsgan", backward).tricks]
    assert order == ["replay", "label_noise", "augment", "instance_noise", "r1", "r2"]


def test_the_order_of_those_that_ship():
    """Another order of two would change the numbers of every run that has both."""
    shipped = (
        "past_players target_networks replay label_noise ada augment instance_noise packing consistency feature_matching "
        "historical_averaging lecam output_entropy r1 r2 gp dragan_gp"
    ).split()
    assert sorted(shipped, key=lambda name: (TRICKS[name].phase, name)) == shipped


def test_tricks_of_images_are_refused_on_points():
    points = Dataset.from_tensor(torch.randn(50, 2, 1, 1))
    plain = {"name": "mlp", "generator": {"width": 8}, "discriminator": {"width": 8}}
    with pytest.raises(InputError, match="trick augment is for images, but the data are points"):
        resolve_config(small("nsgan", networks=plain, tricks={"augment": True}), points)
