"""Whole training steps on a pretended device: none waits for it, and none mixes it with the host."""

from __future__ import annotations

from functools import cache
from unittest.mock import patch

import pytest
import torch
from pretended_device import PLACE, Notes, faults_of, faults_of_steps, pretended, trainer
from test_variants import EVERY

from ganzoo.builder import resolve_config
from ganzoo.config.parsing import parse
from ganzoo.config.schema import Config
from ganzoo.config.tables import Table, merge
from ganzoo.config.techniques import technique_settings, trick_switch
from ganzoo.errors import InputError
from ganzoo.networks import UPSAMPLERS
from ganzoo.training.log_record import log_terms
from ganzoo.tricks import TRICKS
from small_runs import small, switched, toy_data

DATA, COLOURED = toy_data(size=16), toy_data(size=16, channels=3)
TINY: Table = {
    "networks": {
        "generator": {"width": 2, "max_width_multiple": 2},
        "discriminator": {"width": 2, "max_width_multiple": 2},
    }
}
BY_DESIGN = {"thresholds": "a turn depends on the loss of the one before, so the host has to know it"}
"""The only switches that wait, each with why."""
SETTINGS: dict[str, Table] = {
    "accumulate": {"train": {"gradient_accumulation": 2, "g_batch_multiple": 2}},
    "flip": {"data": {"flip": True}},
    "rmsprop": {"train": {"generator": {"name": "rmsprop"}, "discriminator": {"name": "sgd", "momentum": 0.5}}},
    "virtual norm with noise": {"networks": {"generator": {"norm": "virtual", "noise": 0.1, "dropout": 0.1}}},
    **{upsample: {"networks": {"generator": {"upsample": upsample}}} for upsample in UPSAMPLERS},
}

pytestmark = pytest.mark.filterwarnings("ignore:a transposed convolution with kernel 5")


@cache
def config(variant: str, names: tuple[str, ...] = ()) -> Config:
    """Resolved, without batch norm in D where a penalty is among the switches."""
    penalty = any(trick_switch(name) in names for name, trick in TRICKS.items() if trick.per_sample_gradients)
    norm: Table = {"networks": {"discriminator": {"norm": "none"}}} if penalty else {}
    tables = merge(merge(TINY, norm), switched(names))
    return resolve_config(parse(Config, merge(small(variant).model_dump(mode="json"), tables)), DATA)


HEADS = ("wgan-gp", "began", "acgan", "infogan", "cgan")
"""A variant for each kind of what D gives."""


@pytest.mark.parametrize("variant", EVERY)
def test_every_variant(variant):
    assert faults_of_steps(resolve_config(small(variant, **TINY), DATA), DATA) == []


@pytest.mark.parametrize("variant", [v if v in HEADS else pytest.param(v, marks=pytest.mark.slow) for v in EVERY])
def test_every_variant_in_bf16(variant):
    assert (
        faults_of_steps(resolve_config(small(variant, **merge(TINY, {"train": {"precision": "bf16"}})), DATA), DATA)
        == []
    )


@pytest.mark.parametrize("name", [name for name in technique_settings() if name not in BY_DESIGN])
def test_every_switch(name):
    assert faults_of_steps(config("nsgan", (name,)), DATA, steps=3) == []


@pytest.mark.parametrize("name", SETTINGS)
def test_other_settings(name):
    # The noise of a reference is copied once.
    before = 1 if "noise" in name else 0
    assert (
        faults_of_steps(resolve_config(small("nsgan", **merge(TINY, SETTINGS[name])), DATA), DATA, before=before) == []
    )


def test_pictures_in_colour_and_data_that_stay_on_the_host():
    colours = resolve_config(
        small("nsgan", **merge(TINY, {"tricks": {"augment": True}, "data": {"flip": True}})), COLOURED
    )
    with patch("pretended_device.DeviceDataset", lambda dataset, device: dataset):
        assert faults_of_steps(colours, COLOURED) == []


