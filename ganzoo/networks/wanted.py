"""Which gradients a backward pass is for."""

from __future__ import annotations

from typing import Any

import torch


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
