"""Piecewise linear layers: PyTorch's values and slopes, and nothing behind them."""

import pytest
import torch
from torch.autograd import grad, gradcheck, gradgradcheck
from torch.nn import functional as F

from ganzoo.kernels.activations import average_pool_2x2, leaky_relu, max_of_pieces

LAYERS = {
    "relu": (lambda x: leaky_relu(x, 0.0), F.relu),
    "leaky-relu": (lambda x: leaky_relu(x, 0.2), lambda x: F.leaky_relu(x, 0.2)),
    "largest": (lambda x: max_of_pieces(x, 3), lambda x: x.unflatten(1, (3, -1)).amax(1)),
    "mean": (average_pool_2x2, lambda x: F.avg_pool2d(x, 2)),
}


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", LAYERS)
def test_values_and_slopes(name, order):
    ours, theirs = LAYERS[name]
    x = torch.randn(2, 3, 4, 6, dtype=torch.float64).to(memory_format=order).requires_grad_()
    torch.testing.assert_close(ours(x), theirs(x), atol=0, rtol=0)
    direction = torch.randn_like(ours(x)).contiguous()  # of the other order, too
    torch.testing.assert_close(*(grad(layer(x), x, direction)[0] for layer in (ours, theirs)), atol=0, rtol=0)
    assert gradcheck(ours, x) and gradgradcheck(ours, x)


@pytest.mark.parametrize("name", ["relu", "leaky-relu"])
def test_vectors_and_the_kink(name):
    ours, theirs = LAYERS[name]
    x = torch.tensor([[-2.0, 0.0, 3.0]], requires_grad=True)
    torch.testing.assert_close(*(grad(layer(x).sum(), x)[0] for layer in (ours, theirs)), atol=0, rtol=0)


@pytest.mark.parametrize("name", ["relu", "leaky-relu", "mean"])
def test_no_path_leads_from_a_slope_to_the_input(name):
    """Where PyTorch's own leads there, to nothing but zeros."""
    x, direction = torch.randn(2, 3, 4, 4, requires_grad=True), torch.randn(2, 3, 4, 4, requires_grad=True)
    direction = direction if name != "mean" else direction[..., :2, :2]
    second = [
        grad(grad(layer(x), x, direction, create_graph=True)[0].sum(), (x, direction), allow_unused=True)
        for layer in LAYERS[name]
    ]
    assert second[0][0] is None and second[1][0] is not None and not second[1][0].any()
    torch.testing.assert_close(second[0][1], second[1][1])


def test_where_several_are_largest_they_share_the_slope():
    x = torch.tensor([[1.0, 5.0, 4.0, 5.0]], requires_grad=True)  # groups (1, 5) and (4, 5)
    (slope,) = grad(max_of_pieces(x, 2), x, torch.tensor([[2.0, 3.0]]))
    assert slope.tolist() == [[0, 1.5, 2, 1.5]]


def test_a_true_curvature_still_passes():
    x = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    for name in ("relu", "leaky-relu"):
        assert gradgradcheck(lambda x, layer=LAYERS[name][0]: layer(x.sin()) ** 3, x)
