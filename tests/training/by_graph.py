"""Trainers whose steps run by graph and one operator at a time, and whether they do the same."""

from __future__ import annotations

import torch
from tape import Tape
from test_variants import trainer

from ganzoo.optimizers import keep_lr_on_device
from ganzoo.training import checkpoint
from ganzoo.training.cuda_graphs import WARMUP_STEPS, GraphRunner
from ganzoo.training.log_record import log_terms
from ganzoo.training.trainer import Trainer

STEPS = WARMUP_STEPS + 3


def made(variant: str, **tables) -> Trainer:
    """With rates that fall."""
    return trainer(variant, **{**tables, "train": {"lr_decay_steps": 9} | tables.get("train", {})})


def eager(variant: str, **tables) -> Trainer:
    """With its rates where a graph needs them: in float32, they are others by a rounding."""
    t = made(variant, **tables)
    for optimiser in t.optimizers().values():
        keep_lr_on_device(optimiser)
    return t


def graphed(variant: str, **tables) -> Trainer:
    """As on CUDA, with a tape for the graph."""
    t = made(variant, **tables)
    train = t.config.train.model_copy(update={"device": "cuda", "cuda_graphs": True})
    t.graphs = GraphRunner.made(train, [t.loss, *t.tricks], t.group.size, t.optimizers().values())
    assert t.graphs.make and not t.graphs.messages
    t.graphs.make = Tape
    return t


def copied(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in tensors.items()}


def state(t: Trainer) -> dict[str, torch.Tensor]:
    return copied(checkpoint.state_tensors(t))


def everything(t: Trainer) -> dict[str, bytes]:
    """All that a step changes, and what the log reads of it: as bytes, in which NaN is NaN."""
    found = state(t) | {f"d/{k}": v for k, v in t.d_terms.items()} | {f"g/{k}": v for k, v in t.g_terms.items()}
    rest = str((t.counters(), t.first_bad.item(), log_terms(t)))
    return {k: v.cpu().numpy().tobytes() for k, v in found.items()} | {"rest": rest.encode()}


def stepped(t: Trainer, steps: int = STEPS) -> Trainer:
    for _ in range(steps):
        t.train_step()
    return t


def agree(a: Trainer, b: Trainer, steps: int = STEPS) -> bool:
    """Whether all is the same after so many further steps of both."""
    return everything(stepped(a, steps)) == everything(stepped(b, steps))


def is_captured(t: Trainer) -> bool:
    return not t.graphs.messages and all(t.graphs.graphed[name].terms for name in ("d_update", "g_update"))
