"""Transforms of a computation that know PyTorch's own operators alone."""

from __future__ import annotations

import torch
from torch import Tensor
from torch._C._functorch import is_legacy_batchedtensor
from torch.autograd import forward_ad


def transformed(x: Tensor) -> bool:
    """Whether torch.func, forward-mode differentiation or batched gradients (`is_grads_batched`) are at work on `x`.

    A `torch.autograd.Function` without rules for them is refused there, or loses derivatives silently.
    """
    return torch._C._are_functorch_transforms_active() or forward_ad._current_level >= 0 or is_legacy_batchedtensor(x)
