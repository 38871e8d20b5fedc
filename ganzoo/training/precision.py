"""Mixed precision: networks in float32, or in bfloat16 under autocast.

The outputs of a network are float32, so losses are never computed in bfloat16. Penalties differentiate twice and have
a separate precision (`train.penalty_precision`); their norms, the weights and their gradients, the optimizers and the moving
average of G stay in float32.
"""

import operator
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

import torch

from ganzoo.batch import Batch, DiscriminatorFn
from ganzoo.config.schema import Train

Record = TypeVar("Record", bound=Batch)


class Runner(Protocol):
    """Calls a network for the trainer."""

    def __call__(self, network: Callable[[], Record], /) -> Record:
        """The record that `network` gives."""


def autocast_runner(precision: str, device: str) -> Runner:
    """The function that calls a network for the trainer: "float32" as it is, "bf16" under autocast on a type of device."""
    return operator.call if precision == "float32" else partial(in_bfloat16, device)


def of_penalties(train: Train) -> str:
    """The precision of D in gradient penalties."""
    return train.precision if train.penalty_precision == "same" else train.penalty_precision


def autocast_judge(precision: str, device: str, discriminator: DiscriminatorFn) -> DiscriminatorFn:
    """`discriminator` for penalties: "float32" as it is, "bf16" under autocast, as are its gradients of every order."""
    if precision == "float32":
        return discriminator
    return lambda samples: in_bfloat16(device, lambda: discriminator(samples))


def in_bfloat16(device: str, network: Callable[[], Record]) -> Record:
    """The record that `network` gives under autocast to bfloat16, in float32."""
    with torch.autocast(device, torch.bfloat16):
        record = network()
    torch.clear_autocast_cache()  # within an autocast of a caller, leaving ours would keep copies of weights that will change
    return record.apply(lambda value: value.float() if value.dtype == torch.bfloat16 else value)
