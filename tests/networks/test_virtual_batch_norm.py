"""Virtual batch norm: its formula, and that a sample's neighbours are nothing to it."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ganzoo import rng
from ganzoo.batch import Batch
from ganzoo.networks import BACKBONES, REFERENCE_BATCH, generator_schema, initialize, make_discriminator, make_generator
from ganzoo.networks.virtual_batch_norm import VirtualBatchNorm, set_reference

SHAPE = (1, 16, 16)
NORMED = [name for name in BACKBONES if "norm" in generator_schema(name)]
LABELS = torch.tensor([0, 1, 2, 1])


def discriminator(backbone="dcgan", shape=SHAPE, heads=("score",), **options):
    table = {"width": 4, "norm": "virtual"} | options
    d = make_discriminator(backbone, table, shape=shape, heads=heads, classes=3)
    initialize(d, "he", 0, "discriminator")
    return d.double()


def generator(backbone="dcgan", **options):
    g = make_generator(backbone, {"width": 4, "norm": "virtual"} | options, shape=SHAPE, latent=5, classes=3)
    initialize(g, "he", 0, "generator")
    return g.double()


def images(n=4, shape=SHAPE):
    return torch.randn(n, *shape, dtype=torch.float64)


@pytest.mark.parametrize("shape", [(6, 4, 4), (6,)])
def test_each_sample_is_normalised_as_the_last_of_the_reference_batch(shape):
    norm, reference, x = VirtualBatchNorm(6).double(), 3 + 2 * images(REFERENCE_BATCH, shape), images(5, shape)
    for parameter in norm.parameters():
        nn.init.normal_(parameter)
    with set_reference(norm, lambda: norm(reference)):
        y = norm(x)
    for i in range(5):
        joined = torch.cat([reference, x[i : i + 1]])
        expected = F.batch_norm(joined, None, None, norm.weight, norm.bias, training=True)[-1]
        torch.testing.assert_close(y[i], expected)


@pytest.mark.parametrize("backbone", NORMED)
def test_no_score_depends_on_another_sample(backbone):
    d, x = discriminator(backbone), images().requires_grad_()
    assert any(isinstance(layer, VirtualBatchNorm) for layer in d.modules())
    for i, score in enumerate(d(Batch(x)).score):
        (slope,) = torch.autograd.grad(score, x, retain_graph=True)
        others = torch.arange(4) != i
        assert slope[i].abs().max() > 0 and not slope[others].any()
    torch.testing.assert_close(d(Batch(x[:1])).score, d(Batch(x)).score[:1])


@pytest.mark.parametrize("backbone", NORMED)
def test_no_image_depends_on_another_latent(backbone):
    g, z = generator(backbone), torch.randn(4, 5, dtype=torch.float64)
    torch.testing.assert_close(g(z[2:3]), g(z)[2:3])
    assert not torch.allclose(g(z)[0], g(z)[1])


def test_the_slope_of_d_can_be_differentiated_again():
    d = discriminator("mlp", (2, 1, 1), width=3, activation="tanh")
    x = images(3, (2, 1, 1)).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: d(Batch(x)).score, x)


def test_the_weights_learn_through_the_reference_too():
    d, x = discriminator("mlp", (2, 1, 1), width=3, activation="tanh"), images(3, (2, 1, 1))
    names = ("encoder.layer1.linear.weight", "encoder.layer2.linear.weight")
    parameters = dict(d.named_parameters())

    def score(*values):
        named = parameters | dict(zip(names, values, strict=True))
        return torch.func.functional_call(d, named, (Batch(x),)).score

    assert torch.autograd.gradcheck(score, [parameters[name] for name in names])


def test_the_reference_carries_labels_where_the_player_is_conditional():
    for condition in ("concat", "none"):
        g = generator(condition=condition)
        assert (g.reference_labels is None) == (condition == "none")
        assert g(torch.zeros(4, 5, dtype=torch.float64), LABELS).isfinite().all()
    for condition in ("channels", "projection"):
        d = discriminator(condition=condition)
        before = d(Batch(images(), LABELS)).score
        d.refer_to(Batch(images(REFERENCE_BATCH), torch.arange(REFERENCE_BATCH) % 3))
        assert not torch.allclose(before, d(Batch(images(), LABELS)).score)


def test_the_reference_is_in_the_state_and_only_where_a_norm_is_virtual():
    d = discriminator()
    d.refer_to(Batch(images(REFERENCE_BATCH)))
    again = discriminator()
    again.load_state_dict(d.state_dict())
    x = Batch(images())
    assert torch.equal(d(x).score, again(x).score)
    assert not [name for name in discriminator(norm="batch").state_dict() if name.startswith("reference")]


@pytest.mark.parametrize("minibatch", ["stddev", "discrimination"])
def test_an_autoencoding_d_refers_within_its_decoder_too(minibatch):
    d = discriminator(heads=("score", "reconstruction"), minibatch_features=minibatch, noise=0.1)
    assert sum(isinstance(layer, VirtualBatchNorm) for layer in d.heads.modules()) > 0
    judged = d(Batch(images()))
    assert judged.reconstruction.shape == (4, *SHAPE) and judged.score.shape == (4,)


def test_a_norm_without_its_reference_says_so_and_none_is_left_behind():
    d = discriminator()
    with pytest.raises(ValueError, match="has no reference batch"):
        d.encoder(images())
    with pytest.raises(RuntimeError):
        d(Batch(images(shape=(3, 16, 16))))
    copy.deepcopy(d)  # a graph that stayed could not be copied
    assert all(layer.reference is None for layer in d.modules() if isinstance(layer, VirtualBatchNorm))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_the_noise_of_the_reference_is_drawn_once_and_stays(mode, monkeypatch):
    """So that no later pass waits for numbers that come from the CPU; a first pass without gradients keeps them too."""
    g, z = generator(noise=0.3, dropout=0.2), torch.randn(4, 5, dtype=torch.float64)
    again = copy.deepcopy(g)
    with mode(), rng.RngScope(0, "g", 0):
        first = g(z)
    with rng.RngScope(0, "g", 0), monkeypatch.context() as patch:
        patch.setattr(rng, "generator", without("reference", rng.generator))
        second = g(z)
    second.sum().backward()
    with rng.RngScope(0, "g", 0):
        fresh = again(z)
    assert torch.equal(first, second) and torch.equal(second, fresh)


def without(stream, generator):
    def checked(*key, **options):
        assert stream not in key
        return generator(*key, **options)

    return checked
