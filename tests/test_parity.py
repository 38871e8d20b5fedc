"""The recipes with the networks of other libraries, and the script that compares training steps with their code."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganzoo.builder import (
    build_uninitialized_discriminator,
    build_uninitialized_generator,
    make_latent,
    make_loss,
    resolve_config,
)
from ganzoo.config.recipes import make_config, variants
from ganzoo.errors import InputError
from small_runs import toy_data

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
WEIGHTS = {
    "peers/mimicry-dcgan": (4_276_739, 1_053_825),
    "peers/mimicry-sngan": (4_276_739, 1_053_825),
    "peers/mimicry-wgan-gp": (4_276_739, 1_053_825),
    "peers/collections-sngan-cnn": (3_584_003, 5_860_865),
    "peers/collections-sngan-resnet": (4_276_739, 1_053_824),
    "peers/collections-wgan-gp-cnn": (3_584_003, 5_860_865),
    "peers/collections-wgan-gp-resnet": (4_276_739, 1_053_825),
}
"""Weights of G and D, counted in networks that the peers' own code built."""


@pytest.fixture
def parity(monkeypatch):
    """The script, with numbers of 64 bits."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import parity

    with parity.default_dtype(torch.float64):
        yield parity


def count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("recipe", [name for name in variants() if name.startswith("peers/")])
def test_a_peers_recipe_has_its_number_of_weights(recipe):
    config = resolve_config(make_config(recipe), toy_data(size=32, channels=3))
    loss = make_loss(config)
    generator = build_uninitialized_generator(config, make_latent(config, loss))
    assert (count(generator), count(build_uninitialized_discriminator(config, loss, []))) == WEIGHTS[recipe]


class StandInG(nn.Module):
    """`sngan-cnn` of width 4 at 8 pixels, in PyTorch's own layers."""

    def __init__(self) -> None:
        super().__init__()
        self.dense = nn.Linear(5, 8 * 4 * 4)
        self.rest = nn.Sequential(
            *(nn.Unflatten(1, (8, 4, 4)), nn.BatchNorm2d(8), nn.ReLU()),
            *(nn.ConvTranspose2d(8, 4, 4, 2, 1), nn.BatchNorm2d(4), nn.ReLU()),
            *(nn.Conv2d(4, 3, 3, 1, 1), nn.Tanh()),
        )

    def forward(self, z):
        return self.rest(self.dense(z))


def stand_in_d(limited: bool, slope: float) -> nn.Sequential:
    convolutions = nn.Conv2d(3, 4, 3, 1, 1), nn.Conv2d(4, 8, 4, 2, 1), nn.Conv2d(8, 8, 3, 1, 1)
    layers = [layer for conv in convolutions for layer in (conv, nn.LeakyReLU(slope))]
    network = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * 4 * 4, 1))
    for layer in network:
        if limited and hasattr(layer, "weight"):
            nn.utils.spectral_norm(layer)
    return network


LAYERS = {
    "decoder.stem.project.linear": "dense",
    "decoder.stem.norm": "rest.1",
    "decoder.stage1.up": "rest.3",
    "decoder.stage1.norm": "rest.4",
    "decoder.image.conv": "rest.6",
    "encoder.image.conv": "0",
    "encoder.stage1.down": "2",
    "encoder.stage1.conv": "4",
    "heads.score": "7",
}


def hinge(real, fake=None):
    return -real.mean() if fake is None else F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def cross_entropy(real, fake=None):
    entropy = F.binary_cross_entropy_with_logits
    first = entropy(real, torch.ones_like(real))
    return first if fake is None else first + entropy(fake, torch.zeros_like(fake))


def wasserstein(real, fake=None):
    return -real.mean() if fake is None else fake.mean() - real.mean()


def penalty(d, real, fake):
    a = torch.rand(len(real), 1, 1, 1)
    points = (a * real + (1 - a) * fake).requires_grad_()
    (slope,) = torch.autograd.grad(d(points).sum(), points, create_graph=True)
    return ((slope.flatten(1).norm(dim=1) - 1) ** 2).mean()


PEERS = {
    "nsgan": ("collections-wgan-gp-cnn", cross_entropy, None),
    "hinge": ("collections-sngan-cnn", hinge, None),
    "wgan-gp": ("collections-wgan-gp-cnn", wasserstein, penalty),
}


def differences(parity, loss, *, slope=0.1, v_first=True, layers=LAYERS, **options):
    """The largest difference of each kind in three steps, from a small network with the stand-in's weights."""
    recipe, own, own_penalty = PEERS[loss]
    width = {"width": 4}
    small = {"networks": {"generator": width, "discriminator": width}, "latent": {"dim": 5}}
    trainer = parity.make_ours(f"peers/{recipe}", loss, 4, small, size=8)
    torch.manual_seed(0)
    d = stand_in_d(trainer.config.networks.discriminator["spectral_norm"], slope)
    peer = parity.Peer(StandInG(), d, layers, own, own_penalty, **options)
    both = [(*d, *g) for d, g in parity.compare(trainer, peer, 3, v_first)]
    return [max(column) for column in zip(*both, strict=True)]


@pytest.mark.parametrize("loss", PEERS)
def test_steps_are_those_of_a_stand_in(parity, loss):
    assert max(differences(parity, loss)) < 1e-9


def test_a_difference_is_seen(parity):
    d_loss, d_gradient, d_weights, *_ = differences(parity, "wgan-gp", weight=9.0)
    assert d_loss > 1e-2 and d_gradient > 1e-2 and d_weights > 1e-6
    assert max(differences(parity, "nsgan", slope=0.2)) > 1e-2
    # Half a power iteration ahead, from 15 of them: near, and not the same.
    assert 1e-8 < differences(parity, "hinge", v_first=False)[0] < 1e-3


def test_a_layer_that_the_table_lacks(parity):
    fewer = {ours: theirs for ours, theirs in LAYERS.items() if ours != "encoder.stage1.conv"}
    with pytest.raises(InputError, match="weights have a layer in the table"):
        differences(parity, "nsgan", layers=fewer)


def test_tables_of_layers_are_expanded(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import parity_peers

    assert parity_peers.layers("a{1,2}.x  b{0,5}.y\n c d\n") == {"a1.x": "b0.y", "a2.x": "b5.y", "c": "d"}
    tables = (parity_peers.MIMICRY, parity_peers.COLLECTIONS_RESNET, parity_peers.COLLECTIONS_CNN)
    assert [len(table) for table in tables] == [29, 29, 17]


def test_a_folder_of_another_library(parity, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["parity.py", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        parity.main()
    assert ended.value.code == 2
    assert "neither torch_mimicry/nets nor source/models: name a checkout" in capsys.readouterr().err
