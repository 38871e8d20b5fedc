"""The checkpoints at hand: those that are named, or those that ship and the runs beside them."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ganzoo import terminal
from ganzoo.errors import InputError
from ganzoo.sampling import Sampler, load, shipped_releases

RUNS = Path("runs")
Open = Callable[[str], Sampler]


class Collection(NamedTuple):
    """What was found."""

    samplers: dict[str, Sampler]
    """By the words that `ganzoo sample` takes for them."""
    left_out: list[str]
    """Why a folder among others is not shown, a line each."""


def collect(names: Sequence[str], opened: Open = load) -> Collection:
    """The checkpoints called `names`, a folder of checkpoints standing for all in it; without names all at hand.

    Raises `InputError` for a name that is no checkpoint or that `opened` refuses, and where there is none at all. One that
    was not named, but found, is left out instead.
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
        raise InputError(f"there is no checkpoint to show in {where}{why}; name a run or a release folder")
    return found


def print_left_out(found: Collection) -> None:
    """Say on stderr which checkpoints are not shown, and why."""
    for line in found.left_out:
        terminal.err(f"left out: {line}")


def usual() -> list[str]:
    """The names that ship, and the runs here."""
    return [*shipped_releases(), *within(RUNS)]


def within(folder: Path) -> list[str]:
    """The runs and releases directly in a folder that is neither itself."""
    if (folder / "config.json").is_file() or not folder.is_dir():
        return []
    return [str(entry.parent) for entry in sorted(folder.glob("*/config.json"))]


def _add(found: Collection, names: Iterable[str], opened: Open) -> None:
    for name in names:
        try:
            found.samplers[name] = opened(name)
        except InputError as error:
            found.left_out.append(f"{name}: {error}")
