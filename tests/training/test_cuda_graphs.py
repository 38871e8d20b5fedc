"""Steps by graph against the same steps one operator at a time: every number is the same, bit for bit.

A `Tape` plays the CUDA graph; `test_on_cuda.py` compares CUDA's own.
"""

from __future__ import annotations

from functools import partial

import pytest
import torch
from by_graph import agree, copied, eager, everything, graphed, is_captured, state, stepped
from test_variants import EVERY

from ganzoo.batch import Terms
from ganzoo.training import checkpoint, cuda_graphs
from ganzoo.training.accumulation import MicroBatches, total_loss
from ganzoo.training.cuda_graphs import WARMUP_STEPS, StaticRandom
from ganzoo.training.trainer import Trainer
from ganzoo.tricks import TRICKS

pytestmark = pytest.mark.usefixtures("rmsprop_is_capturable_on_a_cpu")


@pytest.mark.parametrize("variant", EVERY)
def test_every_variant_does_the_same_by_graph(variant):
    t = graphed(variant)
    assert agree(eager(variant), t) and is_captured(t)


NORMLESS = {"networks": {"discriminator": {"norm": "none"}}}


@pytest.mark.parametrize("name", [name for name, trick in TRICKS.items() if trick.capturable])
def test_every_trick_but_those_that_count_does_the_same_by_graph(name):
    quick = {"replay": {"capacity": 6}, "label_noise": {"p": 0.5}, "instance_noise": {"steps": 4}}.get(name, True)
    tables = NORMLESS | {"tricks": {name: quick}}
    t = graphed("nsgan", **tables)
    assert agree(eager("nsgan", **tables), t) and is_captured(t)


SGD = {"name": "sgd", "lr": 0.01}
VIRTUAL = {"generator": {"norm": "virtual"}, "discriminator": {"norm": "virtual"}}
SETTINGS = {
    "virtual norm": ("nsgan", {"networks": VIRTUAL}),
    "noise in G": ("nsgan", {"networks": {"generator": {"noise": 0.1, "dropout": 0.2}}}),
    "spectral norm": (
        "hinge",
        {"networks": {"discriminator": {"spectral_norm": True, "minibatch_features": "stddev"}}},
    ),
    "resnet": ("wgan-gp", {"networks": {"name": "resnet"}}),
    "conditions": (
        "cgan",
        {"networks": {"generator": {"condition": "batch-norm"}, "discriminator": {"condition": "projection"}}},
    ),
    "parts": ("hinge", {"train": {"gradient_accumulation": 2}}),
    "bf16": ("wgan-gp", {"train": {"precision": "bf16"}}),
    "ratio": ("nsgan", {"train": {"ratio": "3:2"}}),
    "thresholds": ("nsgan", {"train": {"loss_thresholds": {"d": -1e9, "most": 1}}}),
    "a larger batch of G": ("rpgan", {"train": {"g_batch_multiple": 2}}),
    "sgd": ("nsgan", {"train": {"discriminator": SGD | {"momentum": 0.9}, "generator": SGD}}),
    "soft labels": ("nsgan", {"loss": {"real_target": [0.7, 1.2]}}),
    "sphere": ("nsgan", {"latent": {"distribution": "sphere"}}),
}


@pytest.mark.parametrize("name", list(SETTINGS))
def test_settings_do_the_same_by_graph(name):
    variant, tables = SETTINGS[name]
    t = graphed(variant, **tables)
    assert agree(eager(variant, **tables), t) and is_captured(t)


def by_pythons_step(t: Trainer, optimizer: torch.optim.Optimizer, micro: MicroBatches) -> Terms:
    terms = micro.terms()
    t.first_bad.clamp_(max=torch.where(total_loss(terms).isfinite(), torch.inf, float(t.step)))
    optimizer.step()
    return terms


def rates_in_python(t: Trainer) -> None:
    for optimiser in t.optimizers().values():
        optimiser.param_groups[0]["lr"] = optimiser.param_groups[0]["lr"].item()


BREAKS = {
    "no fill": lambda patch, t: patch.setattr(StaticRandom, "refill", lambda self, step: self.asked.clear()),
    "no reals": lambda patch, t: patch.setattr(cuda_graphs, "copy_all", lambda old, new: None),
    "a baked rate": lambda patch, t: rates_in_python(t),
    "a baked step": lambda patch, t: patch.setattr(t, "optimizer_step", partial(by_pythons_step, t)),
}


@pytest.mark.parametrize("name", list(BREAKS))
def test_the_comparison_notices_what_a_graph_would_miss(name, monkeypatch):
    good, t = eager("lsgan"), graphed("lsgan")
    assert agree(good, t, WARMUP_STEPS)
    BREAKS[name](monkeypatch, t)
    for each in (good, t):
        stepped(each, 1)
        if name == "a baked step":
            spoil(each)
    assert not agree(good, t, 2) and is_captured(t)


def spoil(t: Trainer) -> None:
    with torch.no_grad():
        next(t.G.parameters()).fill_(torch.nan)


def test_the_first_step_that_is_not_finite_is_known():
    a, b = eager("wgan-gp"), graphed("wgan-gp")
    assert agree(a, b, 5) and b.is_finite() and is_captured(b)
    for each in (a, b):
        spoil(each)
    assert agree(a, b, 2) and b.first_bad == 5 and b.last_finite_step() == 5


@pytest.mark.parametrize("order", [(eager, graphed), (graphed, eager), (graphed, graphed)])
def test_a_state_goes_on_with_and_without_graphs(order):
    first, second = (stepped(make("dragan"), 5) for make in order)
    kept, counters = state(first), first.counters()
    expected = everything(stepped(first, 5))
    for _ in range(2):  # the second time over what was captured
        checkpoint.load_state_into(second, copied(kept), counters)
        assert everything(stepped(second, 5)) == expected


def test_after_a_rollback_the_numbers_are_others_and_captured_anew():
    a, b = eager("nsgan"), graphed("nsgan")
    assert agree(a, b, 5)
    kept, counters = state(a), a.counters()
    for t in (a, b):
        checkpoint.load_state_into(t, copied(kept), counters)
        t.reset_after_rollback(1)
    assert agree(a, b) and is_captured(b)
