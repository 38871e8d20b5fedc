"""Matrix products with the faster library, for linear layers and the three kernels of a convolution.

A convolution is a matrix product with one row per pixel of g: the window of x that contributes to this pixel. It is faster
for many weights and few pixels; `ganzoo.kernels.convolution.uses_matmul` has the conditions and measurements.
"""

from itertools import product as pairs
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from ganzoo.kernels.autograd import ConvGeometry, channels_last, needed_gradients, transformed

Activation = Literal["tanh", "relu", "leaky_relu"]
"""oneDNN's names of the activations that it computes together with a product."""

BLOCK_BYTES = 20 * 2**20
"""Largest size of a matrix of pixels or weights.

From 32 MiB on glibc allocates from the system and frees each time: a copy of 34 MiB took 15 ms, of 30 MiB 2 ms.
"""


def convolution(x: Tensor, w: Tensor, b: Tensor | None, at: ConvGeometry) -> Tensor:
    """(N, C, H, W) -> (N, O, h, w): x * w, plus b."""
    first, *rest = blocks(x, at)
    y = matmul(input_rows(x, first, at), rows(w, first))
    for block in rest:
        y += matmul(input_rows(x, block, at), rows(w, block))
    _, o, height, width = at.g
    y = y if b is None else y.add_(b)
    # Not a view, because a view returned by a Function cannot be changed in place.
    return y.as_strided_(at.g, (height * width * o, 1, width * o, o))


def input_gradient(g: Tensor, w: Tensor, b: Tensor | None, at: ConvGeometry) -> Tensor:
    """The transposed convolution of g, plus b: (N, C, H, W)."""
    x = torch.empty(at.x, dtype=g.dtype, device=g.device, memory_format=torch.channels_last)
    for block in blocks(g, at):
        x[:, block] = fold_rows(matmul(pixels(g), rows(w, block).t()), at)
    return x if b is None else x.add_(b[:, None, None])


def weight_gradient(g: Tensor, x: Tensor, at: ConvGeometry) -> Tensor:
    """The gradient of w from g and x: (O, C, k, k)."""
    w = g.new_empty(at.w)
    for block in blocks(g, at):
        part = matmul(pixels(g).t(), input_rows(x, block, at).t())
        w[:, block] = part.unflatten(1, (*at.w[2:], -1)).permute(0, 3, 1, 2)
    return w


