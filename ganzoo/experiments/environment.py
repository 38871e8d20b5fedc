"""On what a cell ran. The cells of one folder may be from several commands, and machines."""

import os
import platform
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from ganzoo.evaluator import package_versions
from ganzoo.json_io import FileSchema
from ganzoo.training.release import cpu_name


class Environment(FileSchema):
    """The machine and the software of a cell; of several cells, with all that differs joined by "and"."""

    jobs: int | str
    """Cells at once on the machine."""
    hardware: str
    """The processor, its cores, the system, and the GPU where there is one."""
    versions: dict[str, str]
    """Python, ganzoo and the packages that a score depends on."""


def environment(jobs: int | str) -> Environment:
    """The environment of this process, with `jobs` cells at once on its machine."""
    return Environment(jobs=jobs, hardware=hardware_name(), versions=package_versions())


def hardware_name() -> str:
    """The processor, its cores, and the GPU where there is one."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join([cpu_name(), f"{os.cpu_count()} cores", platform.system(), *gpus])


def merge_environments(machines: Sequence[Environment]) -> Environment:
    """All of `machines` in the form of one."""
    names = dict.fromkeys(name for each in machines for name in each.versions)
    return Environment(
        jobs=join_distinct(each.jobs for each in machines),
        hardware=join_distinct(each.hardware for each in machines),
        versions={
            name: join_distinct(each.versions[name] for each in machines if name in each.versions) for name in names
        },
    )


def join_distinct(values: Iterable[object]) -> Any:
    """The one value, or the text of all that differ."""
    one, *others = dict.fromkeys(values)
    return " and ".join(map(str, (one, *others))) if others else one
