"""On what a cell ran. The cells of one folder may be from several commands, and machines."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence

import torch

from ganzoo.config import Table
from ganzoo.measure import versions
from ganzoo.training.release import cpu


def machine(jobs: int) -> Table:
    """What this machine is, with so many cells on it at once."""
    return {"jobs": jobs, "hardware": hardware(), "versions": versions()}


def hardware() -> str:
    """The processor, its cores, and the GPU where there is one."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join([cpu(), f"{os.cpu_count()} cores", platform.system(), *gpus])


def united(machines: Sequence[Table]) -> Table:
    """All of `machines` in the form of one; what differs is joined by "and"."""
    names = dict.fromkeys(name for each in machines for name in each["versions"])
    return {
        "jobs": joined(each["jobs"] for each in machines),
        "hardware": joined(each["hardware"] for each in machines),
        "versions": {
            name: joined(each["versions"][name] for each in machines if name in each["versions"]) for name in names
        },
    }


def joined(values: Iterable[object]) -> object:
    """The one value, or the text of all that differ."""
    one, *others = dict.fromkeys(values)
    return " and ".join(map(str, (one, *others))) if others else one
