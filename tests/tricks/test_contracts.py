"""What must hold of every trick: neutral is none, it fits every loss that it does not refuse, and it resumes exactly."""

from __future__ import annotations

import re

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


def after(steps: int, loss: str, tricks: dict) -> Trainer:
    t = trainer(loss, tricks)
    for _ in range(steps):
        t.train_step()
    return t


def weights(t: Trainer) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for net in (t.G, t.D) for p in net.parameters()])


def refused(loss: str, trick: str) -> bool:
    try:
        resolve_config(config_of(loss, {trick: True}), toy_data())
    except InputError as reason:
        assert f"trick {trick}" in str(reason) or f"has the penalty {trick} already" in str(reason)
        return True
    return False


def test_every_trick_has_a_neutral_setting():
    assert all(trick.neutral for trick in TRICKS.values())


@pytest.mark.parametrize("name", list(TRICKS))
def test_the_docstring_names_its_source(name):
    assert re.search(r"(19|20)\d\d", TRICKS[name].__doc__) and "https://" in TRICKS[name].__doc__


@pytest.mark.parametrize("name", list(TRICKS))
def test_at_its_neutral_setting_a_trick_is_bit_identical_to_none(name):
    without = after(3, "lsgan", {})
    neutral = after(3, "lsgan", {name: TRICKS[name].neutral})
    assert torch.equal(weights(without), weights(neutral))
    assert without.batches.position == neutral.batches.position


@pytest.mark.parametrize("name", list(TRICKS))
def test_a_trick_that_is_on_changes_the_training(name):
    # Three steps of four pairs are few for label noise's 5 %, and no past.
    on = {"label_noise": {"p": 0.5}, "past_players": {"every": 2, "steps": 1}}.get(name, True)
    assert not torch.equal(weights(after(3, "lsgan", {})), weights(after(3, "lsgan", {name: on})))


@pytest.mark.parametrize("name", list(TRICKS))
@pytest.mark.parametrize("loss", list(LOSSES))
def test_every_trick_runs_with_every_loss_that_it_does_not_refuse(loss, name):
    if refused(loss, name):
        return
    t = after(3, loss, {name: {"every": 2, "steps": 1} if name == "past_players" else True})
    assert torch.isinf(t.first_bad) and weights(t).isfinite().all()


@pytest.mark.parametrize("name", list(TRICKS))
def test_a_loss_refuses_what_the_attributes_of_both_say(name):
    """docs/techniques.md names these losses, by the same attributes."""
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
        "past_players replay label_noise augment instance_noise packing feature_matching historical_averaging "
        "r1 r2 gp dragan_gp"
    ).split()
    assert sorted(shipped, key=lambda name: (TRICKS[name].phase, name)) == shipped


def test_tricks_of_images_are_refused_on_points():
    points = Dataset.from_tensor(torch.randn(50, 2, 1, 1))
    plain = {"name": "mlp", "generator": {"width": 8}, "discriminator": {"width": 8}}
    with pytest.raises(InputError, match="trick augment changes images and the data are points"):
        resolve_config(small("nsgan", networks=plain, tricks={"augment": True}), points)
