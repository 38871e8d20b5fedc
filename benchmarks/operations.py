"""How many floating point operations a piece of code executes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry


class Operations(TorchDispatchMode):
    """Adds up the floating point operations of convolutions and products in its block; nothing else is counted.

    PyTorch's own counter watches modules as well, by hooks that a penalty's `torch.autograd.grad` does not bear.
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, operator: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run an operator, and count it."""
        out = operator(*args, **(kwargs or {}))
        count = COUNTS.get(operator.overloadpacket)
        self.total += count(*args, **(kwargs or {}), out_val=out) if count else 0
        return out


def linear(x: Tensor, w: Tensor, *_: object, **__: object) -> int:
    """Of x (..., k) by w (n, k), transposed."""
    return 2 * x.numel() * len(w)


COUNTS: dict[Any, Callable[..., int]] = {**flop_registry, torch.ops.mkldnn._linear_pointwise: linear}
