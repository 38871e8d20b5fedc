"""Target networks: a slow copy plays, moves by tau before each update that meets it, and is not trained."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import nn

from ganzoo.builder import build_modules, resolve_config
from ganzoo.data import BatchLoader
from ganzoo.errors import InputError
from ganzoo.rng import RngScope
from ganzoo.training.trainer import Trainer
from ganzoo.tricks import TRICKS
from small_runs import small, toy_data


def trainer(loss: str = "rpgan", **tables) -> Trainer:
    data = toy_data()
    config = resolve_config(small("nsgan", loss={"name": loss}, **tables), data)
    return Trainer(build_modules(config), BatchLoader(data, config.seed), config)


def weights(*networks: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for network in networks for p in network.parameters()])


def test_the_copy_is_a_polyak_average():
    trick, player = TRICKS["target_networks"](tau=0.25), nn.Linear(1, 1, bias=False)
    nn.init.constant_(player.weight, 8.0)
    trick.attach(player, nn.Linear(1, 1), None)
    found = []
    for weight in (8.0, 0.0, 0.0, 4.0):
        nn.init.constant_(player.weight, weight)
        found.append(trick.opponent(player).weight.item())
    assert found == [8.0, 6.0, 4.5, 4.375]


@pytest.mark.parametrize("player", ["generator", "discriminator", "both"])
def test_who_has_a_copy(player):
    trick, players = TRICKS["target_networks"](player=player), (nn.Linear(1, 1), nn.Linear(1, 1))
    trick.attach(*players, None)
    assert [trick.opponent(p) is not p for p in players] == [player != "discriminator", player != "generator"]
    assert not any(p.requires_grad for p in trick.parameters())


NETWORKS = {"generator": {"norm": "batch"}, "discriminator": {"norm": "batch", "spectral_norm": True}}


def test_with_tau_1_the_copies_are_the_players_whenever_they_are_met():
    """The trick makes no copy for tau = 1; with copies the weights have the same bytes.

    Not with spectral norm, which moves its vectors whenever D itself judges.
    """
    norms = {"generator": {"norm": "batch"}, "discriminator": {"norm": "batch"}}
    without = trainer(networks=norms, train={"ratio": "3:2"})
    t = trainer(networks=norms, train={"ratio": "3:2"}, tricks={"target_networks": {"tau": 0.5}})
    t.tricks[0].tau = 1.0
    for each in (without, t):
        for _ in range(4):
            each.train_step()
    assert torch.equal(weights(without.G, without.D), weights(t.G, t.D))


def test_each_copy_moves_once_before_an_update_that_meets_it():
    t = trainer(networks=NETWORKS, tricks={"target_networks": {"tau": 0.5}})
    (trick,) = t.tricks
    g, d = (trick.get_submodule(name) for name in ("generator", "discriminator"))
    for _ in range(2):
        t.train_step()
    expected = (weights(g) + weights(t.G)) / 2
    t.d_step()
    torch.testing.assert_close(weights(g), expected)
    expected = (weights(d) + weights(t.D)) / 2
    t.g_step()
    torch.testing.assert_close(weights(d), expected)
    for copy, player in ((g, t.G), (d, t.D)):
        assert not torch.equal(weights(copy), weights(player)) and all(p.requires_grad for p in player.parameters())


@pytest.mark.parametrize(("player", "moves"), [("discriminator", "g_step"), ("generator", "d_step")])
def test_only_the_copy_is_met(player, moves):
    """After a spoiled opponent a player's update is the same, but for the millionth part by which the copy follows."""
    moved = []
    for spoiled in (False, True):
        t = trainer(loss="nsgan", tricks={"target_networks": {"tau": 1e-6, "player": player}})
        t.train_step()
        if spoiled:
            for p in (t.D if player == "discriminator" else t.G).parameters():
                p.data.zero_()
        with RngScope(0, "x", 2):
            getattr(t, moves)()
        moved.append(weights(t.G if player == "discriminator" else t.D))
    torch.testing.assert_close(*moved, atol=1e-4, rtol=1e-3)


def test_a_loss_that_reads_d_after_gs_step_refuses_it():
    with pytest.raises(InputError, match="trick target_networks has a copy of D judge G, but loss began reads D's own"):
        resolve_config(small("began", tricks={"target_networks": True}), toy_data())


def growth(tau: float, rate: float) -> float:
    """Largest eigenvalue of a step of the linear game: theta' moves, psi steps, psi' moves, theta steps."""
    moves = torch.eye(4, dtype=torch.float64).repeat(4, 1, 1)  # on (theta, psi, theta', psi')
    moves[0, 2, [0, 2]] = moves[2, 3, [1, 3]] = torch.tensor([tau, 1 - tau], dtype=torch.float64)
    moves[1, 1, 2], moves[3, 0, 3] = -rate, rate
    return torch.linalg.eigvals(moves[3] @ moves[2] @ moves[1] @ moves[0]).abs().max().item()


def test_without_damping_a_copy_turns_an_orbit_into_a_spiral():
    """In the game L_D = psi theta, L_G = -psi theta the players circle; against delayed opponents they move away."""
    rate, radii = 0.05, {}
    for tau in (1.0, 0.1):
        trick, players = TRICKS["target_networks"](tau=tau), [nn.Linear(1, 1, bias=False).double() for _ in range(2)]
        (theta, psi), path = [p.weight.requires_grad_(False) for p in players], []
        theta.fill_(1.0), psi.fill_(0.0)
        trick.attach(*players, None)
        for _ in range(600):
            psi -= rate * trick.opponent(players[0]).weight
            theta += rate * trick.opponent(players[1]).weight
            path.append(torch.hypot(theta, psi).item())
        radii[tau] = max(path[-130:]) / max(path[:130])  # of a turn, 2 pi / rate steps
    assert radii[1.0] == pytest.approx(1.0, abs=0.01) and growth(1.0, rate) == pytest.approx(1.0)
    assert log(radii[0.1]) / 470 == pytest.approx(log(growth(0.1, rate)), rel=0.02) and radii[0.1] > 10
