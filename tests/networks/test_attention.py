"""Self-attention against the formula, one pixel at a time; where it stands; what it leaves unchanged."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from test_variants import trainer

from ganzoo.batch import Batch
from ganzoo.errors import InputError
from ganzoo.networks import initialize, make_discriminator, make_generator
from ganzoo.networks.attention import SelfAttention

BOTH = ("dcgan", "resnet")


def test_the_formula_pixel_by_pixel():
    """Zhang et al. 2019, eq. 1 to 3: beta_ji weights position i in the output at j."""
    layer, x = SelfAttention(16).double(), torch.randn(2, 16, 3, 2).double()
    layer.gamma.data.fill_(0.7)
    f, g, h, v = (each.weight[:, :, 0, 0] for each in (layer.key, layer.query, layer.value, layer.last))
    assert f.shape == (2, 16) and v.shape == (16, 2)
    pixels, out = x.flatten(2), layer(x).flatten(2)
    for n, j in product(range(2), range(6)):
        s = torch.stack([(f @ pixels[n, :, i]) @ (g @ pixels[n, :, j]) for i in range(6)])
        beta = s.exp() / s.exp().sum()
        o = v @ sum(beta[i] * (h @ pixels[n, :, i]) for i in range(6))
        torch.testing.assert_close(out[n, :, j], pixels[n, :, j] + 0.7 * o)


def players(backbone, **attention):
    g = make_generator(backbone, {"width": 8} | attention, shape=(1, 32, 32), latent=5)
    d = make_discriminator(backbone, {"width": 8, "norm": "none"} | attention, shape=(1, 32, 32))
    for network, name in ((g, "generator"), (d, "discriminator")):
        initialize(network, "he", 0, name)
    return g, d


@pytest.mark.parametrize("backbone", BOTH)
def test_it_stands_at_one_size_and_starts_as_nothing(backbone):
    """With the weights of all other layers, so the images and scores of the start are those without it."""
    seen = []
    g, d = players(backbone, attention=16)
    for network in (g, d):
        (layer,) = (each for each in network.modules() if isinstance(each, SelfAttention))
        layer.register_forward_hook(lambda _layer, inputs, _output: seen.append(inputs[0].shape[2:]))
    z = torch.randn(3, 5)
    plain_g, plain_d = players(backbone)
    assert torch.equal(g(z), plain_g(z))
    assert torch.equal(d(Batch(g(z))).score, plain_d(Batch(g(z))).score)
    assert set(seen) == {(16, 16)}
    extra = {"key.weight", "query.weight", "value.weight", "last.weight", "gamma"}
    for network, plain, part in ((g, plain_g, "decoder"), (d, plain_d, "encoder")):
        assert network.state_dict().keys() - plain.state_dict().keys() == {f"{part}.attention.{name}" for name in extra}


@pytest.mark.parametrize(
    ("backbone", "player", "sizes"),
    [
        ("dcgan", 0, "4, 8, 16"),
        ("dcgan", 1, "16, 8, 4"),
        ("resnet", 0, "4, 8, 16, 32"),
        ("resnet", 1, "16, 8"),
    ],
)
def test_sizes_that_exist(backbone, player, sizes):
    make = (
        lambda attention: make_generator(backbone, {"width": 4, "attention": attention}, shape=(1, 32, 32), latent=5),
        lambda attention: make_discriminator(backbone, {"width": 4, "attention": attention}, shape=(1, 32, 32)),
    )[player]
    for size in map(int, sizes.split(", ")):
        make(size)
    with pytest.raises(InputError, match=f"attention = 7: no map has this size; choose from {sizes}$"):
        make(7)


@pytest.mark.parametrize("backbone", BOTH)
def test_every_weight_moves_also_under_a_penalty(backbone):
    """After the first step, in which gamma leaves 0; batch norm in D has no place here."""
    networks = {"name": backbone, "generator": {"attention": 14}, "discriminator": {"attention": 14}}
    t = trainer("wgan-gp", networks=networks)
    layers = [each for network in (t.G, t.D) for each in network.modules() if isinstance(each, SelfAttention)]
    before = [p.detach().clone() for layer in layers for p in layer.parameters()]
    for _ in range(3):
        t.train_step()
    after = [p for layer in layers for p in layer.parameters()]
    assert len(layers) == 2 and not any(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert t.is_finite()
