"""`ganzoo gallery`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ganzoo import terminal
from ganzoo.ui.collection import collect, print_left_out
from ganzoo.ui.gallery import write_gallery


def run(checkpoints: Sequence[str], out: Path, plugins: Sequence[Path] = ()) -> None:
    """Write the page and print its name; raises `InputError`."""
    found = collect(checkpoints)
    print_left_out(found)
    terminal.out(str(write_gallery(found, out, plugins)))