def blocks(x: Tensor, at: ConvGeometry) -> list[slice]:
    """The channels of x in equal parts, each with matrices of at most `BLOCK_BYTES`."""
    channels, taps = at.x[1], at.w[2] * at.w[3]
    largest = max(at.g[0] * at.g[2] * at.g[3], at.g[1]) * taps * channels * x.element_size()
    size = -(-channels // -(-largest // BLOCK_BYTES))
    return [slice(i, i + size) for i in range(0, channels, size)]


def pixels(g: Tensor) -> Tensor:
    """(N, O, h, w) -> (N h w, O)."""
    return channels_last(g).permute(0, 2, 3, 1).flatten(0, 2)


def rows(w: Tensor, block: slice) -> Tensor:
    """(O, C, k, k) -> (O, k k C'), for the channels in `block`."""
    return w[:, block].permute(0, 2, 3, 1).flatten(1)


def input_rows(x: Tensor, block: slice, at: ConvGeometry) -> Tensor:
    """(N, C, H, W) -> (N h w, k k C'): the window of each pixel of g, for the channels in `block`."""
    p, k, stride = at.padding, at.w[-1], at.stride
    x = F.pad(x[:, block].permute(0, 2, 3, 1), (0, 0, p, p, p, p))
    windows = x.unfold(1, k, stride).unfold(2, k, stride).permute(0, 1, 2, 4, 5, 3)
    # For one image that is one pixel wide, the rows would be an overlapping view, which oneDNN rejects.
    return windows.flatten(3).flatten(0, 2).contiguous()


def fold_rows(parts: Tensor, at: ConvGeometry) -> Tensor:
    """(N h w, k k C') -> (N, C', H, W): for each pixel of x, the sum of the contributions of all pixels of g."""
    (n, _, height, width), k, p, stride = at.g, at.w[-1], at.padding, at.stride
    parts = parts.view(n, height, width, k, k, -1).transpose(2, 3)
    reach = -(-k // stride)
    x = parts.new_zeros(n, height + reach, stride, width + reach, stride, parts.shape[-1])
    for i, j in pairs(range(reach), repeat=2):
        part = parts[:, :, i * stride : (i + 1) * stride, :, j * stride : (j + 1) * stride]
        x[:, i : i + height, : part.shape[2], j : j + width, : part.shape[4]] += part
    x = x.flatten(3, 4).flatten(1, 2)
    return x[:, p : p + at.x[2], p : p + at.x[3]].permute(0, 3, 1, 2)


def linear(x: Tensor, w: Tensor, b: Tensor | None) -> Tensor:
    """`F.linear`: x (N, inputs) times w (outputs, inputs), plus b (outputs,); derivatives of every order are products too."""
    y = multiplied(x, w)
    return y if b is None else y + b


def multiplied(a: Tensor, b: Tensor) -> Tensor:
    """(m, k) and (n, k) -> (m, n): a b^T, with derivatives."""
    return a @ b.t() if transformed(a) or transformed(b) else _Product.apply(a, b)


def linear_then(act: Activation, x: Tensor, w: Tensor, b: Tensor | None, slope: float = 0.0) -> Tensor:
    """`act` of a linear layer in one call: x (N, inputs), w (outputs, inputs), b (outputs,), all float32.

    `slope` is that of "leaky_relu". Derivatives of every order, as those of the two layers.
    """
    y: Tensor = _LinearThen.apply(x, w, b, act, slope)
    return y


class _LinearThen(Function):
    @staticmethod
    def forward(node: Any, x: Tensor, w: Tensor, b: Tensor | None, act: Activation, slope: float) -> Tensor:
        y: Tensor = torch.ops.mkldnn._linear_pointwise(x, w, b, act, [slope] if act == "leaky_relu" else [], "")
        node.save_for_backward(x, w, y)
        node.act, node.slope = act, slope
        return y

    @staticmethod
    def backward(node: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w, y = node.saved_tensors
        if node.act == "tanh":
            g = torch.ops.aten.tanh_backward(g, y)
        elif node.act == "relu":
            g = torch.ops.aten.threshold_backward(g, y.detach(), 0)
        else:  # y has the sign of the input
            g = torch.ops.aten.leaky_relu_backward(g, y.detach(), node.slope, True)
        return (
            multiplied(g, w.t()) if needed_gradients(node, 0) else None,
            multiplied(g.t(), x.t()) if needed_gradients(node, 1) else None,
            g.sum(0) if needed_gradients(node, 2) else None,
            None,
            None,
        )


class _Product(Function):
    @staticmethod
    def forward(node: Any, a: Tensor, b: Tensor) -> Tensor:
        node.save_for_backward(a, b)
        return matmul(a, b)

    @staticmethod
    def backward(node: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        a, b = node.saved_tensors
        return (
            multiplied(g, b.t()) if needed_gradients(node, 0) else None,
            multiplied(g.t(), a.t()) if needed_gradients(node, 1) else None,
        )


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """(m, k) and (n, k) -> (m, n): a b^T.

    PyTorch uses MKL for float32, which reaches 98 GFLOP/s on an AMD EPYC with AVX-512; oneDNN reaches 217 (2048x2048 times
    2048x2048, torch 2.15, one thread). In bfloat16 PyTorch uses oneDNN already.
    """
    if a.dtype == torch.float32 and ONEDNN and not is_small_transposed(a, b):
        product: Tensor = torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], "")
        return product
    return a @ b.t()


def is_small_transposed(a: Tensor, b: Tensor) -> bool:
    """True for a product whose factors take oneDNN longer to copy than it gains, as it does with a transposed one.

    The gradient of 128x128 weights at 512 points takes MKL 96 µs and oneDNN 162 (two threads).
    """
    return not a.is_contiguous() and a.numel() * len(b) <= 2**24


ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
