"""`ganzoo gallery`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ganzoo.showing.collection import collect
from ganzoo.showing.gallery import write_gallery


def run(checkpoints: Sequence[str], out: Path, plugins: Sequence[Path] = ()) -> None:
    """Write the page and print its name; raises `InputError`."""
    print(write_gallery(collect(checkpoints), out, plugins))
