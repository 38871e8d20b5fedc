"""Hardware and software of a cell. The cells of one folder may come from several commands and machines."""

import os
import platform
from collections.abc import Iterable, Sequence
from typing import Any

import torch

from ganzoo.evaluator import package_versions
from ganzoo.json_io import FileSchema
from ganzoo.training.release import cpu_name


class Environment(FileSchema):
    """Machine and software of a cell; for several cells, different values are joined by "and"."""

    jobs: int | str
    """Simultaneous cells on the machine."""
    hardware: str
    """CPU, cores, operating system, and GPUs if any."""
    versions: dict[str, str]
    """Versions of Python, ganzoo and the packages that a score depends on."""


def environment(jobs: int | str) -> Environment:
    """The environment of this process, with `jobs` simultaneous cells on its machine."""
    return Environment(jobs=jobs, hardware=hardware_name(), versions=package_versions())


def hardware_name() -> str:
    """CPU, cores, operating system, and GPUs if any."""
    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return ", ".join([cpu_name(), f"{os.cpu_count()} cores", platform.system(), *gpus])


def merge_environments(machines: Sequence[Environment]) -> Environment:
    """`machines` merged into one environment."""
    names = dict.fromkeys(name for each in machines for name in each.versions)
    return Environment(
        jobs=join_distinct(each.jobs for each in machines),
        hardware=join_distinct(each.hardware for each in machines),
        versions={
            name: join_distinct(each.versions[name] for each in machines if name in each.versions) for name in names
        },
    )


def join_distinct(values: Iterable[object]) -> Any:
    """The common value, or a text with all distinct values."""
    one, *others = dict.fromkeys(values)
    return " and ".join(map(str, (one, *others))) if others else one
