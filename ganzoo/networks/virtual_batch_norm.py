"""Virtual batch norm: normalization with the statistics of a fixed reference batch, so that samples are independent.

Salimans et al. 2016, https://arxiv.org/abs/1606.03498, section 3.5. The player that contains such norms stores the reference
batch and runs it before each batch, which costs a second forward pass.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ganzoo import rng

REFERENCE_BATCH = 64
"""Reference batch size (the paper uses the training batch size)."""


class VirtualBatchNorm(nn.Module):
    """Batch norm with the statistics of a reference batch plus the sample, which has weight 1 / (`REFERENCE_BATCH` + 1).

    Works only inside `set_reference`; a forward pass elsewhere raises `ValueError`.
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
        """(N, C, ...) -> the same shape; gradients pass through the reference to the weights, not to other samples."""
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
                "virtual batch norm has no reference batch; use ganzoo.networks.virtual_batch_norm.set_reference"
            )
        return combine_moments(self.reference, moments(x, within))


def moments(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Mean and variance over `axes`, kept with size 1; without axes, the values themselves and 0."""
    mean = x.mean(axes, keepdim=True) if axes else x
    return mean, (x - mean).square().mean(axes, keepdim=True) if axes else torch.zeros_like(x)


def combine_moments(reference: tuple[Tensor, Tensor], own: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and variance of the reference batch plus one sample."""
    share = 1 / (REFERENCE_BATCH + 1)
    mean = (1 - share) * reference[0] + share * own[0]
    between = share * (1 - share) * (own[0] - reference[0]).square()
    return mean, (1 - share) * reference[1] + share * own[1] + between


def is_virtual(network: nn.Module) -> bool:
    """True if `network` contains a virtual batch norm."""
    return any(isinstance(layer, VirtualBatchNorm) for layer in network.modules())


class FixedRng(rng.RngScope):
    """The same random numbers in each pass and on any device: drawn once on the CPU, and cached on the device."""

    def __init__(self) -> None:
        super().__init__("reference")
        self.kept: dict[tuple[object, ...], Tensor] = {}

    @torch.inference_mode(False)  # tensors cached in inference mode could not be used in training
    def draw(self, name: str, out: Tensor, fill: rng.Fill) -> Tensor:
        """The next numbers of stream `name`, with shape, dtype and device of `out`."""
        place = (name, self.asked[name], out.shape, out.dtype, out.device)
        if place not in self.kept:
            drawn = super().draw(name, torch.empty(out.shape, dtype=out.dtype), fill)
            self.kept[place] = drawn.to(out.device)
        else:
            self.asked[name] += 1
        return self.kept[place]


_fixed: WeakKeyDictionary[nn.Module, FixedRng] = WeakKeyDictionary()
"""The random numbers of each network whose layers draw some in the reference pass."""


@contextmanager
def set_reference(network: nn.Module, show: Callable[[], object]) -> Iterator[None]:
    """Context in which the virtual norms of `network` use the statistics of the reference batch, on which `show` runs it.

    Noise and dropout in the reference pass are the same each time, independent of those of the batch.
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
        _set(norms, listening=False, reference=None)  # it has a graph, so the network could not be copied


def _set(norms: list[VirtualBatchNorm], **values: object) -> None:
    for norm in norms:
        vars(norm).update(values)


def initial_reference(*shape: int) -> Tensor:
    """Numbers from N(0, 1), (`REFERENCE_BATCH`, *shape): the reference batch until another is set."""
    return torch.empty(REFERENCE_BATCH, *shape).normal_(generator=rng.generator("reference"))
