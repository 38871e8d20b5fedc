"""All that resumes: one safetensors file and one JSON file a state, of which the last two are kept."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, optim

from ganzoo.errors import InputError, TrainingFailed
from ganzoo.files import FORMAT, digest, read_json, write_bytes, write_folder, write_json
from ganzoo.optimisers import lay_as_weights
from ganzoo.training.readings import of_d
from ganzoo.training.trainer import Trainer

KEPT = 2


def tensors(trainer: Trainer) -> dict[str, Tensor]:
    """Every tensor of the state, by a dotted name, on the CPU."""
    found = {f"{name}.{key}": value for name, m in trainer.modules().items() for key, value in m.state_dict().items()}
    for name, optimiser in trainer.optimisers().items():
        for index, state in optimiser.state_dict()["state"].items():
            found |= {f"{name}.{index}.{key}": value for key, value in state.items() if isinstance(value, Tensor)}
    return {name: value.detach().cpu().contiguous() for name, value in found.items()}


def not_finite(state: dict[str, Tensor]) -> str | None:
    """The first of a state that holds NaN or infinity; None where none does."""
    bad = (name for name, value in state.items() if value.is_floating_point() and not value.isfinite().all())
    return next(bad, None)


def save_state(trainer: Trainer, folder: Path, extra: dict[str, Any]) -> Path:
    """Save the state as `folder`/<step>; raises `TrainingFailed`, and writes nothing, where a number is not finite."""
    state = tensors(trainer)
    if bad := not_finite(state):
        raise TrainingFailed(f"{bad} is not finite after step {trainer.step}")
    content = save(state)
    path = folder / f"{trainer.step:08d}"
    facts = {
        "format": FORMAT,
        "counters": trainer.counters(),
        "sha256": digest(content),
        "of_d": of_d(trainer),
        **extra,
    }

    def fill(new: Path) -> None:
        write_bytes(new / "state.safetensors", content)
        write_json(new / "state.json", facts)

    write_folder(path, fill)
    for old in states(folder)[:-KEPT]:
        shutil.rmtree(old)
    return path


def states(folder: Path) -> list[Path]:
    """The saved states, oldest first; a copy that the user has put beside them under a name of its own is none."""
    return sorted(path for path in folder.glob("*") if path.name.isdecimal() and path.is_dir())


def forget_after(folder: Path, step: int) -> None:
    """Delete the states of later steps, which a rollback has given up."""
    for path in states(folder):
        if int(path.name) > step:
            shutil.rmtree(path)


def read_state(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors and facts of one state; raises `InputError` where it is damaged."""
    facts = read_json(path / "state.json")
    try:
        content = (path / "state.safetensors").read_bytes()
        if digest(content) != facts.get("sha256") or not {"counters", "seconds"} <= facts.keys():
            raise InputError(
                f"{path} is damaged: its SHA-256 is not the one written beside it, or its counters are gone"
            )
        return load(content), facts
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def restore(trainer: Trainer, path: Path) -> dict[str, Any]:
    """Put the state at `path` into `trainer`; returns the facts that were saved with it."""
    state, facts = read_state(path)
    put(trainer, state, facts["counters"])
    trainer.held = facts.get("of_d", {})  # states of older versions have none
    return facts


def put(trainer: Trainer, state: dict[str, Tensor], counters: dict[str, int]) -> None:
    """Let `trainer` go on from `state`, as `tensors` names it, and `counters`."""
    for name, module in trainer.modules().items():
        module.load_state_dict(part(state, name))
    for name, optimiser in trainer.optimisers().items():
        _restore_optimiser(optimiser, part(state, name))
    trainer.set_counters(counters)


def align(trainer: Trainer) -> None:
    """Let every process go on from what the first one has: weights, buffers, optimisers and counters."""
    group = trainer.group
    if group.size > 1:
        state = group.same(lambda: save(tensors(trainer)))
        counters = group.same(lambda: json.dumps(trainer.counters()).encode())
        if not group.first:
            put(trainer, load(state), json.loads(counters))


def part(state: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """The tensors below `name`, without it."""
    return {key.removeprefix(f"{name}."): value for key, value in state.items() if key.startswith(f"{name}.")}


def _restore_optimiser(optimiser: optim.Optimizer, state: dict[str, Tensor]) -> None:
    full = optimiser.state_dict() | {"state": {}}  # what a later step left must not stay
    for key, value in state.items():
        index, _, name = key.partition(".")
        full["state"].setdefault(int(index), {})[name] = value
    optimiser.load_state_dict(full)
    lay_as_weights(optimiser)
