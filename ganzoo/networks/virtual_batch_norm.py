"""Virtual batch norm: the statistics of one batch that stays the same, so that no sample depends on its neighbours.

Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 3.5. The player that owns such norms keeps the reference and
shows it to them before each batch, which costs a second forward pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ganzoo import rng

REFERENCE_BATCH = 64
"""Samples of a reference batch; the paper's is as large as a batch."""


class VirtualBatchNorm(nn.Module):
    """Batch norm by a fixed reference batch and the sample itself, which counts as one of REFERENCES + 1.

    Works within `set_reference` only; a forward pass elsewhere is a `ValueError`.
    """

    subtracts_mean = True

    def __init__(self, channels: int, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.listening = False
        self.reference: tuple[Tensor, Tensor] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, ...) -> the same shape; gradients reach weights, not other samples, through the reference."""
        mean, variance = self._moments(x)
        ones = [1] * (x.ndim - 2)
        scale, shift = self.weight.view(-1, *ones), self.bias.view(-1, *ones)
        return (x - mean) * (variance + self.eps).rsqrt() * scale + shift

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        within = tuple(range(2, x.ndim))
        if self.listening:
            self.reference = moments(x, (0, *within))
            return self.reference
        if self.reference is None:
            raise ValueError(
                "virtual batch norm must be shown its reference: see ganzoo.networks.virtual_batch_norm.set_reference"
            )
        return combine_moments(self.reference, moments(x, within))


def moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and variance over `axes`, which stay as ones; over no axis, the value itself and 0."""
    mean = x.mean(axes, keepdim=True) if axes else x
    return mean, (x - mean).square().mean(axes, keepdim=True) if axes else torch.zeros_like(x)


def combine_moments(reference: tuple[Tensor, Tensor], own: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and variance of the reference with one more sample in it."""
    share = 1 / (REFERENCE_BATCH + 1)
    mean = (1 - share) * reference[0] + share * own[0]
    between = share * (1 - share) * (own[0] - reference[0]).square()
    return mean, (1 - share) * reference[1] + share * own[1] + between


def is_virtual(network: nn.Module) -> bool:
    """Whether a virtual batch norm is within `network`."""
    return any(isinstance(layer, VirtualBatchNorm) for layer in network.modules())


class FixedRng(rng.RngScope):
    """The same numbers each time, on any device: drawn once, on the CPU, and kept where they are used."""

    def __init__(self) -> None:
        super().__init__("reference")
        self.kept: dict[tuple[object, ...], Tensor] = {}

    @torch.inference_mode(False)  # what is kept there could not be used in training
    def draw(self, name: str, out: Tensor, fill: rng.Fill) -> Tensor:
        """The next numbers of stream `name`, like `out`."""
        place = (name, self.asked[name], out.shape, out.dtype, out.device)
        if place not in self.kept:
            drawn = super().draw(name, torch.empty(out.shape, dtype=out.dtype), fill)
            self.kept[place] = drawn.to(out.device)
        else:
            self.asked[name] += 1
        return self.kept[place]


_fixed: WeakKeyDictionary[nn.Module, FixedRng] = WeakKeyDictionary()
"""Of each network whose layers draw numbers for its reference."""


@contextmanager
def set_reference(network: nn.Module, show: Callable[[], object]) -> Iterator[None]:
    """A block in which the virtual norms of `network` know their reference, for which `show` runs it.

    The noise and dropout of its layers are the same each time, whatever the batch gets.
    """
    norms = [layer for layer in network.modules() if isinstance(layer, VirtualBatchNorm)]
    fixed = _fixed.setdefault(network, FixedRng())
    fixed.asked.clear()
    try:
        _set(norms, listening=True)
        with fixed:
            show()
        _set(norms, listening=False)
        yield
    finally:
        _set(norms, listening=False, reference=None)  # a graph, which no copy of the network could take along


def _set(norms: list[VirtualBatchNorm], **values: object) -> None:
    for norm in norms:
        vars(norm).update(values)


def initial_reference(*shape: int) -> Tensor:
    """Numbers N(0, 1), (REFERENCES, *shape): the reference until another is given."""
    return torch.empty(REFERENCE_BATCH, *shape).normal_(generator=rng.generator("reference"))
