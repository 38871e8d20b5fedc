"""Maxout against the formula."""

import pytest
import torch

from ganzoo.batch import Batch
from ganzoo.errors import InputError
from ganzoo.networks import initialize, make_discriminator, make_generator
from ganzoo.networks.layers import Maxout


def test_each_unit_is_the_largest_of_its_five():
    layer, x = Maxout(3, 4).double(), torch.randn(6, 3, dtype=torch.float64)
    expected = torch.empty(6, 4, dtype=torch.float64)
    for n in range(6):
        for unit in range(4):
            pieces = [layer.weight[4 * k + unit] @ x[n] + layer.bias[4 * k + unit] for k in range(5)]
            expected[n, unit] = max(pieces)
    torch.testing.assert_close(layer(x), expected)


def test_an_mlp_of_maxout_has_no_other_activation_and_starts_as_asked():
    d = make_discriminator("mlp", {"width": 200, "depth": 3, "activation": "maxout"}, shape=(2, 1, 1))
    initialize(d, "normal", seed=0, name="discriminator")
    shapes = [tuple(p.shape) for p in d.parameters() if p.ndim == 2]
    assert shapes == [(1000, 2), (1000, 200), (1000, 200), (1, 200)]
    assert d.encoder.layer2.linear.weight.std().item() == pytest.approx(0.02, rel=0.02)
    judged = d(Batch(torch.randn(5, 2, 1, 1)))
    assert judged.features.shape == (5, 200) and judged.features.min() < 0 < judged.features.max()
    g = make_generator("mlp", {"activation": "maxout", "width": 8}, shape=(2, 1, 1), latent=3)
    assert g(torch.randn(4, 3)).shape == (4, 2, 1, 1)


def test_convolutions_have_none():
    with pytest.raises(InputError, match="no activation is called 'maxout'"):
        make_discriminator("dcgan", {"activation": "maxout"}, shape=(1, 32, 32))
