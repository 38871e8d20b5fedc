"""Every rewritten operator against PyTorch's own at the edges of what it may be given, in every way that is differentiated."""

from __future__ import annotations

from itertools import product

import pytest
import torch
from torch import Tensor
from torch.autograd import forward_ad, grad

from ganzoo.kernels import dispatch
from ganzoo.kernels.dispatch import plain_operators

SHAPES = [
    (0, 6, 4, 4),
    (1, 6, 1, 1),
    (2, 6, 1, 5),
    (1, 6, 5, 1),
    (1, 6, 20, 1),
    (1, 6, 4, 2),
    (2, 6, 0, 3),
    (3, 6, 6, 4),
]
ROWS = [(0, 30), (1, 30), (4, 30)]
TYPES = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 4e-2}
"""And how near a result is to that of float64, as a part of its norm."""


def conv(outputs, inputs, kernel, *options):
    return dispatch.conv2d, SHAPES, [(outputs, inputs, kernel, kernel), (outputs,)], options


def transposed(inputs, outputs, kernel, *options):
    return dispatch.conv_transpose2d, SHAPES, [(inputs, outputs, kernel, kernel), (outputs,)], options


def same(kernel, resample):
    return dispatch.same_conv, SHAPES, [(5, 6, kernel, kernel), (5,)], (resample,)


OPERATORS = {
    "convolution": conv(5, 6, 3, 1, 1),
    "of single pixels": conv(5, 6, 1, 2, 0),
    "strided": conv(5, 6, 4, 2, 1),
    "by products": conv(5, 6, 4, 2, 1),
    "transposed": transposed(6, 5, 4, 2, 1, 0),
    "to an image": transposed(6, 3, 3, 2, 1, 1),
    "transposed by products": transposed(6, 5, 4, 2, 1, 0),
    **{f"{k}x{k} {around}": same(k, around) for k, around in product((1, 3, 4), ("none", "nearest", "mean"))},
    "linear": (dispatch.linear, ROWS, [(18, 30), (18,)], ()),
    "relu": (dispatch.leaky_relu, [*SHAPES, *ROWS], [], (0.0,)),
    "leaky relu": (dispatch.leaky_relu, [*SHAPES, *ROWS], [], (0.2,)),
    "maxout": (dispatch.maxout_max, ROWS, [], (5,)),
    "tanh": (dispatch.tanh, [*SHAPES, *ROWS], [], ()),
    "mean of four": (dispatch.downsample_by_half, SHAPES, [], ()),
}


def numbers(shape, seed, dtype):
    """Which bfloat16 has too; quarters, so that some of them tie."""
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return drawn.mul(4).round().div(4).to(dtype)


def of_values(f, x, rest):
    return [f(x, *rest)]


def without_gradients(f, x, rest):
    with torch.no_grad():
        return [f(x, *rest)]


def slopes(f, x, rest):
    y = f(x, *rest)
    return [y, *grad(y, [x, *rest], numbers(y.shape, 9, y.dtype))]


def second_slopes(f, x, rest):
    y = f(x, *rest)
    direction = numbers(y.shape, 9, y.dtype).requires_grad_()
    return twice(y, [x, *rest], direction)


def batched_slopes(f, x, rest):
    y = f(x, *rest)
    directions = numbers((3, *y.shape), 9, y.dtype)
    return grad(y, [x, *rest], directions, is_grads_batched=True)


def second_batched_slopes(f, x, rest):
    y = f(x, *rest)
    directions = numbers((3, *y.shape), 9, y.dtype).requires_grad_()
    return twice(y, [x, *rest], directions, is_grads_batched=True)


def twice(y, inputs, direction, **how):
    first = grad(y, inputs, direction, create_graph=True, **how)
    found = [*inputs, direction]
    return [*first, *grad(sum(g.square().sum() for g in first), found, allow_unused=True, materialize_grads=True)]


