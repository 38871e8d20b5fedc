"""What the user asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ganzoo.comparing.budget import Budget
from ganzoo.comparing.settings import Setting
from ganzoo.config import Table, flat
from ganzoo.errors import InputError


@dataclass(frozen=True)
class Request:
    """A comparison as the command line or a program asks for it."""

    kind: str
    """compare or ablate"""
    settings: tuple[Setting, ...]
    shared: Table
    """What was set for all of them."""
    seeds: int
    budget: Budget
    out: Path
    n: int | None = None
    """Samples a score; None: 10,000, or what the protocol of a ground truth says."""
    metrics: Sequence[str] | None = None
    extractor: str | None = None
    """What sees the features; None: what fits the data."""
    jobs: int = 1
    """Cells at once on one machine."""
    tune: int = 0
    """Hyper-parameter draws a setting; 0 = none."""
    cluster: str | None = None
    """The address of a Ray cluster, or `local`."""
    plugins: Mapping[str, str] = field(default_factory=dict)
    """The sources of the user's files, by path: every worker runs them first (`ganzoo.plugins`)."""
    quiet: bool = False
    """Without a word of progress."""
    options: tuple[str, ...] = ()
    """The words of the command behind the settings and seeds, for who wants to repeat it."""


LARGEST = {"seeds": 10_000, "jobs": 1024, "n": 10_000_000, "tune": 10_000}


def refuse_numbers(request: Request) -> None:
    """Raise `InputError` for numbers that make no sense, alone or together."""
    for name, most in LARGEST.items():
        if (value := getattr(request, name)) is not None and value < 1 and name != "tune":
            raise InputError(f"--{name} must be at least 1, not {value}")
        if value is not None and value > most:
            raise InputError(f"--{name} must be at most {most:,}, not {value}")
    refuse_what_is_decided(flat(request.shared), request.budget)
    if request.tune < 0 or request.tune == 1:
        raise InputError(f"--tune {request.tune}: choosing takes at least 2 draws")
    if request.budget.minutes and (request.jobs > 1 or request.cluster):
        raise InputError(
            "--budget minutes=... needs the machine for one cell at a time; leave out --jobs and --cluster"
        )


def refuse_what_is_decided(shared: Table, budget: Budget) -> None:
    """Raise `InputError` where a seed or a number of steps is set that the comparison decides itself."""
    if "seed" in shared:
        raise InputError("--set seed: the seeds of a comparison are counted from 0; say how many with --seeds")
    steps = shared.get("train.steps")
    if steps is not None and budget != Budget("steps", steps):
        raise InputError(f"--set train.steps={steps} contradicts --budget {budget}; leave it out")
