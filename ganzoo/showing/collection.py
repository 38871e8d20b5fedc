"""The checkpoints at hand: those that are named, or those that ship and the runs beside them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ganzoo.errors import InputError
from ganzoo.sampling import Sampler, load, shipped

RUNS = Path("runs")


class Collection(NamedTuple):
    """What was found."""

    samplers: dict[str, Sampler]
    """By the words that `ganzoo sample` takes for them."""
    left_out: list[str]
    """Why a folder among others is not shown, a line each."""


def collect(names: Sequence[str]) -> Collection:
    """The checkpoints called `names`, a folder of checkpoints standing for all in it; without names all at hand.

    Raises `InputError` for a name that is no checkpoint, and where there is none at all. One among others in a folder that
    cannot be opened is left out.
    """
    found = Collection({}, [])
    for name in names or usual():
        inside = within(Path(name))
        if not inside:
            found.samplers[name] = load(name)
        for folder in inside:
            _add(found, str(folder))
    if not found.samplers:
        raise InputError(
            f"there is no checkpoint to show in {', '.join(names) or 'this installation or in runs/'}; "
            "name a run or a release folder"
        )
    return found


def usual() -> list[str]:
    """The names that ship, and the folder of runs where there is one."""
    return [*shipped(), *([str(RUNS)] if within(RUNS) else [])]


def within(folder: Path) -> list[Path]:
    """The runs and releases directly in a folder that is neither itself."""
    if (folder / "config.json").is_file() or not folder.is_dir():
        return []
    return sorted(entry.parent for entry in folder.glob("*/config.json"))


def _add(found: Collection, name: str) -> None:
    try:
        found.samplers[name] = load(name)
    except InputError as error:
        found.left_out.append(f"{name}: {error}")
