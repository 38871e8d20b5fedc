"""Norms, activations and chains against torch or the formula."""

import pytest
import torch
from torch.nn import functional as F

from ganzoo.errors import InputError
from ganzoo.networks.layers import (
    ACTIVATIONS,
    NORMS,
    Chain,
    ConditionalBatchNorm,
    SameConv,
    make_norm,
    project_labels,
)

MAPS = (5, 6, 4, 4)


def spread(norm):
    """Scales and shifts that are not 1 and 0."""
    for parameter in norm.parameters():
        torch.nn.init.normal_(parameter)
    return norm.double()


@pytest.mark.parametrize(("name", "axes"), [("batch", (0, 2, 3)), ("instance", (2, 3)), ("layer", (1, 2, 3))])
def test_norms_of_maps(name, axes):
    norm, x = spread(make_norm(name, 6)), 3 + 2 * torch.randn(MAPS, dtype=torch.float64)
    mean, variance = x.mean(axes, keepdim=True), x.var(axes, unbiased=False, keepdim=True)
    scale, shift = (p[:, None, None] for p in (norm.weight, norm.bias))
    torch.testing.assert_close(norm(x), (x - mean) / (variance + 1e-5).sqrt() * scale + shift)


@pytest.mark.parametrize(("name", "axis"), [("batch", 0), ("layer", 1)])
def test_norms_of_vectors(name, axis):
    norm, x = spread(make_norm(name, 6)), 3 + 2 * torch.randn(5, 6, dtype=torch.float64)
    mean, variance = x.mean(axis, keepdim=True), x.var(axis, unbiased=False, keepdim=True)
    torch.testing.assert_close(norm(x), (x - mean) / (variance + 1e-5).sqrt() * norm.weight + norm.bias)


def test_no_norm_is_the_identity():
    x = torch.randn(MAPS)
    assert make_norm("none", 6)(x) is x


@pytest.mark.parametrize(("name", "mixes"), [("batch", True), ("instance", False), ("layer", False), ("none", False)])
def test_only_batch_norm_mixes_samples(name, mixes):
    norm, x = make_norm(name, 6), torch.randn(MAPS)
    others = torch.cat([x[:1], torch.randn(MAPS)[1:]])
    same = torch.allclose(norm(x)[0], norm(others)[0], atol=1e-6)
    assert same is not mixes


@pytest.mark.parametrize("shape", [MAPS, MAPS[:2]])
def test_conditional_batch_norm(shape):
    norm, labels = spread(ConditionalBatchNorm(6, 3)), torch.tensor([0, 2, 1, 0, 2])
    x = torch.randn(shape, dtype=torch.float64)
    plain = F.batch_norm(x, None, None, training=True)
    for i, label in enumerate(labels):
        scale, shift = (p[label].reshape(6, *[1] * (len(shape) - 2)) for p in (norm.scale, norm.shift))
        torch.testing.assert_close(norm(x, labels)[i], plain[i] * scale + shift)


def test_conditional_batch_norm_needs_labels():
    with pytest.raises(ValueError, match="needs labels"):
        ConditionalBatchNorm(6, 3)(torch.randn(MAPS))


@pytest.mark.parametrize("name", sorted(set(NORMS) - {"batch"}))
def test_only_batch_norm_can_be_conditional(name):
    assert isinstance(make_norm("batch", 6, classes=3), ConditionalBatchNorm)
    with pytest.raises(InputError, match=rf"needs norm = 'batch' in the generator, not '{name}'"):
        make_norm(name, 6, classes=3)


def test_activations():
    x = torch.linspace(-3, 3, 13)
    expected = {
        "relu": x.clamp(min=0),
        "leaky-relu": torch.maximum(x, 0.2 * x),
        "elu": torch.where(x > 0, x, x.exp() - 1),
        "silu": x / (1 + (-x).exp()),
        "tanh": x.tanh(),
    }
    assert set(ACTIVATIONS) == set(expected)
    for name, y in expected.items():
        torch.testing.assert_close(ACTIVATIONS[name]()(x), y)
    torch.testing.assert_close(x, torch.linspace(-3, 3, 13))  # None works in place: a shortcut reads x too.


@pytest.mark.parametrize("kernel", [1, 2, 3, 4, 5])
def test_same_conv_is_padded_convolution(kernel):
    conv, x = SameConv(2, 3, kernel), torch.randn(2, 2, 6, 6)
    before, after = kernel // 2, (kernel - 1) // 2
    padded = F.pad(x, (before, after, before, after))
    torch.testing.assert_close(conv(x), F.conv2d(padded, conv.weight, conv.bias))
    assert conv(x).shape == (2, 3, 6, 6)


def test_project_fills_channel_by_channel():
    layer = project_labels(5, 3, 4)
    z = torch.randn(2, 5)
    y = layer(z)
    assert y.shape == (2, 3, 4, 4)
    torch.testing.assert_close(y.flatten(1), F.linear(z, layer.linear.weight, layer.linear.bias))


def test_labels_reach_the_layers_that_take_them():
    chain = Chain(outer=Chain(conv=SameConv(2, 6, 3), norm=ConditionalBatchNorm(6, 3)), act=ACTIVATIONS["relu"]())
    x, labels = torch.randn(4, 2, 4, 4), torch.tensor([0, 1, 2, 0])
    torch.nn.init.normal_(chain.outer.norm.shift)
    expected = chain.outer.norm(chain.outer.conv(x), labels).relu()
    torch.testing.assert_close(chain(x, labels), expected)
