"""One step of the trainer: what mixes and what does not, who refers to what, and who steps again."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader
from ganzoo.networks import REFERENCE_BATCH
from ganzoo.rng import RngScope
from ganzoo.training.trainer import Trainer
from small_runs import small, toy_data


def trainer(variant: str = "nsgan", **tables) -> Trainer:
    data = toy_data()
    config = resolve_config(small(variant, **tables), data)
    return Trainer(build_modules(config), BatchLoader(data, config.seed), config)


def test_the_statistics_of_reals_and_fakes_do_not_mix():
    """Under batch norm what D says of a real is the same whatever fakes are in the step, and depends on the other reals."""
    scores = []
    for spoilt in (False, True):
        t = trainer(networks={"discriminator": {"norm": "batch"}})
        if spoilt:
            for p in t.G.parameters():
                p.data.add_(1.0)
        with RngScope(0, "d", 0):
            t.d_step()
        scores.append([record.score for record in t.last_judged])
    (real, fake), (same, other) = scores
    assert torch.equal(real, same) and not torch.allclose(fake, other)


@pytest.mark.parametrize(("tricks", "packs"), [({}, 8), ({"packing": {"m": 2}}, 4)])
def test_gs_reals_are_as_many_as_its_fakes_under_packing_too(tricks, packs, monkeypatch):
    t = trainer("nsgan", loss={"name": "rpgan"}, tricks=tricks, train={"g_batch_multiple": 2})
    seen = []
    g_loss = t.loss.g_loss
    monkeypatch.setattr(
        t.loss, "g_loss", lambda real, fake: (seen.append((len(real), len(fake))), g_loss(real, fake))[1]
    )
    t.g_step()
    assert seen == [(packs, packs)] and t.batches.position == 8


VIRTUAL = {"generator": {"norm": "virtual"}, "discriminator": {"norm": "virtual"}}


@pytest.mark.parametrize("tricks", [{}, {"packing": {"m": 3}}, {"instance_noise": True}])
def test_the_reference_of_d_is_its_view_of_the_first_reals_and_draws_none(tricks):
    t = trainer(networks=VIRTUAL, tricks=tricks, train={"batch_size": 6})
    pack = 3 if "packing" in tricks else 1
    assert t.batches.position == 0 and t.D.reference.shape == (REFERENCE_BATCH, pack, 28, 28)
    reals = t.batches.next(REFERENCE_BATCH * pack).images.view(REFERENCE_BATCH, pack, 28, 28)
    assert torch.equal(t.D.reference, reals) == ("instance_noise" not in tricks)
    assert torch.allclose(t.D.reference, reals, atol=1.0)


def test_the_reference_stays_as_it_was_at_the_start():
    t = trainer("cgan", networks=VIRTUAL)
    before = [{k: v.clone() for k, v in net.named_buffers()} for net in (t.G, t.D, t.average)]
    for _ in range(2):
        t.train_step()
    for net, old in zip((t.G, t.D, t.average), before, strict=True):
        assert set(old) == {"reference", "reference_labels"}
        assert all(torch.equal(value, old[name]) for name, value in net.named_buffers())


def test_latents_of_the_reference_belong_to_the_run():
    one, again, other = trainer(networks=VIRTUAL), trainer(networks=VIRTUAL), trainer(networks=VIRTUAL, seed=1)
    assert torch.equal(one.G.reference, again.G.reference) and not torch.equal(one.G.reference, other.G.reference)
    uniform = trainer(networks=VIRTUAL, latent={"distribution": "uniform"})
    assert uniform.G.reference.abs().max() <= 1 < one.G.reference.abs().max()


def test_a_penalty_on_ds_slope_is_allowed_where_the_norm_is_virtual():
    t = trainer("wgan-gp", networks=VIRTUAL, tricks={"r1": True})
    t.train_step()
    assert t.is_finite()


@pytest.mark.parametrize(
    ("thresholds", "d_steps", "g_steps"),
    [
        ({}, 2, 2),
        ({"d": -1e9}, 2 + 2 * 5, 2),
        ({"d": -1e9, "most": 2}, 2 + 2 * 2, 2),
        ({"g": -1e9, "most": 3}, 2, 2 + 2 * 3),
        ({"d": 1e9, "g": 1e9}, 2, 2),
    ],
)
def test_a_player_steps_again_while_its_loss_is_above_its_threshold_and_not_without_end(thresholds, d_steps, g_steps):
    t = trainer(train={"loss_thresholds": thresholds})
    for _ in range(2):
        t.train_step()
    assert (t.step, t.d_steps, t.g_steps, t.images) == (2, d_steps, g_steps, 4 * d_steps)


def test_a_player_stops_as_soon_as_its_loss_is_low_enough():
    free, bound = (
        trainer(train={"loss_thresholds": {"d": limit, "most": 30}, "discriminator": {"lr": 0.01}})
        for limit in (-1e9, 1.0)
    )
    losses = []
    optimizer_step = free.optimizer_step

    def step(optimizer, micro):
        losses.append(sum(micro.terms().values()).item())
        return optimizer_step(optimizer, micro)

    free.optimizer_step = step
    for t in (free, bound):
        t.train_step()
    first = next(i for i, loss in enumerate(losses) if loss <= 1.0)
    assert 0 < first < 30 and bound.d_steps == first + 1


def test_without_a_threshold_no_loss_is_read(monkeypatch):
    t = trainer(train={"ratio": "2:1"})
    monkeypatch.setattr(torch.Tensor, "item", lambda self: pytest.fail("the step waits for the device"))
    t.train_step()
    assert (t.d_steps, t.g_steps) == (2, 1)


class GeneratorFirst(Trainer):
    """G steps before D."""

    def update_order(self) -> None:
        self.g_step()
        self.d_step()


class Simultaneous(Trainer):
    """Both players step from the weights before the training step: G meets D as it was."""

    def update_order(self) -> None:
        self.old_d = copy.deepcopy(self.D)
        self.d_step()
        self.g_step()

    def opponent(self, player: nn.Module) -> nn.Module:
        return self.old_d if player is self.D else super().opponent(player)


def weights_after_a_step(kind: type[Trainer]) -> tuple[torch.Tensor, torch.Tensor]:
    data = toy_data()
    config = resolve_config(small("nsgan", networks={"discriminator": {"norm": "none"}}), data)
    t = kind(build_modules(config), BatchLoader(data, config.seed), config)
    t.train_step()
    assert (t.step, t.d_steps, t.g_steps) == (1, 1, 1)
    g, d = (nn.utils.parameters_to_vector(player.parameters()) for player in (t.G, t.D))
    return g.detach(), d.detach()


def test_the_order_of_the_updates_is_one_method_to_override():
    (g, d), (g_first, d_second), (g_same, d_same) = map(weights_after_a_step, (Trainer, GeneratorFirst, Simultaneous))
    assert torch.equal(g_same, g_first) and torch.equal(d_same, d), "both from the weights before the step"
    assert not torch.equal(g, g_first) and not torch.equal(d, d_second)
