"""Transforms of a computation that know PyTorch's own operators alone."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import forward_ad


def transformed(x: Tensor) -> bool:
    """Whether torch.func, forward-mode differentiation or batched gradients (`is_grads_batched`) are at work on `x`.

    A `torch.autograd.Function` without rules for them is refused there, or loses derivatives silently.
    """
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0 or is_legacy_batchedtensor(x)


def needed_gradients(node: Any, i: int) -> bool:
    """Whether the backward that runs will use the gradient of the i-th tensor that went into `node`.

    A penalty asks for the slope in the images alone: the gradient of the weights is then not worth its kernel.
    """
    if not node.needs_input_grad[i]:
        return False
    try:
        return torch._C._will_engine_execute_node(node.next_functions[i][0])
    except RuntimeError:  # of a leaf that autograd.grad names: it may not be asked, and is used
        return True


class ConvGeometry(NamedTuple):
    """The shapes of an image x (N, C, H, W), weights w (O, C, k, k) and a map g (N, O, h, w), the output of x * w."""

    x: torch.Size
    w: torch.Size
    g: torch.Size
    stride: int
    padding: int

    @property
    def pixels(self) -> int:
        """Of g, in one image."""
        return self.g[2] * self.g[3]

    @property
    def rest(self) -> list[int]:
        """Pixels of x, along either side, after the last that a full stride reaches."""
        return [(side + 2 * self.padding - self.w[-1]) % self.stride for side in self.x[2:]]

    def laid(self, x: Tensor) -> Tensor:
        """An image or a map as oneDNN's kernels should get it."""
        # Where the weights outweigh the maps, they would be rearranged instead.
        if self.w.numel() > 2 * (self.x.numel() + self.g.numel()):
            return x.contiguous()
        return channels_last(x)


def channels_last(x: Tensor) -> Tensor:
    """`x`, its values in the order N, H, W, C."""
    if x.shape[1] > 1:
        return x.contiguous(memory_format=torch.channels_last)
    # One channel lies in both orders: which is meant, only the strides say.
    _, _, height, width = x.shape
    return x.contiguous().as_strided(x.shape, (height * width, 1, width, 1))
