"""The files of a release: which there may be, and copies of them."""

from __future__ import annotations

import shutil
from pathlib import Path

from ganzoo.errors import InputError
from ganzoo.training.release import NEEDED, SHOWN

README = "README.md"
"""What the Hub shows; written anew for each push."""
FILES = (*NEEDED, *SHOWN, README)


def refuse_strangers(folder: Path) -> None:
    """Raise `InputError` where a release folder holds anything else."""
    strangers = sorted(path.name for path in folder.iterdir() if path.name not in FILES or not path.is_file())
    if strangers:
        raise InputError(f"{folder} holds {', '.join(strangers)}: a release is {', '.join(FILES)} and nothing else")


def copy(release: Path, folder: Path) -> None:
    """Copy the files of a release, those that there are, into a folder that exists."""
    for name in FILES:
        if (release / name).is_file():
            shutil.copyfile(release / name, folder / name)
