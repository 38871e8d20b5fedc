"""In which precision the networks run: float32, or bfloat16 where autocast takes it.

What a network gives is float32 again, so losses are never computed in bfloat16; penalties, which differentiate twice, call D
directly and stay in float32, as do the weights, their gradients, the optimisers and the average of G.
"""

from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

import torch

from ganzoo.batch import Batch

Record = TypeVar("Record", bound=Batch)


class Runner(Protocol):
    """Calls a network for the trainer."""

    def __call__(self, network: Callable[[], Record], /) -> Record:
        """The record that `network` gives."""


def autocast_runner(precision: str, device: str) -> Runner:
    """What calls a network for the trainer, in "float32" or "bf16" on a type of device."""
    return to_float32 if precision == "float32" else partial(in_bfloat16, device)


def to_float32(network: Callable[[], Record]) -> Record:
    """As it is."""
    return network()


def in_bfloat16(device: str, network: Callable[[], Record]) -> Record:
    """Under autocast to bfloat16; the record is float32 again."""
    with torch.autocast(device, torch.bfloat16):
        record = network()
    torch.clear_autocast_cache()  # within an autocast of a caller, leaving ours would keep copies of weights that will change
    return record.apply(lambda value: value.float() if value.dtype == torch.bfloat16 else value)
