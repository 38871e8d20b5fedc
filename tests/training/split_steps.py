"""Steps in float64 whose batch may be split, and what they come to."""

from __future__ import annotations

from hashlib import blake2b

import torch
from torch import Tensor

from ganzoo.builder import resolve_config
from ganzoo.config.tables import Table, merge
from ganzoo.data import Dataset
from ganzoo.losses import LOSSES
from ganzoo.training.distributed import SINGLE_PROCESS, ProcessGroup
from ganzoo.training.loop import make_trainer
from ganzoo.training.trainer import Trainer
from small_runs import recipe_of, small, switched, toy_data

WITHOUT_BATCH_NORM: Table = {"networks": {"generator": {"norm": "none"}, "discriminator": {"norm": "none"}}}
ACGAN: Table = {"networks": {"generator": {"condition": "concat"}}}  # its recipe's is by batch norm
MEANS: dict[str, tuple[str, Table]] = {
    name: ("acgan", ACGAN) if name == "acgan" else recipe_of(name)
    for name, loss in LOSSES.items()
    if not loss.couples_samples
}
NARROW: Table = {"generator": {"width": 4}, "discriminator": {"width": 4, "norm": "none"}}
LEVELS = [
    NARROW | {"loss": {"name": "wgan-gp"}, "low_pass": True, "noise": 0.1},
    NARROW | {"loss": {"name": "rpgan"}},
]
MEANS["lapgan"] = ("lapgan", {"networks": {"pyramid": LEVELS}})
TRICKS: dict[str, Table] = {
    "d-batch": switched("replay label-noise packing instance-noise augment flip r1 r2 two-d-steps".split()),
    "layers": switched("spectral-norm noise-in-g dropout-in-g virtual-norm past-players historical-averaging".split()),
    "targets": merge(
        switched("soft-labels labels instance-norm gp thresholds".split()), {"train": {"g_batch_multiple": 2}}
    ),
}
"""Switches that draw numbers, remember or exchange samples, but compare none with another."""
COMPARE: dict[str, tuple[str, Table]] = {
    "coulomb": ("coulomb", {}),
    "ebgan": ("ebgan", {}),
    "vaegan-coulomb": ("vaegan", {"loss": {"adversarial": "coulomb"}}),
    "ssgan": ("ssgan", {"data": {"labelled": 8}}),
    "acgan-partly-labelled": ("acgan", merge(ACGAN, {"data": {"labelled": 8}})),
    "feature-matching": ("nsgan", switched(["feature-matching", "soft-labels"])),
}
"""What compares samples, and what takes a mean over some of them."""
ALL: dict[str, tuple[str, Table]] = {
    **MEANS,
    **{name: ("nsgan", tables) for name, tables in TRICKS.items()},
    **COMPARE,
}


def data(tables: Table) -> Dataset:
    """Small pictures, as many of them labelled as the tables say."""
    whole, labelled = toy_data(n=24, size=16), tables.get("data", {}).get("labelled")
    return whole if labelled is None else whole.partly_labelled(labelled)


def trainer(variant: str, tables: Table, group: ProcessGroup = SINGLE_PROCESS, **train: object) -> Trainer:
    """In float64, whose batch of 8 no norm makes depend on its split."""
    switched_on = merge(merge(WITHOUT_BATCH_NORM, tables), {"train": {"batch_size": 8, **train}})
    made = data(tables)
    t = make_trainer(resolve_config(small(variant, **switched_on), made), made, group)
    reals = t.reals
    t.reals = lambda n: (batch := reals(n)).with_images(batch.images.double())  # type: ignore[method-assign]
    return t


def outcome(t: Trainer, steps: int = 3) -> dict[str, Tensor]:
    """The gradients and terms of the last of `steps` training steps, both players after them, and the state of the loss."""
    for _ in range(steps):
        t.train_step()
    found = {f"term.d.{name}": value for name, value in t.d_terms.items()}
    found |= {f"term.g.{name}": value for name, value in t.g_terms.items()}
    for name, player in (("G", t.G), ("D", t.D)):
        found |= {f"{name}.{key}": value for key, value in player.state_dict().items()}
        found |= {f"grad.{name}.{key}": p.grad for key, p in player.named_parameters() if p.grad is not None}
    found |= {f"loss.{key}": value for key, value in t.loss.state_dict().items()}
    found |= {f"trick.{i}.{key}": v for i, trick in enumerate(t.tricks) for key, v in trick.state_dict().items()}
    return {key: value.detach().clone() for key, value in found.items()}


def fingerprints(t: Trainer, steps: int) -> Tensor:
    """A number for all bytes of both players after each step."""
    found = []
    for _ in range(steps):
        t.train_step()
        values = [v.numpy().tobytes() for player in (t.G, t.D) for v in player.state_dict().values()]
        found.append(int.from_bytes(blake2b(b"".join(values), digest_size=7).digest(), "big"))
    return torch.tensor(found)
