"""Convolution whose derivatives of every order are fast kernels of convolution again.

With an image x, weights w and a map g of the output's shape, T(x, w, g) = <g, x * w> is linear in each of the three. So its
slopes

    dT/dg = x * w                  the convolution
    dT/dx = input_gradient(g, w)   which is also the transposed convolution of g
    dT/dw = weight_gradient(g, x)

have slopes that are these three again: that of <v, x * w> is T's with v for g, and so on. The Functions below differentiate
each by the other two, without end. PyTorch does so once; the second time, in the backward of a gradient penalty, it
takes the weight gradient by a convolution with a kernel as large as the image, ten times slower.

Maps lie in memory with their channels last, as oneDNN's kernels read them; otherwise each rearranges its inputs first.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F
from torch.nn.grad import conv2d_weight

COLOURS = 4
"""So many channels an image has at most."""


class Geometry(NamedTuple):
    """The shapes of T's arguments, and how x and g lie on each other; one number for both axes."""

    x: torch.Size
    w: torch.Size
    g: torch.Size
    stride: int
    padding: int

    def laid(self, x: Tensor) -> Tensor:
        """An image or a map as the kernels should get it."""
        # Where the weights outweigh the maps, they would be rearranged instead.
        if self.w.numel() > 2 * (self.x.numel() + self.g.numel()):
            return x.contiguous()
        return channels_last(x)


def convolution(x: Tensor, w: Tensor, b: Tensor | None, stride: int, padding: int) -> Tensor:
    """`F.conv2d`: x (N, C, H, W) * w (O, C, k, k) + b (O,)."""
    sides = ((side + 2 * padding - w.shape[-1]) // stride + 1 for side in x.shape[2:])
    g = torch.Size((len(x), len(w), *sides))
    return _Convolution.apply(x, w, b, Geometry(x.shape, w.shape, g, stride, padding))


def transposed_convolution(
    g: Tensor, w: Tensor, b: Tensor | None, stride: int, padding: int, output_padding: int
) -> Tensor:
    """`F.conv_transpose2d`: of g (N, O, h, w) with w (O, C, k, k), plus b (C,)."""
    sides = ((side - 1) * stride - 2 * padding + w.shape[-1] + output_padding for side in g.shape[2:])
    x = torch.Size((len(g), w.shape[1], *sides))
    return _InputGradient.apply(g, w, b, Geometry(x, w.shape, g.shape, stride, padding))


def wanted(node: Any, i: int) -> bool:
    """Whether the backward that runs will use the gradient of the i-th tensor that went into `node`.

    A penalty asks for the slope in the images alone: the gradient of the weights is then not worth its kernel.
    """
    if not node.needs_input_grad[i]:
        return False
    try:
        return torch._C._will_engine_execute_node(node.next_functions[i][0])
    except RuntimeError:  # of a leaf that autograd.grad names: it may not be asked, and is used
        return True


class _Convolution(Function):
    @staticmethod
    def forward(node: Any, x: Tensor, w: Tensor, b: Tensor | None, at: Geometry) -> Tensor:
        node.save_for_backward(x, w)
        node.at = at
        return F.conv2d(at.laid(x), w, b, at.stride, at.padding)

    @staticmethod
    def backward(node: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w = node.saved_tensors
        return (
            _InputGradient.apply(g, w, None, node.at) if wanted(node, 0) else None,
            _WeightGradient.apply(g, x, node.at) if wanted(node, 1) else None,
            g.sum((0, 2, 3)) if wanted(node, 2) else None,
            None,
        )


class _InputGradient(Function):
    @staticmethod
    def forward(node: Any, g: Tensor, w: Tensor, b: Tensor | None, at: Geometry) -> Tensor:
        node.save_for_backward(g, w)
        node.at = at
        if at.x[1] <= COLOURS:
            return to_colours(at.laid(g), w, b, at)
        # Pixels of x after the last that a full stride reaches.
        rest = [(side + 2 * at.padding - at.w[-1]) % at.stride for side in at.x[2:]]
        return F.conv_transpose2d(at.laid(g), w, b, at.stride, at.padding, rest)

    @staticmethod
    def backward(node: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        g, w = node.saved_tensors
        return (
            _Convolution.apply(v, w, None, node.at) if wanted(node, 0) else None,
            _WeightGradient.apply(g, v, node.at) if wanted(node, 1) else None,
            v.sum((0, 2, 3)) if wanted(node, 2) else None,
            None,
        )


class _WeightGradient(Function):
    @staticmethod
    def forward(node: Any, g: Tensor, x: Tensor, at: Geometry) -> Tensor:
        node.save_for_backward(g, x)
        node.at = at
        return conv2d_weight(at.laid(x), at.w, at.laid(g), at.stride, at.padding)

    @staticmethod
    def backward(node: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        g, x = node.saved_tensors
        return (
            _Convolution.apply(x, v, None, node.at) if wanted(node, 0) else None,
            _InputGradient.apply(g, v, None, node.at) if wanted(node, 1) else None,
            None,
        )


def to_colours(g: Tensor, w: Tensor, b: Tensor | None, at: Geometry) -> Tensor:
    """`input_gradient` for the few channels of an image: what each pixel of g adds to its k k places, then their sums.

    The kernels of oneDNN take channels by the sixteen, and would work for 15 that are not there.
    """
    parts = w.flatten(1).t() @ g.flatten(2)
    x = F.fold(parts, at.x[2:], at.w[2:], stride=at.stride, padding=at.padding)
    return x if b is None else x.add_(b[:, None, None])


def channels_last(x: Tensor) -> Tensor:
    """`x`, its values in the order N, H, W, C."""
    if x.shape[1] > 1:
        return x.contiguous(memory_format=torch.channels_last)
    # One channel lies in both orders: which is meant, only the strides say.
    _, _, height, width = x.shape
    return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
