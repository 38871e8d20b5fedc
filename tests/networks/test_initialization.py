"""The start: right spreads, a stream for every weight, nothing drawn from torch's global generator."""

from copy import deepcopy

import pytest
import torch
from torch import nn

from ganzoo import rng
from ganzoo.errors import InputError
from ganzoo.networks import BACKBONES, initialize, make_discriminator, make_generator
from ganzoo.networks.layers import ConditionalBatchNorm

SHAPE = (1, 28, 28)
KINDS = ["normal", "orthogonal", "he"]


def make(seed=0, kind="normal", heads=("score",), name="discriminator", **options):
    network = make_discriminator("dcgan", {"width": 8} | options, shape=SHAPE, heads=heads, classes=3)
    initialize(network, kind, seed, name)
    return network


def same(first, second):
    return all(torch.equal(first[key], second[key]) for key in first.keys() & second.keys())


def test_every_backbone_names_a_kind():
    assert all(backbone.init in (*KINDS, "fixup") for backbone in BACKBONES.values())


def test_normal():
    network = nn.Sequential(nn.Conv2d(32, 64, 5), nn.ConvTranspose2d(64, 32, 5), nn.Linear(200, 300))
    initialize(network, "normal", 0, "n")
    for layer in network:
        assert layer.weight.mean().item() == pytest.approx(0, abs=3e-4)
        assert layer.weight.std().item() == pytest.approx(0.02, rel=0.02)


def test_he_keeps_the_second_moment():
    """Through ReLU and any layer: E y^2 = E x^2 (He et al. 2015, eq. 10), with the fan-in that a stride leaves."""
    stride_2 = nn.ConvTranspose2d(64, 64, 4, 2, 1)
    for layer, shape in [
        (nn.Linear(512, 512), (64, 512)),
        (nn.Conv2d(64, 64, 3), (4, 64, 16, 16)),
        (stride_2, (4, 64, 16, 16)),
    ]:
        initialize(layer, "he", 0, "n")
        y = layer(torch.randn(shape).relu() * 2**0.5)
        inner = y[..., 2:-2, 2:-2] if y.ndim > 2 else y
        assert inner.square().mean().item() == pytest.approx(2, rel=0.1)


def test_orthogonal():
    network = nn.Sequential(nn.Conv2d(4, 20, 3), nn.Linear(30, 10), nn.Linear(10, 30))
    initialize(network, "orthogonal", 0, "n")
    for layer in network:
        rows = layer.weight.flatten(1)
        gram = rows @ rows.T if len(rows) <= rows[0].numel() else rows.T @ rows
        torch.testing.assert_close(gram, torch.eye(len(gram)), atol=1e-5, rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_biases_norms_and_labels(kind):
    options = {"condition": "batch-norm", "width": 64}
    g = make_generator("dcgan", options, shape=SHAPE, latent=5, classes=40)
    embedding = nn.Embedding(100, 50)
    d = make(kind=kind, norm="layer")
    for network in (g, embedding, d):
        initialize(network, kind, 0, "n")
    for module in [*g.modules(), *d.modules()]:
        if isinstance(module, nn.GroupNorm):
            assert (module.weight == 1).all()
        if isinstance(module, ConditionalBatchNorm):
            assert module.scale.mean().item() == pytest.approx(1, abs=2e-3)
            assert module.scale.std().item() == pytest.approx(0.02, rel=0.1)
            assert (module.shift == 0).all()
    for name, parameter in [*g.named_parameters(), *d.named_parameters()]:
        if name.endswith("bias"):
            assert (parameter == 0).all()
    assert embedding.weight.std().item() == pytest.approx(1, rel=0.05)


def test_every_weight_has_a_stream_of_its_own():
    network = make(seed=7)
    g = rng.generator(7, "weights", "discriminator", "encoder.stage2.down.weight")
    expected = torch.empty(16, 8, 4, 4).normal_(0, 0.02, generator=g)
    assert torch.equal(network.encoder.stage2.down.weight, expected)


def test_same_seed_same_bytes_and_no_other():
    first = make().state_dict()
    torch.manual_seed(99)
    assert same(first, make().state_dict())
    for other in (make(seed=1), make(name="generator")):
        weights = [n for n, p in other.named_parameters() if p.ndim > 1]
        assert not any(torch.equal(first[n], other.state_dict()[n]) for n in weights)


@pytest.mark.parametrize(
    "options",
    [
        {"heads": ("class_logits", "score", "reconstruction")},
        {"condition": "projection"},
        {"spectral_norm": True},
        {"norm": "layer"},
        {"activation": "elu"},
    ],
)
def test_what_is_added_shifts_no_other_weight(options):
    plain, other = (
        {n.replace("parametrizations.weight.original", "weight"): p for n, p in network.named_parameters()}
        for network in (make(norm="none"), make(**{"norm": "none"} | options))
    )
    shared = {n for n in plain.keys() & other.keys() if plain[n].ndim > 1}
    assert len(shared) == 3
    assert same({n: plain[n] for n in shared}, other)


@pytest.mark.parametrize("spectral", [False, True])
def test_global_generator_is_left_alone(spectral):
    torch.manual_seed(3)
    before = torch.get_rng_state()
    make(spectral_norm=spectral, kind="orthogonal")
    make_generator("resnet", {"width": 4, "upsample": "pixelshuffle"}, shape=SHAPE, latent=5)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("training", [True, False])
def test_spectral_vectors_come_from_the_seed(training):
    states = []
    for global_seed in (1, 2):
        torch.manual_seed(global_seed)
        network = nn.utils.parametrizations.spectral_norm(nn.Linear(6, 5)).train(training)
        initialize(network, "normal", 0, "n")
        assert network.parametrizations.weight[0].training is training
        assert torch.linalg.matrix_norm(network.eval().weight, 2).item() == pytest.approx(1, rel=0.05)
        states.append(network.state_dict())
    assert same(*states)
    assert any(name.endswith("._u") for name in states[0])


def test_float64_has_the_same_weights():
    single, double = make(), make_discriminator("dcgan", {"width": 8}, shape=SHAPE, classes=3).double()
    initialize(double, "normal", 0, "discriminator")
    for one, two in zip(single.parameters(), double.parameters(), strict=True):
        assert torch.equal(one.double(), two)


def test_a_layer_may_say_otherwise():
    """How a new layer, a plugin's for one, sets its own start."""
    from ganzoo.networks.initialization import draw_weights

    class Half(nn.Linear):
        pass

    @draw_weights.register
    def _(owner: Half, leaf, out, kind, g):
        out.fill_(0.5)

    network = nn.Sequential(Half(2, 2), nn.Linear(2, 2))
    initialize(network, "he", 0, "n")
    assert (network[0].weight == 0.5).all()
    assert not (network[1].weight == 0.5).any()


def test_misspelt_kind():
    with pytest.raises(InputError, match="did you mean 'orthogonal'"):
        initialize(nn.Linear(2, 2), "ortogonal", 0, "n")


def test_state_survives_the_round_trip():
    network = make(spectral_norm=True, kind="he", heads=("score", "reconstruction"), norm="batch")
    from ganzoo.batch import Batch

    images = torch.randn(4, *SHAPE)
    network(Batch(images))
    other = make(seed=1, spectral_norm=True, heads=("score", "reconstruction"), norm="batch")
    other.load_state_dict(deepcopy(network.state_dict()))
    for _ in range(2):
        one, two = network(Batch(images)), other(Batch(images))
        assert torch.equal(one.score, two.score)
        assert torch.equal(one.reconstruction, two.reconstruction)
    assert same(network.state_dict(), other.state_dict())
