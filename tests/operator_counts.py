"""What a piece of code computes, operator by operator."""

from __future__ import annotations

from collections import Counter

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode


class Operators(TorchDispatchMode):
    """Counts the operators that run in its block, and keeps the shapes of their tensors."""

    def __init__(self):
        super().__init__()
        self.ran = []

    def __torch_dispatch__(self, operator, types, args=(), kwargs=None):
        shapes = [tuple(arg.shape) for arg in args if isinstance(arg, Tensor)]
        self.ran.append((operator.overloadpacket.__name__, shapes, args))
        return operator(*args, **(kwargs or {}))

    @property
    def counts(self) -> Counter:
        """Operator -> how often it ran."""
        return Counter(name for name, _, _ in self.ran)

    def of(self, name: str) -> list:
        """The shapes of the tensors of each call of an operator."""
        return [shapes for ran, shapes, _ in self.ran if ran == name]

    @property
    def kernels(self) -> int:
        """Convolutions of any kind; a backward that gives the gradients of images and of weights counts as two."""
        backward = [args[-1] for name, _, args in self.ran if name == "convolution_backward"]
        return self.counts["convolution"] + self.counts["col2im"] + sum(sum(mask[:2]) for mask in backward)