@pytest.mark.parametrize("name", BY_DESIGN)
def test_what_waits_by_design_does_nothing_else_wrong(name):
    found = faults_of_steps(config("nsgan", (name,)), DATA)
    assert found and all(line.startswith("the host waits for a number: aten._local_scalar_dense") for line in found)


@pytest.mark.parametrize("variant", HEADS)
def test_a_reading_of_the_log_waits_and_mixes_nothing(variant):
    with pretended():
        t = trainer(resolve_config(small(variant, **TINY), DATA), DATA)
        t.train_step()
        found = faults_of(lambda: log_terms(t))
    assert found and all(line.startswith("the host waits") for line in found)


@pytest.mark.slow
@pytest.mark.parametrize("variant", EVERY)
def test_every_switch_with_every_variant(variant):
    for name in set(technique_settings()) - BY_DESIGN.keys():
        try:
            fitting = config(variant, (name,))
        except InputError:
            continue
        assert faults_of_steps(fitting, DATA, steps=3) == [], name


def on(images):
    """A mask that lies with the images."""
    return images[:, 0, 0, 0] > 0


class Peeking(torch.autograd.Function):
    """Reads its gradient."""

    @staticmethod
    def forward(node, x):
        return x.clone()

    @staticmethod
    def backward(node, g):
        return g * g.sum().item()


def assigned(images, value):
    images = images.clone()
    images[-1] = value
    return images


NUMBER, SHAPE = "the host waits for a number", "the host waits for its shape"
PLANTED = {
    "a number that is read": (lambda x: x * x.mean().item(), NUMBER),
    "a branch": (lambda x: x if x.mean() > 0 else -x, NUMBER),
    "a number that is read in the backward pass": (Peeking.apply, NUMBER),
    "a mask": (lambda x: x[on(x)], SHAPE),
    "a mask that is written to": (lambda x: x.index_put((on(x),), torch.zeros((), device=x.device)), SHAPE),
    "places of what is not 0": (lambda x: x[on(x).nonzero()[:, 0]], NUMBER),
    "a selection": (lambda x: x + x.masked_select(x > 0).sum(), NUMBER),
    "different values": (lambda x: x + x.unique().sum(), NUMBER),
    "an index of the host": (lambda x: x[torch.arange(len(x))], "an index lies on the host"),
    "a target of the host": (lambda x: x + torch.ones(x.shape), "tensors of host and device meet"),
    "rows of the host": (lambda x: x.index_select(0, torch.arange(len(x))), "tensors of host and device meet"),
    "a copy to the device": (
        lambda x: x + torch.ones(x.shape).to(x.device),
        "the device waits for a copy from the host",
    ),
    "a copy to the host": (lambda x: x * x.mean().cpu(), "the host waits for a copy"),
    "a list": (lambda x: x + sum(x.mean((1, 2, 3)).tolist()), "the host waits for a copy"),
    "a number of Python": (lambda x: x * torch.tensor(2.0, device=x.device), "a number of Python is copied"),
    "a number that is assigned": (lambda x: assigned(x, 0.5), "a number of Python is copied"),
}


@pytest.mark.parametrize("name", PLANTED)
def test_planted_faults_are_named(name):
    """With the line of ganzoo from which they are reached."""
    change, what = PLANTED[name]
    with pretended():
        t = trainer(config("nsgan"), DATA)
        t.view = lambda samples: samples.with_images(change(samples.images))
        found = faults_of(t.train_step)
    assert any(what in line and "training/" in line for line in found), found


def test_a_target_of_the_host_in_a_loss_is_named():
    with pretended():
        t = trainer(config("nsgan"), DATA)
        t.loss.d_loss = lambda real, fake: {"real": (real.score - torch.ones(len(real))).square().mean()}
        (line, *_) = faults_of(t.train_step)
    assert line.startswith("tensors of host and device meet: aten.sub, in ") and "training/trainer.py:" in line


def test_a_fault_that_only_a_device_has_is_none_on_the_host():
    x = torch.randn(4, 3)
    with Notes() as notes:
        assert x[x > 0].sum().item() and x.unique().tolist() and x.to("cpu", torch.float64)[torch.arange(2)].any()
    assert not notes.found and x.device != PLACE
