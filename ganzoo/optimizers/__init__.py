"""Optimizers by name; their keyword arguments are the keys of `[train.generator]` and `[train.discriminator]`.

A new optimizer is one file in this folder.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn, optim

from ganzoo.registry import Registry, import_folder
from ganzoo.schedules import Decay, Rate, number, schedules_in

FixedDecay = Annotated[float, Field(ge=0, lt=1)]

Make = Callable[..., optim.Optimizer]
OPTIMIZERS: Registry[Make] = Registry("optimizer")


def adam(
    params: Iterable[nn.Parameter],
    *,
    lr: Rate = 2e-4,  # learning rate
    betas: tuple[FixedDecay, Decay] = (0.5, 0.999),  # decay of the mean of the gradient and of its square
) -> optim.Optimizer:
    """Adam; the defaults are DCGAN's (Radford 2016, section 4)."""
    return optim.Adam(params, number(lr), (betas[0], number(betas[1])), fused=True)


def sgd(
    params: Iterable[nn.Parameter],
    *,
    lr: Rate = 1e-2,  # learning rate
    momentum: FixedDecay = 0.0,  # decay of the running mean of the gradient; 0 = plain SGD
) -> optim.Optimizer:
    """Stochastic gradient descent, with momentum if it is set."""
    return optim.SGD(params, number(lr), momentum)


def rmsprop(
    params: Iterable[nn.Parameter],
    *,
    lr: Rate = 5e-5,  # learning rate
    alpha: FixedDecay = 0.99,  # decay of the mean of the squared gradient
) -> optim.Optimizer:
    """RMSprop; the default rate is WGAN's (Arjovsky 2017, algorithm 1)."""
    return optim.RMSprop(params, number(lr), alpha)


for _make in (adam, sgd, rmsprop):
    OPTIMIZERS.add(_make.__name__, _make)


def scheduled_options(table: Mapping[str, Any], step: int, batch_size: int) -> dict[str, Any]:
    """The options in the config `table` of an optimizer that follow a schedule, with their values at `step`."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        if any(schedules_in(value)):
            each = [number(part, step, batch_size) for part in (value if isinstance(value, list | tuple) else [value])]
            found[key] = tuple(each) if isinstance(value, list | tuple) else each[0]
    return found


def set_options(optimizer: optim.Optimizer, factor: float, scheduled: Mapping[str, Any]) -> None:
    """Set the `scheduled` options of every group, and `factor` times its scheduled or initial learning rate."""
    for group in optimizer.param_groups:
        rate = scheduled.get("lr", group.setdefault("initial_lr", group["lr"])) * factor
        rate = group["lr"].fill_(rate) if isinstance(group["lr"], torch.Tensor) else rate
        group.update({**scheduled, "lr": rate})


def device_lr_options(optimizer: optim.Optimizer) -> list[str]:
    """Names of the options with which a torch optimizer reads its learning rate from the device; empty if unsupported."""
    options = optimizer.param_groups[0]
    batched = [name for name in ("fused", "foreach") if name in options][:1]
    return [name for name in ("capturable",) if name in options] + batched


def keep_lr_on_device(optimizer: optim.Optimizer) -> None:
    """Keep learning rate and step count on the device, where a CUDA graph of a step reads their current values."""
    on = dict.fromkeys(device_lr_options(optimizer), True)
    for group in optimizer.param_groups:
        group["initial_lr"] = group["lr"]
        group["lr"] = torch.tensor(group["lr"], device=group["params"][0].device)
        group.update(on)


def lay_as_weights(optimizer: optim.Optimizer) -> None:
    """Give state tensors the memory format of their weights: a loaded state is contiguous, fused steps need one format."""
    for weight, kept in optimizer.state.items():
        for name, value in kept.items():
            if isinstance(value, torch.Tensor) and value.shape == weight.shape and value.stride() != weight.stride():
                kept[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


import_folder(__name__, __path__)
