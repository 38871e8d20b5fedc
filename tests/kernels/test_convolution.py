"""Convolution with derivatives of its own, against PyTorch's, against finite differences, and by what it computes."""

import pytest
import torch
from operator_counts import Operators
from torch.autograd import grad, gradcheck, gradgradcheck
from torch.nn import functional as F

from ganzoo.kernels import convolution as module
from ganzoo.kernels.convolution import convolution, transposed_convolution

# (x, w, stride, padding); the seventh has more weights than maps, and the one before it a row of x that no stride reaches.
GEOMETRIES = [
    ((2, 3, 6, 6), (4, 3, 3, 3), 1, 1),
    ((2, 5, 8, 8), (7, 5, 4, 4), 2, 1),
    ((2, 1, 8, 8), (3, 1, 4, 4), 2, 1),
    ((2, 5, 6, 6), (1, 5, 3, 3), 1, 1),
    ((2, 6, 5, 5), (2, 6, 1, 1), 1, 0),
    ((2, 5, 7, 7), (3, 5, 4, 4), 2, 1),
    ((1, 9, 4, 4), (8, 9, 5, 5), 2, 2),
]


GROUPED = [
    ((2, 6, 6, 6), (4, 3, 3, 3), 1, 1, 2),
    ((2, 5, 8, 8), (5, 1, 4, 4), 2, 1, 5),
    ((1, 4, 5, 5), (8, 2, 2, 2), 1, 0, 2),
    ((2, 6, 7, 7), (3, 2, 4, 4), 2, 1, 3),
]
"""With groups in addition."""


@pytest.fixture(params=["onednn", "products"])
def kernels(request, monkeypatch):
    """What computes, whatever the shapes."""
    monkeypatch.setattr(module, "uses_matmul", lambda at: request.param == "products")
    monkeypatch.setattr(module, "weight_gradient_uses_matmul", lambda at, dtype: request.param == "products")


