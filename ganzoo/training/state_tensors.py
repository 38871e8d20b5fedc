"""The tensors of a training state: those that a trainer has, and those that a file must have to fit it."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn, optim

from ganzoo.builder import make_optimizer
from ganzoo.config.schema import Table
from ganzoo.tensor_io import TensorSpec, tensor_specs
from ganzoo.training.trainer import Trainer

Value = TypeVar("Value")

SETTLED_STEPS = 8  # steps after which no optimizer is expected to add another tensor to its state


def live_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Every tensor of the state, by a dotted name: the tensors themselves, no copies."""
    found = {f"{name}.{key}": value for name, m in trainer.modules().items() for key, value in m.state_dict().items()}
    for name, optimiser in trainer.optimizers().items():
        found |= {f"{name}.{key}": value for key, value in optimizer_tensors(optimiser).items()}
    return found


def state_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """`live_tensors` on the CPU."""
    return {name: value.detach().cpu().contiguous() for name, value in live_tensors(trainer).items()}


def optimizer_tensors(optimiser: optim.Optimizer) -> dict[str, Tensor]:
    """The tensors in the state of an optimizer, by index of the parameter and name: `3.exp_avg`."""
    states = optimiser.state_dict()["state"]
    return {f"{i}.{k}": v for i, state in states.items() for k, v in state.items() if isinstance(v, Tensor)}


def first_not_finite(trainer: Trainer) -> str | None:
    """The first tensor of the state that holds NaN or infinity, or None; nothing is copied, and the device waits once."""
    floats = {name: value for name, value in live_tensors(trainer).items() if value.is_floating_point()}
    finite = torch.stack([value.isfinite().all().to(trainer.device) for value in floats.values()]).tolist()
    return next((name for name, good in zip(floats, finite, strict=True) if not good), None)


def expected_tensors(trainer: Trainer, counters: dict[str, int]) -> dict[str, TensorSpec]:
    """The tensors that a state of `trainer` holds at these counters."""
    modules, train = trainer.modules(), trainer.config.train
    found = {f"{name}.{key}": spec for name, m in modules.items() for key, spec in tensor_specs(m.state_dict()).items()}
    for player, table in (("generator", train.generator), ("discriminator", train.discriminator)):
        made = optimizer_after(counters[f"{player[0]}_steps"], table, modules[player])
        found |= {f"optimiser.{player}.{key}": spec for key, spec in tensor_specs(made).items()}
    return found


def optimizer_after(steps: int, table: Table, network: nn.Module) -> dict[str, Tensor]:
    """The tensors that the optimizer of `table` has after `steps` on weights like those of `network`, with other values.

    Only the optimizer itself knows what it keeps, and a plugin may have added it; so one is made and stepped.
    """
    weights = nn.ParameterList(torch.zeros_like(p, device="cpu") for p in network.parameters())
    optimiser = make_optimizer(table, weights)
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    for _ in range(min(steps, SETTLED_STEPS)):
        optimiser.step()
    return optimizer_tensors(optimiser)


def by_parameter(names: Iterable[str]) -> list[set[str]]:
    """Those of `names` that are tensors of an optimizer, grouped by parameter: one that never had a gradient has none."""
    groups: dict[str, set[str]] = {}
    for name in names:
        if name.startswith("optimiser."):
            groups.setdefault(".".join(name.split(".")[:3]), set()).add(name)
    return list(groups.values())


def with_prefix(state: Mapping[str, Value], name: str) -> dict[str, Value]:
    """The values below `name`, without it."""
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
