"""The optimizers by name; their keyword arguments are the keys of `[train.generator]` and `[train.discriminator]`.

Another optimizer is one file in this folder.
"""

from collections.abc import Callable, Iterable
from typing import Annotated

import torch
from pydantic import Field, PositiveFloat
from torch import nn, optim

from ganzoo.registry import Registry, import_folder

Decay = Annotated[float, Field(ge=0, lt=1)]

Make = Callable[..., optim.Optimizer]
OPTIMIZERS: Registry[Make] = Registry("optimiser")


def adam(
    params: Iterable[nn.Parameter],
    *,
    lr: PositiveFloat = 2e-4,  # learning rate
    betas: tuple[Decay, Decay] = (0.5, 0.999),  # decay of the mean of the gradient and of its square
) -> optim.Optimizer:
    """Adam; the defaults are DCGAN's (Radford 2016, section 4)."""
    return optim.Adam(params, lr, betas, fused=True)


def sgd(
    params: Iterable[nn.Parameter],
    *,
    lr: PositiveFloat = 1e-2,  # learning rate
    momentum: Decay = 0.0,  # decay of the running mean of the gradient; 0 = plain SGD
) -> optim.Optimizer:
    """Stochastic gradient descent, with momentum if it is set."""
    return optim.SGD(params, lr, momentum)


def rmsprop(
    params: Iterable[nn.Parameter],
    *,
    lr: PositiveFloat = 5e-5,  # learning rate
    alpha: Decay = 0.99,  # decay of the mean of the squared gradient
) -> optim.Optimizer:
    """RMSprop; the default rate is WGAN's (Arjovsky 2017, algorithm 1)."""
    return optim.RMSprop(params, lr, alpha)


for _make in (adam, sgd, rmsprop):
    OPTIMIZERS.add(_make.__name__, _make)


def set_lr_factor(optimiser: optim.Optimizer, factor: float) -> None:
    """Set every group's rate to `factor` times the one it was built with."""
    for group in optimiser.param_groups:
        rate = group.setdefault("initial_lr", group["lr"]) * factor
        group["lr"] = group["lr"].fill_(rate) if isinstance(group["lr"], torch.Tensor) else rate


def device_lr_options(optimizer: optim.Optimizer) -> list[str]:
    """The options of a torch optimizer that let it read the learning rate from the device; empty if it has none."""
    options = optimizer.param_groups[0]
    batched = [name for name in ("fused", "foreach") if name in options][:1]
    return [name for name in ("capturable",) if name in options] + batched


def keep_lr_on_device(optimiser: optim.Optimizer) -> None:
    """Let a CUDA graph of a step find there what changes from step to step: the rate, and how many steps there were."""
    on = dict.fromkeys(device_lr_options(optimiser), True)
    for group in optimiser.param_groups:
        group["initial_lr"] = group["lr"]
        group["lr"] = torch.tensor(group["lr"], device=group["params"][0].device)
        group.update(on)


def lay_as_weights(optimiser: optim.Optimizer) -> None:
    """Lay out what `optimiser` keeps of a weight as the weight: a loaded state is contiguous, and fused steps want one."""
    for weight, kept in optimiser.state.items():
        for name, value in kept.items():
            if isinstance(value, torch.Tensor) and value.shape == weight.shape and value.stride() != weight.stride():
                kept[name] = torch.empty_like(weight, dtype=value.dtype).copy_(value)


import_folder(__name__, __path__)