def arguments(x, w, stride, padding):
    """x, w, b and g as leaves."""
    sides = [(side + 2 * padding - w[-1]) // stride + 1 for side in x[2:]]
    shapes = (x, w, (w[0],), (x[0], w[0], *sides))
    return [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]


def rest(x, w, stride, padding):
    """The output padding with which the transposed convolution returns to x."""
    return [(side + 2 * padding - w[-1]) % stride for side in x[2:]]


def slopes(y, inputs, order):
    """Values and gradients up to `order`, each of a cubic function of the one before."""
    found = [y]
    for _ in range(order):
        y = sum((value * value.detach().cos() + value**3).sum() for value in found[-len(inputs) :])
        found += grad(y, inputs, create_graph=True)
    return found


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_values_and_three_derivatives_are_those_of_pytorch(geometry, kernels):
    x, w, b, _ = arguments(*geometry)
    ours, theirs = (slopes(conv(x, w, b, *geometry[2:]), (x, w, b), 3) for conv in (convolution, F.conv2d))
    for mine, his in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, his, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_the_transposed_one_likewise(geometry, kernels):
    x, w, _, g = arguments(*geometry)
    b, extra = torch.randn(x.shape[1], dtype=torch.float64, requires_grad=True), rest(*geometry)[0]
    order = 2 if extra else 3  # PyTorch has no third with output padding.
    ours = slopes(transposed_convolution(g, w, b, *geometry[2:], extra), (g, w, b), order)
    theirs = slopes(F.conv_transpose2d(g, w, b, *geometry[2:], extra), (g, w, b), order)
    assert ours[0].shape == x.shape
    for mine, his in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, his, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("geometry", GROUPED)
def test_groups(geometry):
    """Values and derivatives of both directions, the second order without PyTorch's missing cases."""
    *shapes, stride, padding, groups = geometry
    x, w, b, g = arguments(*shapes, stride, padding)
    ours = slopes(convolution(x, w, b, stride, padding, groups), (x, w, b), 3)
    theirs = slopes(F.conv2d(x, w, b, stride, padding, 1, groups), (x, w, b), 3)
    extra, b = rest(*shapes, stride, padding)[0], torch.randn(x.shape[1], dtype=torch.float64, requires_grad=True)
    ours += slopes(transposed_convolution(g, w, b, stride, padding, extra, groups), (g, w, b), 2)
    theirs += slopes(F.conv_transpose2d(g, w, b, stride, padding, extra, groups), (g, w, b), 2)
    for mine, his in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, his, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("check", [gradcheck, gradgradcheck])
def test_derivatives_against_finite_differences(check, kernels):
    x, w, b, _ = arguments((1, 2, 4, 4), (2, 2, 4, 4), 2, 1)
    assert check(lambda *a: convolution(*a, 2, 1), (x, w, b))
    x, w, b, g = arguments((1, 5, 4, 4), (2, 5, 2, 2), 2, 0)
    assert check(lambda *a: transposed_convolution(*a, None, 2, 0, 0), (g, w))


def slope_of_images(x, w, b):
    """A penalty's first half, and the operators that it takes."""
    y = convolution(x, w, b, 2, 1).sin().sum()
    with Operators() as ran:
        (slope,) = grad(y, x, create_graph=True)
    return slope, ran


def test_a_slope_in_the_images_computes_no_gradient_of_weights():
    x, w, b, _ = arguments((2, 5, 8, 8), (7, 5, 4, 4), 2, 1)
    slope, ran = slope_of_images(x, w, b)
    assert (ran.counts["convolution"], ran.counts["convolution_backward"], ran.counts["sum"]) == (1, 0, 0)
    with Operators() as ran:
        slope.square().sum().backward()
    assert ran.counts["convolution_backward"] == 2, "of both occurrences of w"
    assert w.grad is not None and b.grad is not None


@pytest.mark.parametrize("whose", [(0,), (1,), (2,), (0, 1, 2)])
def test_whatever_is_asked_for_by_name_is_computed(whose):
    inputs = arguments((2, 5, 8, 8), (7, 5, 4, 4), 2, 1)[:3]
    asked = [inputs[i] for i in whose]
    ours, theirs = (grad(conv(*inputs, 2, 1).sin().sum(), asked) for conv in (convolution, F.conv2d))
    convolution(*inputs, 2, 1).sin().sum().backward(inputs=asked)
    for mine, his, leaf in zip(ours, theirs, asked, strict=True):
        torch.testing.assert_close(mine, his, atol=1e-10, rtol=1e-10)
        torch.testing.assert_close(leaf.grad, his, atol=1e-10, rtol=1e-10)
    assert all(leaf.grad is None for i, leaf in enumerate(inputs) if i not in whose)


def test_the_weight_gradient_of_a_second_backward_is_no_convolution_with_a_kernel_like_an_image():
    x, w, b, _ = arguments((2, 5, 16, 16), (7, 5, 4, 4), 2, 1)
    for conv, largest in ((convolution, 4), (F.conv2d, 8)):
        (slope,) = grad(conv(x, w, b, 2, 1).sin().sum(), x, create_graph=True)
        with Operators() as ran:
            grad(slope.square().sum(), w)
        assert max(max(shapes[1][2:]) for shapes in ran.of("convolution")) == largest


@pytest.mark.parametrize(("geometry", "last"), [(GEOMETRIES[1], True), (GEOMETRIES[2], True), (GEOMETRIES[6], False)])
def test_maps_have_their_channels_last_unless_weights_outweigh_them(geometry, last):
    x, w, b, _ = arguments(*geometry)
    with Operators() as ran:
        convolution(x, w, b, *geometry[2:]).sum().backward()
    image = next(args for name, _, args in ran.ran if name == "convolution")[0]
    gradient, image_again = next(args for name, _, args in ran.ran if name == "convolution_backward")[:2]
    for laid in (image, gradient, image_again):
        assert (laid.stride(1) == 1) is last


def test_a_map_becomes_an_image_by_a_product():
    """And one that stays a map does not."""
    for channels, products in ((3, 1), (5, 0)):
        g, w = torch.randn(2, 7, 4, 4), torch.randn(7, channels, 4, 4)
        with Operators() as ran:
            transposed_convolution(g, w, None, 2, 1, 0)
        assert (ran.counts["col2im"], ran.counts["convolution"]) == (products, 1 - products)