def dual(f, x, rest):
    with forward_ad.dual_level():
        given = [forward_ad.make_dual(t, numbers(t.shape, 9, t.dtype)) for t in (x, *rest)]
        return list(forward_ad.unpack_dual(f(*given)))


def forward_over_reverse(f, x, rest):
    y = f(x, *rest)
    with forward_ad.dual_level():
        direction = forward_ad.make_dual(*(numbers(y.shape, seed, y.dtype) for seed in (8, 9)))
        found = [forward_ad.unpack_dual(g) for g in grad(y, [x, *rest], direction)]
        return [part for g in found for part in g if part is not None]


def by_torch_func(f, x, rest):
    given = (x, *rest)
    return torch.func.jvp(f, given, tuple(numbers(t.shape, 9, t.dtype) for t in given))


def changed_in_place(f, x, rest):
    y = f(x, *rest).add_(1)
    return [y, *grad(y, [x, *rest], numbers(y.shape, 9, y.dtype))]


PLAIN_WAYS = [of_values, without_gradients, slopes, second_slopes, changed_in_place]
TRANSFORMS = [batched_slopes, second_batched_slopes, dual, forward_over_reverse, by_torch_func]


def found(way, operator, shape, dtype):
    """What one way gives, or the kind of error that it is refused with."""
    f, _, weights, options = operator
    x, *rest = (numbers(each, seed, dtype).requires_grad_() for seed, each in enumerate([shape, *weights]))
    try:
        return [t.detach() for t in way(lambda *given: f(*given, *options), x, rest)]
    except Exception as error:
        return type(error)


def apart(way, operator, shape, types):
    """The types in which ours is not PyTorch's, as float64 has it; an error must be of the same kind."""
    with plain_operators():
        exact = found(way, operator, shape, torch.float64)
        theirs = {dtype: found(way, operator, shape, dtype) for dtype in types if dtype != torch.float64}
    for dtype in types:
        ours, expected = found(way, operator, shape, dtype), theirs.get(dtype, exact)
        refused = isinstance(ours, type) or isinstance(expected, type)
        if ours != expected if refused else not all(map(near, ours, exact, [dtype] * len(ours))):
            yield shape, dtype


def near(mine: Tensor, exact: Tensor, dtype: torch.dtype) -> bool:
    alike = mine.shape == exact.shape and mine.dtype == dtype
    return alike and bool((mine - exact).norm() <= TYPES[dtype] * (exact.norm() + 1e-3))


@pytest.fixture
def by_products(monkeypatch):
    """Products of matrices for all three kernels of a convolution, whatever the shapes."""
    monkeypatch.setattr("ganzoo.kernels.convolution.uses_matmul", lambda at: True)
    monkeypatch.setattr("ganzoo.kernels.convolution.weight_gradient_uses_matmul", lambda at, dtype: True)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("way", [*PLAIN_WAYS, *TRANSFORMS], ids=lambda way: way.__name__)
@pytest.mark.parametrize("name", OPERATORS)
def test_every_operator_is_pytorchs_at_the_edges_too(name, way, request):
    operator = OPERATORS[name]
    if "products" in name:
        request.getfixturevalue("by_products")
    # There operators are PyTorch's own, whose weight gradients are wrong in bfloat16 for images one pixel wide.
    types = [dtype for dtype in TYPES if way not in TRANSFORMS or dtype != torch.bfloat16]
    assert [each for shape in operator[1] for each in apart(way, operator, shape, types)] == []


def shaped(*shape, dtype=torch.float32):
    return torch.ones(shape, dtype=dtype, requires_grad=True)


