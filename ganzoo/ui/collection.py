"""Collection of checkpoints for a page: the named ones, or the bundled releases and the runs in runs/."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ganzoo import terminal
from ganzoo.errors import InputError
from ganzoo.sampling import Sampler, load, shipped_releases

RUNS = Path("runs")
Open = Callable[[str], Sampler]


class Collection(NamedTuple):
    """Loaded checkpoints, and those left out."""

    samplers: dict[str, Sampler]
    """By the name or path that `ganzoo sample` takes."""
    left_out: list[str]
    """One line for each checkpoint that is not shown, with the reason."""


def collect(names: Sequence[str], opened: Open = load) -> Collection:
    """Load the checkpoints `names` with `opened`; a folder of checkpoints stands for all in it, no names for all found.

    Raises `InputError` for a name that is no checkpoint or that `opened` refuses, and if no checkpoint is found.
    A checkpoint that was found without being named is left out instead.
    """
    found = Collection({}, [])
    for name in names:
        inside = within(Path(name))
        if not inside:
            found.samplers[name] = opened(name)
        _add(found, inside, opened)
    if not names:
        _add(found, usual(), opened)
    if not found.samplers:
        why = f" ({found.left_out[0]})" if found.left_out else ""
        where = ", ".join(names) or "this installation or in runs/"
        raise InputError(f"no checkpoint to show in {where}{why}; name a run or a release folder")
    return found


def print_left_out(found: Collection) -> None:
    """Print the checkpoints that are left out to stderr, with the reasons."""
    for line in found.left_out:
        terminal.err(f"left out: {line}")


def usual() -> list[str]:
    """The names of the bundled releases, and the runs in runs/."""
    return [*shipped_releases(), *within(RUNS)]


def within(folder: Path) -> list[str]:
    """The runs and releases directly in `folder`; empty if it is a run or release itself."""
    if (folder / "config.json").is_file() or not folder.is_dir():
        return []
    return [str(entry.parent) for entry in sorted(folder.glob("*/config.json"))]


def _add(found: Collection, names: Iterable[str], opened: Open) -> None:
    for name in names:
        try:
            found.samplers[name] = opened(name)
        except InputError as error:
            found.left_out.append(f"{name}: {error}")
