"""Noise and dropout in G: on in training and in sampling, each image's own, and nothing at strength 0."""

import pytest
import torch

import ganzoo
from ganzoo import api
from ganzoo.networks import initialize, make_generator
from ganzoo.networks.noise_layers import Dropout, Noise
from ganzoo.rng import PerImageRng, RngScope
from small_runs import small, toy_data

SHAPES = {"dcgan": (1, 28, 28), "resnet": (1, 28, 28), "mlp": (2, 1, 1)}


def generator(backbone, **table):
    g = make_generator(backbone, {"width": 16, **table}, shape=SHAPES[backbone], latent=6)
    initialize(g, "he", 0, "generator")
    return g.eval()


def test_noise_has_its_strength_and_dropout_keeps_the_mean():
    with RngScope(0, 0):
        noisy = Noise(0.3)(torch.zeros(100, 50))
        dropped = Dropout(0.25)(torch.ones(100, 50))
    assert abs(noisy.std().item() - 0.3) < 0.01
    assert torch.allclose(dropped.unique(), torch.tensor([0.0, 4 / 3]))
    assert abs((dropped == 0).float().mean().item() - 0.25) < 0.02


@pytest.mark.parametrize("backbone", list(SHAPES))
@pytest.mark.parametrize("table", [{"noise": 0.2}, {"dropout": 0.5}])
def test_they_act_in_sampling_too_and_differ_between_layers(backbone, table):
    g, z = generator(backbone, **table), torch.randn(1, 6).expand(2, 6)
    with PerImageRng([0, 1]):
        a, b = g(z)
    assert not torch.allclose(a, b), "one latent, two seeds"
    layers = [m for m in g.modules() if isinstance(m, Noise | Dropout)]
    assert len(layers) == sum(1 for name, _ in g.decoder.named_children() if name.endswith(("_noise", "_dropout"))) >= 2


@pytest.mark.parametrize("backbone", list(SHAPES))
def test_at_strength_0_nothing_changes(backbone):
    plain, zero = generator(backbone), generator(backbone, noise=0.0, dropout=0.0)
    assert plain.state_dict().keys() == zero.state_dict().keys() == generator(backbone, noise=1.0).state_dict().keys()
    z = torch.randn(3, 6)
    assert torch.equal(plain(z), zero(z))


def test_a_noisy_run_samples_as_it_was_trained_and_by_seed(tmp_path):
    tables = {"generator": {"noise": 0.3, "dropout": 0.5}, "init": "he"}
    sampler = ganzoo.load(api.train(small("nsgan", networks=tables, train={"steps": 2}), toy_data(), tmp_path / "run"))
    together, alone = sampler.sample(5), torch.cat([sampler.sample(1, seed=s) for s in range(5)])
    assert (together - alone).abs().max() < 2 / 255
    assert any(isinstance(m, Dropout) for m in sampler.generator.modules())
    walk = sampler.walk([0, 1], 3)
    assert torch.allclose(walk[0], together[0], atol=1e-5), "the walk holds the noise of its start"
