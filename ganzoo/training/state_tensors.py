"""Tensors of the training state: those of a trainer, and those expected in a file."""

from collections.abc import Iterable, Mapping
from typing import TypeVar

import torch
from torch import Tensor, nn, optim

from ganzoo.builder import make_optimizer
from ganzoo.config.tables import Table
from ganzoo.tensor_io import TensorSpec, tensor_specs
from ganzoo.training.trainer import Trainer

Value = TypeVar("Value")

SETTLED_STEPS = 8  # steps; later ones are assumed to add no tensor to an optimizer's state


def live_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Every tensor of the training state by dotted name; not copied."""
    found = {f"{name}.{key}": value for name, m in trainer.modules().items() for key, value in m.state_dict().items()}
    for name, optimizer in trainer.optimizers().items():
        found |= {f"{name}.{key}": value for key, value in optimizer_tensors(optimizer).items()}
    return found


def state_tensors(trainer: Trainer) -> dict[str, Tensor]:
    """`live_tensors` on the CPU."""
    return {name: value.detach().cpu().contiguous() for name, value in live_tensors(trainer).items()}


def optimizer_tensors(optimizer: optim.Optimizer) -> dict[str, Tensor]:
    """The tensors in an optimizer's state, by parameter index and name: `3.exp_avg`."""
    states = optimizer.state_dict()["state"]
    return {f"{i}.{k}": v for i, state in states.items() for k, v in state.items() if isinstance(v, Tensor)}


def first_not_finite(trainer: Trainer) -> str | None:
    """Name of the first state tensor with a NaN or infinity, or None. Copies no tensor; synchronizes with the device once."""
    floats = {name: value for name, value in live_tensors(trainer).items() if value.is_floating_point()}
    finite = torch.stack([value.isfinite().all().to(trainer.device) for value in floats.values()]).tolist()
    return next((name for name, good in zip(floats, finite, strict=True) if not good), None)


def expected_tensors(trainer: Trainer, counters: dict[str, int]) -> dict[str, TensorSpec]:
    """Specs of the tensors in the training state of `trainer` at these counters."""
    modules = trainer.modules().items()
    found = {f"{name}.{key}": spec for name, m in modules for key, spec in tensor_specs(m.state_dict()).items()}
    for name, player in trainer.players().items():
        made = optimizer_after(counters[player.counter], player.table, player.network)
        found |= {f"optimiser.{name}.{key}": spec for key, spec in tensor_specs(made).items()}
    return found


def optimizer_after(steps: int, table: Table, network: nn.Module) -> dict[str, Tensor]:
    """State tensors of a new optimizer of `table` after `steps` on zero copies of `network`'s weights; only specs are valid.

    Creates and steps an optimizer, because a plugin's optimizer may keep any state.
    """
    weights = nn.ParameterList(torch.zeros_like(p, device="cpu") for p in network.parameters())
    optimizer = make_optimizer(table, weights)
    for weight in weights:
        weight.grad = torch.zeros_like(weight)
    for _ in range(min(steps, SETTLED_STEPS)):
        optimizer.step()
    return optimizer_tensors(optimizer)


def by_parameter(names: Iterable[str]) -> list[set[str]]:
    """The optimizer tensors among `names`, grouped by parameter. A parameter that never had a gradient has no state."""
    groups: dict[str, set[str]] = {}
    for name in names:
        if name.startswith("optimiser."):
            groups.setdefault(".".join(name.split(".")[:3]), set()).add(name)
    return list(groups.values())


def with_prefix(state: Mapping[str, Value], name: str) -> dict[str, Value]:
    """The entries whose key starts with `name` and a dot, with that prefix removed."""
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}
