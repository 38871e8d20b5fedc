"""Tanh by oneDNN: PyTorch's values and slopes, and where it is taken."""

import pytest
import torch
from operator_counts import Operators
from torch.autograd import grad

from ganzoo.kernels import activations, dispatch, matmul
from ganzoo.networks import layers

onednn = pytest.mark.skipif(not matmul.ONEDNN, reason="this PyTorch is without oneDNN")


def values_and_slopes(tanh, x):
    """The values, the slope, and that of a penalty on it."""
    y = tanh(x)
    (slope,) = grad(y.sin().sum(), x, create_graph=True)
    return y, slope, *grad(slope.square().sum() + y.cos().sum(), x)


@onednn
@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 10.0])
def test_small_and_large_values_and_slopes_of_both_orders(scale):
    x = (scale * torch.randn(64, 33, generator=torch.Generator().manual_seed(0))).requires_grad_()
    ours, exact = values_and_slopes(activations.tanh, x), values_and_slopes(torch.tanh, x.double())
    torch.testing.assert_close(ours[0].double(), exact[0], atol=0, rtol=3e-7)
    torch.testing.assert_close(activations.tanh(x[:, ::2].t()), ours[0][:, ::2].t())
    for mine, true in zip(ours[1:], exact[1:], strict=True):
        torch.testing.assert_close(mine.double(), true, atol=1e-6, rtol=0)


@onednn
@pytest.mark.parametrize("name", ["activation", "output"])
def test_layers_take_it_for_vectors_of_single_precision_only(name):
    layer = {"activation": layers.ACTIVATIONS, "output": layers.OUTPUTS}[name]["tanh"]()
    vectors, images = torch.randn(4, 6), torch.randn(4, 2, 3, 3)
    for x, times in ((vectors, 1), (vectors.double(), 0), (vectors.bfloat16(), 0), (images, 0)):
        with Operators() as ran:
            layer(x)
        assert ran.counts["to_mkldnn"] == times
    with dispatch.plain_operators(), Operators() as ran:
        layer(vectors)
    assert ran.counts["to_mkldnn"] == 0
