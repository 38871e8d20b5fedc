"""The kernels of convolution by products of matrices: PyTorch's numbers, in any precision, and where they are taken."""

import pytest
import torch
from operator_counts import Operators
from test_convolution import GEOMETRIES, arguments, rest
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

from ganzoo.kernels import dispatch, matmul
from ganzoo.kernels.autograd import ConvGeometry
from ganzoo.kernels.convolution import convolution, transposed_convolution

CONVS = {
    "plain": lambda x, w, g: convolution(x, w, None, 2, 1),
    "transposed": lambda x, w, g: transposed_convolution(g, w, None, 2, 1, 0),
}
HEAVY = ((1, 258, 8, 8), (256, 258, 4, 4), 2, 1)
LIGHT = ((1, 258, 8, 8), (200, 258, 4, 4), 2, 1)
WIDE = ((1, 258, 12, 12), (256, 258, 4, 4), 2, 1)


def of_pytorch(x, w, b, g, geometry):
    """The output, the gradient of x, plus a bias for each channel, and that of w."""
    stride, padding = geometry[2:]
    image = F.conv_transpose2d(g, w, x[0, :, 0, 0], stride, padding, rest(*geometry))
    return F.conv2d(x, w, b, stride, padding), image, conv2d_weight(x, w.shape, g, stride, padding)


def of_products(x, w, b, g, geometry):
    at = ConvGeometry(x.shape, w.shape, g.shape, *geometry[2:])
    image = matmul.input_gradient(g, w, x[0, :, 0, 0], at)
    return matmul.convolution(x, w, b, at), image, matmul.weight_gradient(g, x, at)


@pytest.mark.parametrize("block", [1, 4000, 2**20])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_all_three_in_blocks_of_any_size(geometry, block, monkeypatch):
    monkeypatch.setattr(matmul, "BLOCK_BYTES", block)
    given = [tensor.detach() for tensor in arguments(*geometry)]
    for mine, his in zip(of_products(*given, geometry), of_pytorch(*given, geometry), strict=True):
        torch.testing.assert_close(mine, his, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize(("dtype", "near"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
def test_other_precisions(dtype, near):
    geometry = ((4, 20, 8, 8), (30, 20, 4, 4), 2, 1)
    given = [tensor.detach().to(dtype) for tensor in arguments(*geometry)]
    exact = of_pytorch(*(tensor.double() for tensor in given), geometry)
    for mine, his in zip(of_products(*given, geometry), exact, strict=True):
        assert mine.dtype == dtype
        assert (mine.double() - his).norm() < near * his.norm()


def test_blocks_are_no_larger_than_said():
    at = ConvGeometry(*map(torch.Size, ((64, 528, 8, 8), (1056, 528, 4, 4), (64, 1056, 4, 4))), 2, 1)
    for dtype, parts in ((torch.float32, 2), (torch.bfloat16, 1)):
        found = matmul.blocks(torch.empty(0, dtype=dtype), at)
        assert len(found) == parts and found[-1].stop >= 528
        assert all((b.stop - b.start) * 16 * 1056 * dtype.itemsize <= matmul.BLOCK_BYTES for b in found)


def ran(conv, geometry, dtype):
    """The operators of a pass forward and backward."""
    x, w, _, g = (tensor.detach().to(dtype).requires_grad_() for tensor in arguments(*geometry))
    with Operators() as ran:
        CONVS[conv](x, w, g).sum().backward()
    return ran.counts


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("conv", CONVS)
def test_many_weights_on_a_small_map_meet_in_products_only(conv, dtype):
    counts = ran(conv, HEAVY, dtype)
    by_onednn = dtype == torch.float32 and matmul.ONEDNN
    assert counts["_linear_pointwise" if by_onednn else "mm"] == 3
    assert counts["convolution"] == counts["convolution_backward"] == 0


@pytest.mark.parametrize("conv", CONVS)
def test_fewer_weights_only_for_their_own_gradient_and_a_large_map_for_none(conv):
    light, wide = ran(conv, LIGHT, torch.float64), ran(conv, WIDE, torch.float64)
    assert (light["mm"], light["convolution"], light["convolution_backward"]) == (1, 2, 0)
    assert (wide["mm"], wide["convolution"], wide["convolution_backward"]) == (0, 2, 1)


@pytest.mark.parametrize(("dtype", "by_product"), [(torch.float32, 0), (torch.bfloat16, 1)])
def test_the_gradient_of_few_weights_by_a_product_in_bfloat16(dtype, by_product):
    counts = ran("plain", ((2, 5, 8, 8), (7, 5, 4, 4), 2, 1), dtype)
    assert (counts["mm"], counts["convolution_backward"]) == (by_product, 1 - by_product)


@pytest.mark.parametrize("conv", CONVS)
def test_an_output_may_be_changed_in_place(conv):
    x, w, _, g = arguments(*HEAVY)
    CONVS[conv](x, w, g).add_(1).square().sum().backward()
    assert w.grad.any()


def linear_twice_differentiated(x, w, b):
    """The output, its slopes, and those of a penalty on the slope in x."""
    y = dispatch.linear(x, w, b)
    (slope,) = torch.autograd.grad(y.tanh().sum(), x, create_graph=True)
    return y, slope, *torch.autograd.grad(slope.square().sum() + y.sum(), (x, w, b))


def test_linear_layers_and_their_derivatives():
    g = torch.Generator().manual_seed(0)
    given = [torch.randn(*shape, generator=g).double().requires_grad_() for shape in ((6, 20), (18, 20), (18,))]
    ours = linear_twice_differentiated(*given)
    with dispatch.plain_operators():
        true = linear_twice_differentiated(*given)
    torch.testing.assert_close(ours, true, atol=1e-10, rtol=0)
    assert torch.autograd.gradgradcheck(lambda x, w: matmul.linear(x, w, None), [each[:3] for each in given[:2]])


def test_a_linear_layer_takes_no_rows_too():
    w = torch.ones(18, 20, requires_grad=True)  # without gradients oneDNN takes none as well
    found = dispatch.linear(torch.ones(0, 20), w, None)
    found.sum().backward()
    assert found.shape == (0, 18) and not w.grad.any()


def test_only_small_transposed_products_are_left_to_mkl():
    small, large = torch.empty(128, 512), torch.empty(256, 1024)
    assert matmul.is_small_transposed(torch.empty(512, 128).t(), small)
    assert not matmul.is_small_transposed(small, small)
    assert not matmul.is_small_transposed(torch.empty(1024, 256).t(), large)


@pytest.mark.skipif(not matmul.ONEDNN, reason="this PyTorch is without oneDNN")
@pytest.mark.parametrize(("outputs", "taken"), [(16, 4), (15, 0)])
def test_wide_linear_layers_are_products_of_onednn(outputs, taken):
    """Forward, the slope in x, and in its backward one of the slope's and one of the output's; those of weights are small."""
    x, w, b = torch.randn(6, 20), torch.randn(outputs, 20), torch.randn(outputs)
    with Operators() as ran:
        linear_twice_differentiated(*(each.requires_grad_() for each in (x, w, b)))
    assert ran.counts["_linear_pointwise"] == taken
    assert ran.counts["mm"] + ran.counts["addmm"] == 6 - taken
