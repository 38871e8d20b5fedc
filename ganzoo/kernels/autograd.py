"""Autograd helpers: detection of transforms, needed gradients, and the shapes and layout of a convolution."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import forward_ad


def transformed(x: Tensor) -> bool:
    """True if torch.func, forward-mode differentiation or batched gradients (`is_grads_batched`) are active on `x`.

    They reject a `torch.autograd.Function` without rules for them, or silently lose its derivatives.
    """
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0 or is_legacy_batchedtensor(x)


def needed_gradients(node: Any, i: int) -> bool:
    """True if the current backward pass will use the gradient of the i-th input of `node`.

    A gradient penalty needs the gradient in the images only, so the kernel for the weight gradient can be skipped.
    """
    if not node.needs_input_grad[i]:
        return False
    try:
        return torch._C._will_engine_execute_node(node.next_functions[i][0])
    except RuntimeError:  # a leaf passed to autograd.grad cannot be queried; its gradient is used
        return True


class ConvGeometry(NamedTuple):
    """Shapes of an image x (N, C, H, W), weights w (O, C / groups, k, k) and the output map g (N, O, h, w) of x * w."""

    x: torch.Size
    w: torch.Size
    g: torch.Size
    stride: int
    padding: int
    groups: int = 1

    @property
    def pixels(self) -> int:
        """The number of pixels of g in one image."""
        return self.g[2] * self.g[3]

    @property
    def rest(self) -> list[int]:
        """The pixels of x along each axis that remain after the last full stride."""
        return [(side + 2 * self.padding - self.w[-1]) % self.stride for side in self.x[2:]]

    def laid(self, x: Tensor) -> Tensor:
        """An image or map in the memory layout for oneDNN's kernels."""
        # If the weights are larger than the maps, oneDNN would convert the weights instead.
        if self.w.numel() > 2 * (self.x.numel() + self.g.numel()):
            return x.contiguous()
        return channels_last(x)


def channels_last(x: Tensor) -> Tensor:
    """`x` with its values in the order N, H, W, C in memory."""
    if x.shape[1] > 1:
        return x.contiguous(memory_format=torch.channels_last)
    # One channel is contiguous in both orders; only the strides tell them apart.
    _, _, height, width = x.shape
    return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
