"""Piecewise linear layers with a cheap second backward pass, and a faster tanh.

The derivative of ReLU, leaky ReLU and the mean of pixels does not depend on the input, except at a kink. PyTorch represents
this by a map of zeros, which the backward pass of a gradient penalty then propagates through all of D. Here the derivative is
taken at a detached value, so the graph ends there: the penalty of a critic of such layers and convolutions costs four times
its forward pass instead of six. A norm still passes its true gradient.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.nn import functional as F

from ganzoo.kernels.autograd import transformed


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    """max(x, slope x) for `slope` in [0, 1)."""
    y: Tensor = _LeakyReLU.apply(x, slope)
    return y


def max_of_pieces(x: Tensor, groups: int) -> Tensor:
    """(N, groups x C) -> (N, C): the maximum over the groups; equal maxima share the gradient."""
    y: Tensor = _Largest.apply(x, groups)
    return y


def average_pool_2x2(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, H / 2, W / 2): the mean of 2x2 pixels, H and W even."""
    y: Tensor = _MeanOfFour.apply(x)
    return y


class _LeakyReLU(Function):
    @staticmethod
    def forward(node: Any, x: Tensor, slope: float) -> Tensor:
        y = F.leaky_relu(x, slope) if slope else x.relu()
        node.save_for_backward(x if slope else y)  # as PyTorch does, so the same in-place changes are allowed
        node.slope = slope
        return y

    @staticmethod
    def backward(node: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        value = node.saved_tensors[0].detach()
        if not transformed(g):  # With different memory formats the kernel would process values one by one.
            g = g.contiguous(memory_format=order(value))
        if node.slope:
            return torch.ops.aten.leaky_relu_backward(g, value, node.slope, False), None
        return torch.ops.aten.threshold_backward(g, value, 0), None


def order(x: Tensor) -> torch.memory_format:
    """The memory format of `x`."""
    last = x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if last else torch.contiguous_format


class _Largest(Function):
    @staticmethod
    def forward(node: Any, x: Tensor, groups: int) -> Tensor:
        y: Tensor = x.unflatten(1, (groups, -1)).amax(1)
        node.save_for_backward(x, y)
        node.groups = groups
        return y

    @staticmethod
    def backward(node: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, y = (saved.detach() for saved in node.saved_tensors)
        pieces = x.unflatten(1, (node.groups, -1))
        # 1.0 or 0.0, because multiplying by booleans takes three times as long in PyTorch.
        here = torch.eq(pieces, y[:, None], out=torch.empty_like(pieces))
        return ((g / here.sum(1))[:, None] * here).reshape(x.shape), None


class _MeanOfFour(Function):
    @staticmethod
    def forward(node: Any, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2)

    @staticmethod
    def backward(node: Any, g: Tensor) -> Tensor:
        return F.interpolate(g / 4, scale_factor=2, mode="nearest")


def tanh(x: Tensor) -> Tensor:
    """The tanh of float32 values with any shape and strides; derivatives of every order are PyTorch's."""
    y: Tensor = _Tanh.apply(x)
    return y


class _Tanh(Function):
    @staticmethod
    def forward(node: Any, x: Tensor) -> Tensor:
        y = x.to_mkldnn().tanh().to_dense()
        node.save_for_backward(y)
        return y

    @staticmethod
    def backward(node: Any, g: Tensor) -> Tensor:
        (y,) = node.saved_tensors
        slope: Tensor = torch.ops.aten.tanh_backward(g, y)
        return slope
