"""Training states: save, list, restore. A state is one safetensors and one JSON file; the last two states are kept."""

import json
import shutil
from pathlib import Path
from typing import Any

from pydantic import Field
from safetensors.torch import load, save
from torch import Tensor, optim

from ganzoo.atomic_io import FORMAT, current_folder, sha256_hex, write_bytes, write_folder, write_json
from ganzoo.config.parsing import parse
from ganzoo.config.resolve import in_this_format
from ganzoo.config.schema import ResolvedConfig
from ganzoo.config.tables import Table
from ganzoo.errors import DamagedFile, InputError, TrainingFailed
from ganzoo.json_io import Count, FileSchema, Finite, Number, read_table
from ganzoo.optimizers import lay_as_weights
from ganzoo.tensor_io import read_tensors
from ganzoo.training.log_record import discriminator_metrics
from ganzoo.training.run_dir import fixed_config_diff
from ganzoo.training.state_tensors import by_parameter, expected_tensors, first_not_finite, state_tensors, with_prefix
from ganzoo.training.trainer import Trainer

MAX_STATES = 2


class OtherConfig(InputError):
    """An intact training state was saved with another config than the run has now."""


class Counters(FileSchema):
    """Training progress: `Trainer.counters`."""

    step: Count
    d_steps: Count
    g_steps: Count
    images: Count
    rollbacks: Count
    position: Count


class State(FileSchema):
    """Schema of `state.json`: everything in the training state except the tensors."""

    counters: Counters
    sha256: str
    seconds: Finite
    of_d: dict[str, Number] = Field(default_factory=dict)  # absent in states of older versions


def save_state(trainer: Trainer, folder: Path, extra: dict[str, Any], known_finite: bool = False) -> Path:
    """Save the training state as `folder`/<step>; raises `TrainingFailed`, and writes nothing, if a tensor is not finite.

    `known_finite` skips that check, for a caller that has just done it.
    """
    if not known_finite and (bad := first_not_finite(trainer)):
        raise TrainingFailed(f"{bad} is not finite after step {trainer.step}")
    content = save(state_tensors(trainer))
    path = folder / f"{trainer.step:08d}"
    facts = {
        "format": FORMAT,
        "counters": trainer.counters(),
        "sha256": sha256_hex(content),
        "of_d": discriminator_metrics(trainer),
        "config": trainer.config.model_dump(mode="json"),
        **extra,
    }

    def fill(new: Path) -> None:
        write_bytes(new / "state.safetensors", content)
        write_json(new / "state.json", facts | {"digest": state_digest(facts)})

    folder.mkdir(exist_ok=True)  # without parents: do not create a deleted run again
    write_folder(path, fill)
    delete_old_states(folder, trainer.step)
    return path


def state_digest(facts: Table) -> str:
    """SHA-256 of the content of `state.json`, which includes the SHA-256 of the tensors."""
    return sha256_hex(json.dumps({k: v for k, v in facts.items() if k != "digest"}, sort_keys=True).encode())


def saved_states(folder: Path) -> list[Path]:
    """The saved training states, oldest first; folders whose name is not a step number are ignored.

    If the replacement of a state was interrupted, the old one is listed.
    """
    names = {path.name.removeprefix(".").removesuffix(".old") for path in folder.glob("*") if path.is_dir()}
    return [current_folder(folder / name) for name in sorted(names) if name.isdecimal()]


def step_of(state: Path) -> int:
    """The step of a saved state, from its folder name."""
    return int(state.name.removeprefix(".").removesuffix(".old"))


def delete_old_states(folder: Path, step: int) -> None:
    """Delete the states up to `step` except the last `MAX_STATES`; later ones are damaged and do not count."""
    for path in [path for path in saved_states(folder) if step_of(path) <= step][:-MAX_STATES]:
        shutil.rmtree(path)


def delete_states_after(folder: Path, step: int) -> None:
    """Delete the states of later steps, after a rollback."""
    for path in saved_states(folder):
        if step_of(path) > step:
            shutil.rmtree(path)


def restore_trainer(trainer: Trainer, path: Path) -> Table:
    """Load the training state at `path` into `trainer`; returns the content of its `state.json`.

    Raises `InputError`, and changes nothing, if the state is damaged or does not fit `trainer`; `OtherConfig` if it was
    saved with another config.
    """
    facts = read_state_record(path, trainer.config)
    load_state_into(trainer, read_state(path, facts, trainer), facts["counters"])
    trainer.restored_d_metrics = facts.get("of_d", {})  # absent in states of older versions
    return facts


def read_state_record(path: Path, config: ResolvedConfig) -> Table:
    """The content of `state.json` in `path`; raises `InputError` if damaged, `OtherConfig` if saved with another config."""
    facts = read_table(path / "state.json", State)
    if facts.keys() & {"digest", "config"}:  # both absent in states of older versions
        if facts.get("digest") != state_digest(facts) or not isinstance(facts.get("config"), dict):
            raise DamagedFile(f"{path} is damaged: its SHA-256 is not the one in its state.json")
        if changed := fixed_config_diff(parse(ResolvedConfig, in_this_format(facts["config"])), config):
            raise OtherConfig(f"{path} was saved with another config.json ({'; '.join(changed)}); undo that change")
    if (step := facts["counters"]["step"]) != step_of(path):
        raise DamagedFile(f"{path} is damaged: its state.json has step {step}")
    return facts


def read_state(path: Path, facts: Table, trainer: Trainer) -> dict[str, Tensor]:
    """The tensors of the state at `path`, checked against the names, shapes and types that `trainer` expects."""
    file, counters = path / "state.safetensors", facts["counters"]
    expected = expected_tensors(trainer, counters)
    added = [{f"loss.{name}"} for name in trainer.loss.added_buffers]  # absent in states of older versions
    state = read_tensors(file, facts["sha256"], expected, optional=[*by_parameter(expected), *added])
    for name in trainer.optimizers():
        if with_prefix(expected, name) and not with_prefix(state, name):
            raise DamagedFile(f"{file} does not fit: it has no tensor of {name}, which has taken steps")
    return state


def load_state_into(trainer: Trainer, state: dict[str, Tensor], counters: dict[str, int]) -> None:
    """Set `trainer` to `state`, in the format of `state_tensors`, and `counters`."""
    for name, module in trainer.modules().items():
        module.load_state_dict(with_prefix(state, name))
    for name, optimizer in trainer.optimizers().items():
        _restore_optimizer(optimizer, with_prefix(state, name))
    trainer.set_counters(counters)


def broadcast_state(trainer: Trainer) -> None:
    """Copy rank 0's weights, buffers, optimizer states and counters to every process."""
    group = trainer.group
    if group.size > 1:
        state = group.broadcast_bytes(lambda: save(state_tensors(trainer)))
        counters = group.broadcast_bytes(lambda: json.dumps(trainer.counters()).encode())
        if not group.is_first:
            load_state_into(trainer, load(state), json.loads(counters))


def _restore_optimizer(optimizer: optim.Optimizer, state: dict[str, Tensor]) -> None:
    full = optimizer.state_dict() | {"state": {}}  # drop the entries of later steps
    for key, value in state.items():
        index, _, name = key.partition(".")
        full["state"].setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(full)
    lay_as_weights(optimizer)
