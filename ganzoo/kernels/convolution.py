"""Convolution with fast kernels for derivatives of every order.

With an image x, weights w and a map g of the output's shape, T(x, w, g) = <g, x * w> is linear in each of the three. Its
gradients are

    dT/dg = x * w                  the convolution
    dT/dx = input_gradient(g, w)   also the transposed convolution of g
    dT/dw = weight_gradient(g, x)

and the gradients of these are the same three functions again: that of <v, x * w> is T's with v for g, and so on. The
Functions below differentiate each by the other two, for any order. PyTorch does so only for the first order. In the second
order, the backward pass of a gradient penalty, it computes the weight gradient by a convolution with a kernel as large as
the image, which is ten times slower. If a backward pass is `transformed`, all three are PyTorch's.
Grouped convolutions (groups > 1) are the same three functions; the matrix products are for one group only.

Maps are channels-last in memory, as oneDNN's kernels read them; otherwise each kernel would convert its inputs first.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

from ganzoo.kernels import matmul
from ganzoo.kernels.autograd import ConvGeometry, needed_gradients, transformed

MAX_IMAGE_CHANNELS = 4
"""Largest number of channels of an image."""

SMALL_MAP = 16
"""Largest number of pixels of a small map."""

LARGE_WEIGHT = 2**20
"""Number of weights above which matrix products are faster on small maps."""


def convolution(x: Tensor, w: Tensor, b: Tensor | None, stride: int, padding: int, groups: int = 1) -> Tensor:
    """`F.conv2d`: x (N, C, H, W) * w (O, C / groups, k, k) + b (O,)."""
    sides = ((side + 2 * padding - w.shape[-1]) // stride + 1 for side in x.shape[2:])
    g = torch.Size((len(x), len(w), *sides))
    return output(x, w, b, ConvGeometry(x.shape, w.shape, g, stride, padding, groups))


def transposed_convolution(
    g: Tensor, w: Tensor, b: Tensor | None, stride: int, padding: int, output_padding: int, groups: int = 1
) -> Tensor:
    """`F.conv_transpose2d`: of g (N, O, h, w) with w (O, C / groups, k, k), plus b (C,)."""
    sides = [(side - 1) * stride - 2 * padding + w.shape[-1] + output_padding for side in g.shape[2:]]
    if min(sides) < 1 or output_padding >= stride:  # an error in PyTorch, or an empty output
        return F.conv_transpose2d(g, w, b, stride, padding, output_padding, groups)
    x = torch.Size((len(g), w.shape[1] * groups, *sides))
    return input_gradient(g, w, b, ConvGeometry(x, w.shape, g.shape, stride, padding, groups))


def uses_matmul(at: ConvGeometry) -> bool:
    """True if matrix products compute a convolution or its input gradient faster than oneDNN's kernels.

    GFLOP/s of the forward pass and of the input gradient, for 4x4 pixels, stride 2 and batch size 64, by the CPU time of
    one thread on a shared AMD EPYC with AVX-512 (torch 2.15):

    | weights      | oneDNN, float32 | products  | oneDNN, bfloat16 | products  |
    |--------------|-----------------|-----------|------------------|-----------|
    | 1056x528x4x4 | 131, 92         | 159, 187  | 294, 169         | 366, 318  |
    | 576x288x4x4  | 168, 128        | 183, 155  | 262, 195         | 345, 259  |
    | 256x256x4x4  | 174, 137        | 167, 150  | 238, 289         | 274, 247  |
    | 128x64x4x4   | 158, 145        | 120, 101  | 241, 194         | 188, 139  |

    For 8x8 pixels products were 0.45 to 1.1 times as fast as oneDNN, for all these weights.
    """
    return at.groups == 1 and at.pixels <= SMALL_MAP and at.w.numel() > LARGE_WEIGHT


def weight_gradient_uses_matmul(at: ConvGeometry, dtype: torch.dtype) -> bool:
    """True if matrix products compute the weight gradient faster.

    GFLOP/s of oneDNN and of products, measured as above: in float32 68 and 140 for the largest weights, 106 and 185, 124
    and 155, 96 and 106 for the smallest, and 106 and 93 for 64x32x4x4; in bfloat16 79 and 290, 103 and 287, 171 and 281,
    143 and 185, 109 and 146. In bfloat16 oneDNN (torch 2.14) leaves parts of it unwritten if images are one pixel wide.
    """
    if at.groups > 1:
        return False
    if dtype == torch.bfloat16:
        return at.pixels <= SMALL_MAP or at.x[3] == 1
    return at.pixels <= SMALL_MAP and at.w.numel() >= LARGE_WEIGHT // 8


def output(x: Tensor, w: Tensor, b: Tensor | None, at: ConvGeometry) -> Tensor:
    """The convolution of x, plus b."""
    if transformed(x):
        return F.conv2d(x, w, b, at.stride, at.padding, 1, at.groups)
    y: Tensor = _Convolution.apply(x, w, b, at)
    return y


def input_gradient(g: Tensor, w: Tensor, b: Tensor | None, at: ConvGeometry) -> Tensor:
    """The transposed convolution of g, plus b."""
    if transformed(g):
        return F.conv_transpose2d(g, w, b, at.stride, at.padding, at.rest, at.groups)
    gradient: Tensor = _InputGradient.apply(g, w, b, at)
    return gradient


def weight_gradient(g: Tensor, x: Tensor, at: ConvGeometry) -> Tensor:
    """The gradient of w from g and x."""
    if transformed(g) or transformed(x):
        gradient: Tensor = conv2d_weight(x, at.w, g, at.stride, at.padding, 1, at.groups)
    else:
        gradient = _WeightGradient.apply(g, x, at)
    return gradient


class _Convolution(Function):
    @staticmethod
    def forward(node: Any, x: Tensor, w: Tensor, b: Tensor | None, at: ConvGeometry) -> Tensor:
        node.save_for_backward(x, w)
        node.at = at
        if uses_matmul(at):
            return matmul.convolution(x, w, b, at)
        return F.conv2d(at.laid(x), w, b, at.stride, at.padding, 1, at.groups)

    @staticmethod
    def backward(node: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w = node.saved_tensors
        return (
            input_gradient(g, w, None, node.at) if needed_gradients(node, 0) else None,
            weight_gradient(g, x, node.at) if needed_gradients(node, 1) else None,
            g.sum((0, 2, 3)) if needed_gradients(node, 2) else None,
            None,
        )


class _InputGradient(Function):
    @staticmethod
    def forward(node: Any, g: Tensor, w: Tensor, b: Tensor | None, at: ConvGeometry) -> Tensor:
        node.save_for_backward(g, w)
        node.at = at
        if at.groups > 1:
            return grouped_input_gradient(g, w, b, at)
        if at.x[1] <= MAX_IMAGE_CHANNELS:
            return conv_to_image_channels(at.laid(g), w, b, at)
        if uses_matmul(at):
            return matmul.input_gradient(g, w, b, at)
        return F.conv_transpose2d(at.laid(g), w, b, at.stride, at.padding, at.rest)

    @staticmethod
    def backward(node: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        g, w = node.saved_tensors
        return (
            output(v, w, None, node.at) if needed_gradients(node, 0) else None,
            weight_gradient(g, v, node.at) if needed_gradients(node, 1) else None,
            v.sum((0, 2, 3)) if needed_gradients(node, 2) else None,
            None,
        )


class _WeightGradient(Function):
    @staticmethod
    def forward(node: Any, g: Tensor, x: Tensor, at: ConvGeometry) -> Tensor:
        node.save_for_backward(g, x)
        node.at = at
        if weight_gradient_uses_matmul(at, g.dtype):
            return matmul.weight_gradient(g, x, at)
        gradient: Tensor = conv2d_weight(at.laid(x), at.w, at.laid(g), at.stride, at.padding, 1, at.groups)
        return gradient

    @staticmethod
    def backward(node: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        g, x = node.saved_tensors
        return (
            output(x, v, None, node.at) if needed_gradients(node, 0) else None,
            input_gradient(g, v, None, node.at) if needed_gradients(node, 1) else None,
            None,
        )


def grouped_input_gradient(g: Tensor, w: Tensor, b: Tensor | None, at: ConvGeometry) -> Tensor:
    """`input_gradient` for several groups; with stride 1 a convolution with the flipped kernel, which takes half the time."""
    if at.stride > 1:
        return F.conv_transpose2d(at.laid(g), w, b, at.stride, at.padding, at.rest, at.groups)
    flipped = w.flip(2, 3).unflatten(0, (at.groups, -1)).transpose(1, 2).flatten(0, 1)
    return F.conv2d(at.laid(g), flipped, b, 1, at.w[-1] - 1 - at.padding, 1, at.groups)


def conv_to_image_channels(g: Tensor, w: Tensor, b: Tensor | None, at: ConvGeometry) -> Tensor:
    """`input_gradient` for the few channels of an image: each pixel's contribution to its k x k window, then their sums.

    oneDNN's kernels process channels in blocks of 16, and would waste up to 15 of them.
    """
    parts = w.flatten(1).t() @ g.flatten(2)
    x = F.fold(parts, at.x[2:], at.w[2:], stride=at.stride, padding=at.padding)
    return x if b is None else x.add_(b[:, None, None])
