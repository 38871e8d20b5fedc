"""`ganzoo export`."""

from __future__ import annotations

from pathlib import Path

from ganzoo import terminal
from ganzoo.release.export import export, refuse_format
from ganzoo.sampling import load


def run(checkpoint: str, form: str, out: Path | None) -> None:
    """Write the file and say how exact it is."""
    path = out or Path(f"{Path(checkpoint).resolve().name}.{form}")
    refuse_format(form, path)
    distance = export(load(checkpoint), path, form)
    terminal.out(f"{path}: images within {distance:.1g} of PyTorch's")
