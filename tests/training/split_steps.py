"""Steps in float64 whose batch may be split. Run as a script it is one process of several, and writes down what it got."""

from __future__ import annotations

import sys
import warnings
from hashlib import blake2b
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ganzoo.config import Table
from ganzoo.data import Dataset
from ganzoo.losses import LOSSES
from ganzoo.recipes import merge
from ganzoo.training.checkpoint import align
from ganzoo.training.loop import make_trainer
from ganzoo.training.parallel import ALONE, Group, joined
from ganzoo.training.trainer import Trainer

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[1]))

from ganzoo.build import resolve
from small_runs import small, switched, toy_data

WITHOUT_BATCH_NORM: Table = {"networks": {"generator": {"norm": "none"}, "discriminator": {"norm": "none"}}}
ACGAN: Table = {"networks": {"generator": {"condition": "concat"}}}  # its recipe's is by batch norm
MEANS: dict[str, tuple[str, Table]] = {
    name: (name, ACGAN if name == "acgan" else {}) for name, loss in LOSSES.items() if not loss.couples_samples
}
TRICKS: dict[str, Table] = {
    "d-batch": switched("replay label-noise packing instance-noise augment flip r1 r2 two-d-steps".split()),
    "layers": switched("spectral-norm noise-in-g dropout-in-g virtual-norm past-players historical-averaging".split()),
    "targets": merge(switched("soft-labels labels instance-norm gp thresholds".split()), {"train": {"g_batch": 2}}),
}
"""Switches that draw numbers, remember or exchange samples, but compare none with another."""
COMPARE: dict[str, tuple[str, Table]] = {
    "coulomb": ("coulomb", {}),
    "ebgan": ("ebgan", {}),
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


def trainer(variant: str, tables: Table, group: Group = ALONE, **train: object) -> Trainer:
    """In float64, whose batch of 8 no norm makes depend on its split."""
    switched_on = merge(merge(WITHOUT_BATCH_NORM, tables), {"train": {"batch": 8, **train}})
    made = data(tables)
    t = make_trainer(resolve(small(variant, **switched_on), made), made, group)
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


def write_down(folder: Path, names: list[str]) -> None:
    """What the cases `names` come to in this process, as `folder`/<rank>.safetensors."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    with joined() as group:
        torch.set_default_dtype(torch.float64)
        found = {}
        for name in names:
            accumulate = 2 if name in ("hinge", "began") else 1
            found |= {f"{name}/{k}": v for k, v in outcome(trainer(*ALL[name], group, accumulate=accumulate)).items()}
        torch.set_default_dtype(torch.float32)
        shipped = resolve(small("nsgan", train={"batch": 8}), data({}))
        t = make_trainer(shipped, data({}), group)
        if not group.first:
            next(t.G.parameters()).data.zero_()  # which the first process must put right
        align(t)
        found["fingerprints"] = fingerprints(t, 100)
        save_file({key: value.contiguous() for key, value in found.items()}, folder / f"{group.rank}.safetensors")


if __name__ == "__main__":
    write_down(Path(sys.argv[1]), sys.argv[2:])
