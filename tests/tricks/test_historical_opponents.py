"""The past plays when it should, moves nothing, and is not moved."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader
from ganzoo.errors import InputError
from ganzoo.rng import RngScope
from ganzoo.training.trainer import Trainer
from ganzoo.tricks import TRICKS
from ganzoo.tricks.historical_opponents import frozen_copy
from small_runs import small, toy_data


def swapping(**settings):
    trick = TRICKS["past_players"](**settings)
    players = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    trick.attach(*players, None)
    return trick, players


def ages(trick, player, steps):
    """How old the weights that play are in each G step; `player` is set to the number of the step."""
    found = []
    for step in range(steps):
        nn.init.constant_(player.weight, float(step))
        found.append(step - int(trick.opponent(player).weight.item()))
        trick.after_g_step()
    return found


def test_a_copy_plays_for_a_few_steps_and_is_renewed_when_it_has():
    trick, (g, _) = swapping(every=5, steps=2)
    # Renewed after step 1, 6, 11; from step 5 on two of five steps are the past's.
    assert ages(trick, g, 13) == [0, 0, 0, 0, 0, 4, 5, 0, 0, 0, 4, 5, 0]


@pytest.mark.parametrize("player", ["generator", "discriminator", "both"])
def test_who_is_swapped(player):
    trick, players = swapping(every=2, steps=1, player=player)
    trick.after_g_step()
    trick.after_g_step()
    swapped = [trick.opponent(p) is not p for p in players]
    assert swapped == [player != "discriminator", player != "generator"]
    assert len(list(trick.parameters())) == sum(swapped), "only the copies are parts of the trick"


def test_steps_must_leave_time_to_learn():
    with pytest.raises(InputError, match="steps must be less than every, not 5 and 5"):
        TRICKS["past_players"](every=5, steps=5)


def trainer(**tables) -> Trainer:
    data = toy_data()
    config = resolve_config(small("nsgan", loss={"name": "rpgan"}, **tables), data)
    return Trainer(build_modules(config), BatchLoader(data, config.seed), config)


NETWORKS = {"generator": {"norm": "batch"}, "discriminator": {"norm": "batch", "spectral_norm": True}}


def test_the_past_does_not_change_while_it_plays_and_the_present_does():
    """Batch norm's running statistics and the vectors of spectral norm would, of a copy in training mode."""
    t = trainer(networks=NETWORKS, tricks={"past_players": {"every": 4, "steps": 3}})
    (trick,) = t.tricks
    for _ in range(4):
        t.train_step()
    past = {name: value.clone() for name, value in trick.state_dict().items() if name != "_extra_state"}
    calls = {"generator": 0, "discriminator": 0}
    for name in calls:
        trick.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.update({name: calls[name] + 1}))
    now = [{k: v.clone() for k, v in net.state_dict().items()} for net in (t.G, t.D)]
    for _ in range(2):
        t.train_step()
    assert calls == {"generator": 2, "discriminator": 4}, "a D step's fakes; a G step's fakes and its reals"
    assert all(torch.equal(value, trick.state_dict()[name]) for name, value in past.items())
    for net, before in zip((t.G, t.D), now, strict=True):
        assert all(not torch.equal(p, before[name]) for name, p in net.named_parameters() if p.ndim > 1)
    assert all(not p.requires_grad for p in trick.parameters()) and all(p.requires_grad for p in t.D.parameters())
    t.train_step()
    renewed = trick.state_dict()
    assert any(not torch.equal(renewed[name], value) for name, value in past.items())


def test_the_loss_moves_nothing_by_what_the_past_says():
    """BEGAN's k weighs the present D's terms."""
    config = resolve_config(small("began", tricks={"past_players": {"every": 2, "steps": 1}}), toy_data())
    t, k = Trainer(build_modules(config), BatchLoader(toy_data(), config.seed), config), []
    t.loss.k.fill_(0.5)
    for _ in range(4):
        t.train_step()
        k.append(t.loss.k.item())
    assert len({0.5, *k[:2]}) == 3 and k[2] == k[1] != k[3]


def test_the_past_normalises_by_the_batch_as_in_training():
    t = trainer(networks=NETWORKS)
    z, past = torch.randn(6, 8), frozen_copy(t.G)
    torch.testing.assert_close(past(z), t.G(z))
    assert not torch.allclose(past(z), t.G.eval()(z), atol=1e-3)


def test_the_past_judges_in_gs_step_and_g_alone_learns_from_it():
    """With the present D spoilt, a G step that the past judges is the same as before; one of the present is not."""
    moved = {}
    for spoilt in (False, True):
        for steps in (0, 1):
            t = trainer(tricks={"past_players": {"every": 2, "steps": steps, "player": "discriminator"}})
            for _ in range(2):
                t.train_step()
            if spoilt:
                for p in t.D.parameters():
                    p.data.zero_()
            with RngScope(0, "g", 2):
                t.g_step()
            moved[spoilt, steps] = torch.cat([p.detach().flatten() for p in t.G.parameters()])
    assert torch.equal(moved[False, 1], moved[True, 1]) and not torch.equal(moved[False, 0], moved[True, 0])
