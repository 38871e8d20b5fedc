"""On what a cell ran. The cells of one folder may be from several commands, and machines."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence

import torch

from ganzoo.config.schema import Table
from ganzoo.evaluator import package_versions
from ganzoo.training.release import cpu_name


def environment(jobs: int) -> Table:
    """What this machine is, with so many cells on it at once."""
    return {"jobs": jobs, "hardware": hardware_name(), "versions": package_versions()}


def hardware_name() -> str:
    """The processor, its cores, and the GPU where there is one."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join([cpu_name(), f"{os.cpu_count()} cores", platform.system(), *gpus])


def merge_environments(machines: Sequence[Table]) -> Table:
    """All of `machines` in the form of one; what differs is joined by "and"."""
    names = dict.fromkeys(name for each in machines for name in each["versions"])
    return {
        "jobs": join_distinct(each["jobs"] for each in machines),
        "hardware": join_distinct(each["hardware"] for each in machines),
        "versions": {
            name: join_distinct(each["versions"][name] for each in machines if name in each["versions"])
            for name in names
        },
    }


def join_distinct(values: Iterable[object]) -> object:
    """The one value, or the text of all that differ."""
    one, *others = dict.fromkeys(values)
    return " and ".join(map(str, (one, *others))) if others else one