DOUBLE = torch.float64
ODD = {
    "channels": (dispatch.conv2d, shaped(2, 5, 4, 4), shaped(4, 6, 3, 3), None, 1, 1),
    "biases": (dispatch.conv2d, shaped(2, 6, 4, 4), shaped(4, 6, 3, 3), shaped(1), 1, 1),
    "types": (dispatch.conv2d, shaped(2, 6, 4, 4), shaped(4, 6, 3, 3, dtype=DOUBLE), None, 1, 1),
    "types of biases": (dispatch.conv2d, shaped(2, 6, 4, 4), shaped(4, 6, 3, 3), shaped(4, dtype=DOUBLE), 1, 1),
    "no batch": (dispatch.conv2d, shaped(6, 4, 4), shaped(4, 6, 3, 3), None, 1, 1),
    "oblong kernel": (dispatch.conv2d, shaped(2, 6, 4, 4), shaped(4, 6, 3, 1), None, 1, 1),
    "small map": (dispatch.conv2d, shaped(2, 6, 2, 2), shaped(4, 6, 5, 5), None, 1, 1),
    "flat weights": (dispatch.conv2d, shaped(2, 6, 4, 4), shaped(4, 6, 3), None, 1, 1),
    "transposed channels": (dispatch.conv_transpose2d, shaped(2, 5, 4, 4), shaped(6, 3, 4, 4), None, 2, 1, 0),
    "transposed biases": (dispatch.conv_transpose2d, shaped(2, 6, 4, 4), shaped(6, 3, 4, 4), shaped(1), 2, 1, 0),
    "output padding": (dispatch.conv_transpose2d, shaped(2, 6, 4, 4), shaped(6, 5, 4, 4), None, 2, 1, 2),
    "no output": (dispatch.conv_transpose2d, shaped(2, 6, 1, 1), shaped(6, 5, 2, 2), None, 2, 1, 0),
    "doubled channels": (dispatch.same_conv, shaped(2, 5, 4, 4), shaped(4, 6, 3, 3), None, "nearest"),
    "halved channels": (dispatch.same_conv, shaped(2, 5, 4, 4), shaped(4, 6, 3, 3), None, "mean"),
    "a doubled pixel": (dispatch.same_conv, shaped(2, 6, 1, 1), shaped(4, 6, 3, 3), None, "nearest"),
    "a halved pixel": (dispatch.same_conv, shaped(2, 6, 1, 1), shaped(4, 6, 3, 3), None, "mean"),
    "a halved map alone": (dispatch.downsample_by_half, shaped(6, 4, 4)),
    "inputs": (dispatch.linear, shaped(4, 20), shaped(18, 21), None),
    "types of vectors": (dispatch.linear, shaped(4, 20), shaped(18, 20, dtype=DOUBLE), None),
    "linear biases": (dispatch.linear, shaped(4, 20), shaped(18, 20), shaped(2, 4, 18)),
    "a vector alone": (dispatch.linear, shaped(20), shaped(18, 20), shaped(18)),
    "groups": (dispatch.maxout_max, shaped(4, 21), 5),
}


def outcome(f, *given):
    """The shape of the output, after a pass backward, or the kind of error."""
    try:
        y = f(*given)
        y.sum().backward()
        return y.shape
    except Exception as error:
        return type(error)


@pytest.mark.parametrize("kernels", [None, "by_products"])
@pytest.mark.parametrize("name", ODD)
def test_what_does_not_fit_ends_as_pytorch_has_it(name, kernels, request):
    if kernels:
        request.getfixturevalue(kernels)
    ours = outcome(*ODD[name])
    with plain_operators():
        assert outcome(*ODD[name]) == ours


@pytest.mark.parametrize(("dtype", "given"), [(torch.float64, torch.float64), (torch.float32, torch.bfloat16)])
@pytest.mark.parametrize("name", [name for name, (_, shapes, weights, _) in OPERATORS.items() if len(weights) == 2])
def test_autocast_leaves_float64_alone(name, dtype, given):
    f, shapes, weights, options = OPERATORS[name]
    x, *rest = (numbers(shape, 0, dtype) for shape in (shapes[-1], *weights))
    with torch.autocast("cpu", torch.bfloat16):
        assert f(x, *rest, *options).dtype == given
