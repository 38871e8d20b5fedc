"""Counter of the floating-point operations that a block executes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Operations(TorchDispatchMode):
    """Counts the floating-point operations of convolutions and matrix products in its block; others are ignored.

    PyTorch's own counter is not used, because its module hooks fail under the `torch.autograd.grad` of a penalty.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator and count its operations."""
        out = operator(*args, **(kwargs or {}))
        count = COUNTS.get(operator.overloadpacket)
        self.total += count(*args, **(kwargs or {}), out_val=out) if count else 0
        return out


def linear(x: Tensor, w: Tensor, *_: object, **__: object) -> int:
    """Operations of the product of x (..., k) and the transpose of w (n, k)."""
    return 2 * x.numel() * len(w)


COUNTS: dict[Any, Callable[..., int]] = {**flop_registry, torch.ops.mkldnn._linear_pointwise: linear}
